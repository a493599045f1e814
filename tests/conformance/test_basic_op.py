"""OpenID Foundation, plan "Basic OP": every check of its list, as our own promise. OIDC Core 1.0 unless named."""

import base64
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
import pytest

from broker import opaque
from tests.conformance.conftest import Suite
from tests.conformance.relying_party import CALLBACK, SECOND, RelyingParty, bearer, token_response

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_sign_in_ends_in_tokens_that_verify(rp: RelyingParty) -> None:
    """§3.1.2.5, §3.1.3.3, §3.1.3.7, §5.3.2; at_hash §3.1.3.6."""
    signed_in = await rp.sign_in()
    told = await rp.userinfo(signed_in.tokens["access_token"])
    assert told["sub"] == signed_in.claims["sub"]


async def test_a_request_without_response_type_is_refused(rp: RelyingParty) -> None:
    """§3.1.2.2, §3.1.2.6; RFC 6749 §4.1.2.1."""
    answer = await rp.ask(response_type=None)
    assert answer.pop("error_description")
    assert answer == {"error": "invalid_request"}


@pytest.mark.parametrize("way", ["get", "post header", "post body"])
async def test_userinfo_takes_the_token_every_way(rp: RelyingParty, way: str) -> None:
    """§5.3.1; RFC 6750 §2.1, §2.2."""
    signed_in = await rp.sign_in(scope="openid profile")
    token, address = signed_in.tokens["access_token"], rp.provider["userinfo_endpoint"]
    if way == "get":
        response = await rp.stage.http.get(address, headers=bearer(token))
    elif way == "post header":
        response = await rp.stage.http.post(address, headers=bearer(token))
    else:
        response = await rp.stage.http.post(address, data={"access_token": token})
    assert response.status_code == 200
    assert response.json()["sub"] == signed_in.claims["sub"]


async def test_a_nonce_may_be_left_out_in_the_code_flow(rp: RelyingParty) -> None:
    """§3.1.2.1: optional; §3.1.3.7: then the ID token has none."""
    assert "nonce" not in (await rp.sign_in(nonce=None)).claims


async def test_the_scope_profile_opens_the_claims_we_have(rp: RelyingParty) -> None:
    """§5.4, §5.1."""
    signed_in = await rp.sign_in(scope="openid profile")
    told = await rp.userinfo(signed_in.tokens["access_token"])
    for claims in (told, signed_in.claims):
        assert isinstance(claims["name"], str)
        assert claims["picture"].startswith("http")
    assert set(told) <= set(rp.provider["claims_supported"])


@pytest.mark.parametrize(
    "scope",
    [
        "openid email",
        "openid address",
        "openid phone",
        "openid profile email address phone",
        "email openid",
        "phone profile openid",
    ],
)
async def test_a_scope_we_cannot_serve_is_no_error_in_any_order(rp: RelyingParty, scope: str) -> None:
    """§3.1.2.1, §5.4: what is not understood should be ignored; RFC 6749 §3.3: what was granted is told."""
    signed_in = await rp.sign_in(scope=scope)
    asked = scope.split()
    assert signed_in.tokens["scope"].split() == [name for name in asked if name in rp.provider["scopes_supported"]]
    told = await rp.userinfo(signed_in.tokens["access_token"])
    assert not told.keys() & {"email", "email_verified", "address", "phone_number", "phone_number_verified"}
    assert ("name" in told) == ("profile" in asked)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("display", "page"),
        ("display", "popup"),
        ("extra", "foobar"),
        ("login_hint", "bob@suite.example"),
        ("ui_locales", "se"),
        ("claims_locales", "se"),
        ("acr_values", "1 2"),
        ("claims", '{"userinfo":{"name":{"essential":true}},"id_token":{"auth_time":{"essential":true}}}'),
    ],
)
async def test_a_parameter_that_changes_nothing_is_tolerated(rp: RelyingParty, name: str, value: Any) -> None:
    """§3.1.2.1, §5.5, §15.1: unknown ones are ignored, and these must not cause an error."""
    signed_in = await rp.sign_in(**{name: value})
    # §2: when it was asked for, it must be there; ours always is.
    assert signed_in.claims["auth_time"] <= rp.clock()


async def test_prompt_login_authenticates_again(rp: RelyingParty) -> None:
    """§3.1.2.1: prompt=login; the second auth_time is later, the person the same."""
    first = await rp.sign_in()
    rp.clock.advance(2)
    second = await rp.sign_in(prompt="login")
    assert second.claims["sub"] == first.claims["sub"]
    assert second.claims["auth_time"] > first.claims["auth_time"]


async def test_prompt_none_without_a_session_is_answered_with_login_required(rp: RelyingParty) -> None:
    """§3.1.2.1, §3.1.2.6."""
    answer = await rp.ask(prompt="none")
    assert answer.pop("error_description")
    assert answer == {"error": "login_required"}


async def test_prompt_none_with_a_session_answers_at_once(rp: RelyingParty) -> None:
    """§3.1.2.1: no page, the same person and the same authentication."""
    first = await rp.sign_in()
    rp.clock.advance(2)
    second = await rp.sign_in(prompt="none")
    for name in ("iss", "sub", "aud", "auth_time", "sid"):
        assert second.claims[name] == first.claims[name], name


