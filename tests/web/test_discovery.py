"""The documents for machines: bytes made once, and every word of them true."""

from typing import Any

import jwt
import orjson
import pytest

from broker import opaque
from broker.oauth.authorization_request import AuthorizationRequest
from broker.store import clients
from tests.client_auth.signing import jwk, key, sign
from tests.stage import PUBLIC, WEB, WEB_REDIRECT, WEB_SECRET, HeldClock, Stage
from tests.web.front import ISSUER, Front, on_sqlite, query_of, running_front

PROVIDER = "/.well-known/openid-configuration"
SERVER = "/.well-known/oauth-authorization-server"
KEYS = "/.well-known/jwks.json"


@pytest.mark.parametrize(
    ("path", "media_type", "seconds", "stale"),
    [
        (PROVIDER, "application/json", 3_600, 3_600),
        (SERVER, "application/json", 3_600, 3_600),
        (KEYS, "application/jwk-set+json", 120, 12),
    ],
)
async def test_a_document_may_be_kept_and_asked_for_again(
    file_url: str, clock: HeldClock, path: str, media_type: str, seconds: int, stale: int
) -> None:
    async with running_front(file_url, clock, BROKER_JWKS_MAX_AGE="2m") as front:
        whole = await front.http.get(path)
        head = await front.http.head(path)
        etag = whole.headers["etag"]
        same = [
            await front.http.get(path, headers={"If-None-Match": known})
            for known in (etag, f"W/{etag}", f'"old", {etag}', "*")
        ]
        changed = await front.http.get(path, headers={"If-None-Match": '"old"'})
        refused = [await front.http.request(method, path) for method in ("POST", "PUT", "DELETE", "PATCH")]
    assert (whole.status_code, whole.headers["content-type"]) == (200, media_type)
    assert whole.headers["cache-control"] == f"public, max-age={seconds}, stale-while-revalidate={stale}"
    assert (whole.headers["content-encoding"], whole.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert int(whole.headers["content-length"]) < len(whole.content)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("etag", "content-type", "content-length", "cache-control"):
        assert head.headers[name] == whole.headers[name]
    for unchanged in same:
        assert (unchanged.status_code, unchanged.content) == (304, b"")
        assert unchanged.headers["etag"] == etag
        assert unchanged.headers["cache-control"] == whole.headers["cache-control"]
    assert changed.content == whole.content
    assert {(answer.status_code, answer.headers["allow"]) for answer in refused} == {(405, "GET, HEAD, OPTIONS")}


async def test_the_key_set_holds_public_halves_only(front: Front) -> None:
    """RFC 7517 §4, RFC 7518 §6.2.1."""
    keys = {key["alg"]: key for key in (await front.http.get(KEYS)).json()["keys"]}
    common = {"kid", "alg", "use", "kty"}
    assert {alg: set(key) - common for alg, key in keys.items()} == {
        "ES256": {"crv", "x", "y"},
        "EdDSA": {"crv", "x"},
        "PS256": {"n", "e"},
        "RS256": {"n", "e"},
    }
    assert {key["use"] for key in keys.values()} == {"sig"}
    assert (keys["ES256"]["kty"], keys["ES256"]["crv"]) == ("EC", "P-256")
    assert (keys["EdDSA"]["kty"], keys["EdDSA"]["crv"]) == ("OKP", "Ed25519")
    assert {keys[alg]["kty"] for alg in ("PS256", "RS256")} == {"RSA"}


@pytest.mark.parametrize("alg", ["ES256", "RS256", "PS256", "EdDSA"])
async def test_every_signing_algorithm_that_is_advertised_has_its_key_published(
    file_url: str, clock: HeldClock, alg: str
) -> None:
    """Discovery §3 asks for RS256 whatever the operator's own choice."""
    async with running_front(file_url, clock, BROKER_SIGNING_ALG=alg) as front:
        provider = (await front.http.get(PROVIDER)).json()
        keys = (await front.http.get(KEYS)).json()["keys"]
    advertised = provider["id_token_signing_alg_values_supported"]
    assert {alg, "RS256"} <= set(advertised)
    # The one that signs, and the one that will.
    assert sorted(key["alg"] for key in keys) == sorted([*advertised, *advertised])


async def test_both_documents_agree_and_name_the_issuer(front: Front) -> None:
    provider = (await front.http.get(PROVIDER)).json()
    server = (await front.http.get(SERVER)).json()
    assert server.items() <= provider.items()
    assert provider["issuer"] == ISSUER
    for name, address in provider.items():
        if name.endswith(("_endpoint", "_uri")):
            assert address.startswith(f"{ISSUER}/")
            assert (await front.http.get(address)).status_code not in (404, 500)


async def test_what_is_advertised_for_authorize_is_what_authorize_takes(front: Front) -> None:
    provider = (await front.http.get(PROVIDER)).json()
    accepted: dict[str, list[str]] = {
        "response_type": provider["response_types_supported"],
        "response_mode": provider["response_modes_supported"],
        "code_challenge_method": provider["code_challenge_methods_supported"],
        "scope": provider["scopes_supported"],
        "prompt": [prompt for prompt in provider["prompt_values_supported"] if prompt != "none"],
    }
    for name, values in accepted.items():
        for value in values:
            answer = await front.authorize(**{name: value})
            assert "error" not in query_of(answer.headers["location"]), (name, value)
    assert "none" in provider["prompt_values_supported"]
    refused = {
        "response_type": ["token", "id_token", "code token", "none"],
        "response_mode": ["fragment", "form_post.jwt", "query.jwt"],
        "code_challenge_method": ["plain"],
        "prompt": ["create"],
    }
    for name, values in refused.items():
        for value in values:
            answer = await front.authorize(**{name: value})
            assert "error" in query_of(answer.headers["location"]), (name, value)
    for name in ("request", "request_uri"):
        assert provider[f"{name}_parameter_supported"] is False
        told = query_of((await front.authorize(**{name: "x"})).headers["location"])
        assert told["error"] == [f"{name}_not_supported"]
        if provider["authorization_response_iss_parameter_supported"]:
            assert told["iss"] == [ISSUER]
    assert "claims" not in AuthorizationRequest.__dataclass_fields__
    assert provider["claims_parameter_supported"] is False


@on_sqlite
async def test_what_is_advertised_for_token_is_what_token_takes(stage: Stage) -> None:
    provider: dict[str, Any] = (await stage.http.get(PROVIDER)).json()
    exchange = "urn:ietf:params:oauth:grant-type:token-exchange"
    assert set(provider["grant_types_supported"]) == {
        "authorization_code",
        "refresh_token",
        "client_credentials",
        exchange,
    }
    assert (await stage.token({"grant_type": exchange})).json()["error"] == "invalid_request"
    for grant in ("password", "urn:ietf:params:oauth:grant-type:device_code"):
        assert (await stage.token({"grant_type": grant})).json()["error"] == "unsupported_grant_type"
    # Offered to those only who are registered for it.
    machine = await stage.token({"grant_type": "client_credentials"})
    assert machine.json()["error"] == "unauthorized_client"
    posting = {"redirect_uris": [WEB_REDIRECT], "token_endpoint_auth_method": "client_secret_post"}
    await stage.database.transact(clients.add, "cli_post", posting, opaque.digest(WEB_SECRET), now=stage.clock())
    signing = {
        "redirect_uris": [WEB_REDIRECT],
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [jwk(key("ES256"), kid="es")]},
    }
    await stage.database.transact(clients.add, "cli_signs", signing, None, now=stage.clock())
    asserted = {"iss": "cli_signs", "sub": "cli_signs", "aud": stage.issuer, "jti": "1"}
    times = {"iat": stage.clock(), "exp": stage.clock() + 60}
    assertion = sign({"typ": "JWT", "alg": "ES256", "kid": "es"}, {**asserted, **times}, key("ES256"))
    # `invalid_grant` means that the client was let in.
    form = {"grant_type": "authorization_code", "code": "x", "redirect_uri": WEB_REDIRECT}
    ways: dict[str, dict[str, Any]] = {
        "client_secret_basic": {"data": form, "auth": (WEB, WEB_SECRET)},
        "client_secret_post": {"data": {**form, "client_id": "cli_post", "client_secret": WEB_SECRET}},
        "private_key_jwt": {
            "data": {
                **form,
                "client_assertion": assertion,
                "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            }
        },
        "none": {"data": {**form, "client_id": PUBLIC}},
    }
    assert list(ways) == provider["token_endpoint_auth_methods_supported"]
    for method, request in ways.items():
        answer = await stage.http.post("/token", **request)
        assert answer.json()["error"] == "invalid_grant", method


@on_sqlite
async def test_no_claim_is_told_that_was_not_advertised(stage: Stage) -> None:
    provider: dict[str, Any] = (await stage.http.get(PROVIDER)).json()
    tokens = await stage.sign_in()
    told = jwt.decode(tokens["id_token"], options={"verify_signature": False})
    assert set(told) <= set(provider["claims_supported"])
    userinfo = orjson.loads((await stage.userinfo(tokens["access_token"])).content)
    assert set(userinfo) <= set(provider["claims_supported"])
    assert set(tokens["scope"].split()) == set(provider["scopes_supported"])