async def test_a_max_age_that_has_passed_authenticates_again(rp: RelyingParty) -> None:
    """§3.1.2.1: max_age=1, asked after two seconds."""
    first = await rp.sign_in()
    rp.clock.advance(2)
    second = await rp.sign_in(max_age="1")
    assert second.claims["sub"] == first.claims["sub"]
    assert second.claims["auth_time"] > first.claims["auth_time"]
    assert rp.clock() - second.claims["auth_time"] <= 1


async def test_a_max_age_that_has_not_passed_does_not(rp: RelyingParty) -> None:
    """§3.1.2.1: max_age=10000."""
    first = await rp.sign_in()
    rp.clock.advance(2)
    second = await rp.sign_in(max_age="10000")
    assert second.claims["auth_time"] == first.claims["auth_time"]


async def test_an_id_token_hint_names_who_is_signed_in(rp: RelyingParty) -> None:
    """§3.1.2.1: prompt=none with a hint at the person of the session."""
    first = await rp.sign_in()
    second = await rp.sign_in(prompt="none", id_token_hint=first.tokens["id_token"])
    assert second.claims["sub"] == first.claims["sub"]


@pytest.mark.parametrize("later", [0, 30])
async def test_a_code_that_is_used_twice_is_refused_and_its_tokens_die(rp: RelyingParty, later: int) -> None:
    """§3.1.3.2; RFC 6749 §4.1.2, at once and after half a minute."""
    signed_in = await rp.sign_in()
    rp.clock.advance(later)
    again = await rp.redeem(signed_in.code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    address, header = rp.provider["userinfo_endpoint"], bearer(signed_in.tokens["access_token"])
    assert (await rp.stage.http.get(address, headers=header)).status_code == 401


@pytest.mark.parametrize("uri", [f"{CALLBACK}/x", f"{CALLBACK}?extra=1", "https://evil.example/", None])
async def test_an_unregistered_redirect_uri_is_never_redirected_to(rp: RelyingParty, uri: str | None) -> None:
    """§3.1.2.1: exact matching; RFC 6749 §4.1.2.1: the person is told."""
    response = await rp.open(rp.question(redirect_uri=uri))
    assert response.status_code == 400
    assert response.headers["content-type"].startswith("text/html")
    assert "redirect_uri" in response.text


async def test_the_query_of_a_registered_redirect_uri_stays(suite: Suite, rp: RelyingParty) -> None:
    """RFC 6749 §3.1.2: it must be retained when the answer is added."""
    other = await suite.relying_party(SECOND, response_mode=rp.response_mode)
    assert parse_qsl(urlsplit(SECOND.redirect_uri).query)
    await other.sign_in()


async def test_the_request_may_be_posted(rp: RelyingParty) -> None:
    """§3.1.2.1: the endpoint must take GET and POST."""
    first = await rp.sign_in(post=True)
    # With a session, too.
    assert (await rp.sign_in(post=True)).claims["sub"] == first.claims["sub"]


async def test_a_client_may_authenticate_in_the_form(suite: Suite, rp: RelyingParty) -> None:
    """§9: client_secret_post; and every client learns the same `sub` (§8: public subjects)."""
    first = await rp.sign_in()
    other = await suite.relying_party(SECOND, response_mode=rp.response_mode)
    assert (await other.sign_in()).claims["sub"] == first.claims["sub"]


@pytest.mark.parametrize("inside", [{}, {"redirect_uri": "https://evil.example/callback"}])
async def test_a_request_object_is_refused_as_not_supported(rp: RelyingParty, inside: dict[str, str]) -> None:
    """§6.1, §3.1.2.6: and what stands in it moves nothing."""
    asked = rp.question()
    halves = [orjson.dumps(half) for half in ({"alg": "none"}, {**asked, **inside})]
    request_object = ".".join(base64.urlsafe_b64encode(half).rstrip(b"=").decode() for half in halves) + "."
    answer = rp.received(await rp.open({**asked, "request": request_object}))
    assert answer["error"] == "request_not_supported"
    assert answer["state"] == asked["state"]


async def test_a_refresh_token_brings_new_tokens_about_the_same_sign_in(suite: Suite, rp: RelyingParty) -> None:
    """§12.1, §12.2; RFC 6749 §6: and only to the client it was issued to."""
    first = await rp.sign_in(scope="openid offline_access", prompt="consent")
    other = await suite.relying_party(SECOND)
    form = {"grant_type": "refresh_token", "refresh_token": first.tokens["refresh_token"]}
    stolen = await other.token(**form)
    assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
    rp.clock.advance(5)
    tokens = token_response(await rp.token(**form))
    claims = rp.id_token(tokens["id_token"], access_token=tokens["access_token"])
    for name in ("iss", "sub", "aud", "azp", "auth_time"):
        assert claims[name] == first.claims[name], name
    assert claims["iat"] > first.claims["iat"]
    assert "nonce" not in claims
    assert (await rp.userinfo(tokens["access_token"]))["sub"] == first.claims["sub"]


async def test_a_client_without_pkce_duty_may_use_it(rp: RelyingParty) -> None:
    """RFC 7636 §4.3, §4.6: a challenge that was sent is held to."""
    verifier = opaque.secret()
    challenge: dict[str, Any] = {
        "code_challenge": opaque.sha256_base64url(verifier),
        "code_challenge_method": "S256",
    }
    code = (await rp.ask(**challenge))["code"]
    for wrong in ({}, {"code_verifier": opaque.secret()}):
        assert (await rp.redeem(code, **wrong)).json()["error"] == "invalid_grant"
    token_response(await rp.redeem(code, code_verifier=verifier))
