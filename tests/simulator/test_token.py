"""The token endpoint: codes and client credentials."""

import hashlib
import re

import pytest

from tests.simulator.driver import (
    AUTHORIZE,
    BASE64URL_CHALLENGE,
    BASIC,
    FORM,
    KEY,
    NOW,
    PROFILE,
    REDIRECT_URI,
    SANDBOX_KEY,
    SECRET,
    VERIFIER,
    WEB_KEY,
    WEB_REDIRECT_URI,
    Driver,
    callback,
    refused,
)

MALFORMED = ("invalid_request", "The request parameters are malformed.")
BAD_VERIFIER = ("invalid_request", "Code verifier or code challenge is invalid.")
BAD_CODE = ("invalid_grant", "Authorization code is expired.")
WEB = {"client_key": WEB_KEY, "redirect_uri": WEB_REDIRECT_URI}


async def web_code_without_challenge(tiktok: Driver) -> str:
    query = tiktok.query(scope=BASIC, code_challenge=None, code_challenge_method=None, **WEB)
    form = {"action": "allow", "person": "p1", "scope": BASIC}
    response = await tiktok.http.post(f"{AUTHORIZE}?{query}", data=form)
    return callback(response, WEB_REDIRECT_URI)["code"]


async def test_the_answer_is_flat_and_complete(tiktok: Driver) -> None:
    response = await tiktok.redeem(await tiktok.code(scopes=(BASIC,)))
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert re.fullmatch(r"20270115080000[0-9A-F]{20}", response.headers["x-tt-logid"])
    body = response.json()
    access_token, refresh_token = body.pop("access_token"), body.pop("refresh_token")
    assert re.fullmatch(r"act\.[\w-]+![0-9]+\.va", access_token)
    assert re.fullmatch(r"rft\.[\w-]+![0-9]+\.va", refresh_token)
    assert body == {
        "expires_in": 7200,
        "open_id": tiktok.world.people["p1"].open_id(KEY),
        "refresh_expires_in": 15_552_000,
        "scope": BASIC,
        "token_type": "Bearer",
    }


@pytest.mark.parametrize(
    "content_type",
    [
        "application/x-www-form-urlencoded; charset=utf-8",
        "application/x-www-form-urlencoded;charset=UTF-8",
        "application/json",
        "multipart/form-data; boundary=x",
        "",
        None,
    ],
)
async def test_any_other_content_type_is_malformed(tiktok: Driver, content_type: str | None) -> None:
    headers = {} if content_type is None else {"content-type": content_type}
    content = f"client_key={KEY}&client_secret={SECRET}&grant_type=client_credentials"
    response = await tiktok.http.post("/v2/oauth/token/", content=content, headers=headers)
    assert refused(response) == MALFORMED


async def test_fields_count_only_in_the_body(tiktok: Driver) -> None:
    query = f"client_key={KEY}&client_secret={SECRET}&grant_type=client_credentials"
    assert refused(await tiktok.http.post(f"/v2/oauth/token/?{query}", headers=FORM)) == MALFORMED
    basic = await tiktok.http.post(
        "/v2/oauth/token/", content="grant_type=client_credentials", headers=FORM, auth=(KEY, SECRET)
    )
    assert refused(basic) == MALFORMED


@pytest.mark.parametrize("field", ["client_key", "client_secret", "grant_type", "code", "redirect_uri"])
@pytest.mark.parametrize("value", [None, ""])
async def test_a_missing_or_empty_field(tiktok: Driver, field: str, value: str | None) -> None:
    response = await tiktok.redeem(await tiktok.code(), **{field: value})
    expected = (
        ("invalid_request", "Client secret is missed in request.") if field == "client_secret" else MALFORMED
    )
    assert refused(response) == expected


@pytest.mark.parametrize("field", ["client_key", "client_secret", "grant_type", "code", "unheard_of"])
async def test_a_repeated_field_is_malformed(tiktok: Driver, field: str) -> None:
    content = (
        f"client_key={KEY}&client_secret={SECRET}&grant_type=client_credentials&code=x&unheard_of=1&{field}=2"
    )
    response = await tiktok.http.post("/v2/oauth/token/", content=content, headers=FORM)
    assert refused(response) == MALFORMED


async def test_the_client_is_called_client_key(tiktok: Driver) -> None:
    response = await tiktok.token(client_key=None, client_id=KEY, grant_type="client_credentials")
    assert refused(response) == MALFORMED


@pytest.mark.parametrize(
    "pair", [{"client_secret": "wrong"}, {"client_key": "aw0unknown"}, {"client_secret": "é"}]
)
async def test_a_wrong_key_or_secret(tiktok: Driver, pair: dict[str, str]) -> None:
    response = await tiktok.token(grant_type="client_credentials", **pair)
    assert refused(response) == ("invalid_client", "Client key or secret is incorrect.")
    assert response.status_code == 200


@pytest.mark.parametrize("status", [200, 400, 401])
async def test_the_status_of_a_refusal_is_switchable(tiktok: Driver, status: int) -> None:
    await tiktok.settings(oauth_error_status=status)
    assert (await tiktok.token(grant_type="password")).status_code == status
    assert (await tiktok.token(grant_type="client_credentials")).status_code == 200


async def test_another_grant_type(tiktok: Driver) -> None:
    assert refused(await tiktok.token(grant_type="password"))[0] == "unsupported_grant_type"


async def test_client_credentials_prove_key_and_secret_only(tiktok: Driver) -> None:
    body = (await tiktok.token(grant_type="client_credentials")).json()
    assert re.fullmatch(r"clt\.[\w-]+", body.pop("access_token"))
    assert body == {"expires_in": 7200, "token_type": "Bearer"}


async def test_a_code_works_once_and_a_replay_blames_the_verifier(tiktok: Driver) -> None:
    code = await tiktok.code()
    assert "access_token" in (await tiktok.redeem(code)).json()
    assert refused(await tiktok.redeem(code)) == BAD_VERIFIER


async def test_a_replay_without_pkce_is_called_expired(tiktok: Driver) -> None:
    code = await web_code_without_challenge(tiktok)
    assert (await tiktok.redeem(code, code_verifier=None, **WEB)).json()["scope"] == BASIC
    assert refused(await tiktok.redeem(code, code_verifier=None, **WEB)) == BAD_CODE


async def test_the_first_presentation_spends_a_code(tiktok: Driver) -> None:
    code = await tiktok.code()
    assert refused(await tiktok.redeem(code, code_verifier="x" * 43)) == BAD_VERIFIER
    assert refused(await tiktok.redeem(code)) == BAD_VERIFIER


async def test_a_mangled_code_is_called_expired(tiktok: Driver) -> None:
    code = await tiktok.code()
    encoded_twice = code.replace("*", "%2A").replace("!", "%21")
    for mangled in (encoded_twice, code[:-1], "é", "x"):
        assert refused(await tiktok.redeem(mangled)) == BAD_CODE


async def test_a_code_belongs_to_its_app(tiktok: Driver) -> None:
    code = await tiktok.code()
    assert refused(await tiktok.redeem(code, client_key=SANDBOX_KEY)) == BAD_CODE
    assert "access_token" in (await tiktok.redeem(code)).json()


async def test_the_redirect_uri_is_compared_again(tiktok: Driver) -> None:
    response = await tiktok.redeem(await tiktok.code(), redirect_uri=REDIRECT_URI + "/")
    assert refused(response) == (
        "invalid_request",
        "Redirect_uri is not matched with the uri when requesting code.",
    )


async def test_a_base64url_challenge_passes_the_page_and_fails_here(tiktok: Driver) -> None:
    """RFC 7636's encoding is not TikTok's, and it says so only when it is too late."""
    code = await tiktok.code(code_challenge=BASE64URL_CHALLENGE)
    assert refused(await tiktok.redeem(code)) == BAD_VERIFIER


async def test_the_hexadecimal_digits_are_lower_case(tiktok: Driver) -> None:
    challenge = hashlib.sha256(VERIFIER.encode()).hexdigest().upper()
    assert refused(await tiktok.redeem(await tiktok.code(code_challenge=challenge))) == BAD_VERIFIER


@pytest.mark.parametrize("length", [43, 128])
async def test_a_verifier_of_43_to_128_characters(tiktok: Driver, length: int) -> None:
    verifier = ("aZ0-._~" * 19)[:length]
    challenge = hashlib.sha256(verifier.encode()).hexdigest()
    body = (await tiktok.redeem(await tiktok.code(code_challenge=challenge), code_verifier=verifier)).json()
    assert body["scope"] == f"{BASIC},{PROFILE}"


@pytest.mark.parametrize("verifier", ["a" * 42, "a" * 129, "a" * 42 + "+", "a" * 42 + "é", "", None])
async def test_a_verifier_out_of_shape(tiktok: Driver, verifier: str | None) -> None:
    challenge = hashlib.sha256((verifier or "").encode()).hexdigest()
    code = await tiktok.code(code_challenge=challenge)
    assert refused(await tiktok.redeem(code, code_verifier=verifier)) == BAD_VERIFIER


async def test_a_verifier_without_a_challenge(tiktok: Driver) -> None:
    code = await web_code_without_challenge(tiktok)
    assert refused(await tiktok.redeem(code, **WEB)) == BAD_VERIFIER


async def test_lifetimes_are_switchable(tiktok: Driver) -> None:
    await tiktok.settings(access_token_lifetime=60, refresh_token_lifetime=120, code_lifetime=10)
    body = await tiktok.sign_in()
    assert (body["expires_in"], body["refresh_expires_in"]) == (60, 120)
    code = await tiktok.code()
    tiktok.clock.now = NOW + 10
    assert refused(await tiktok.redeem(code)) == BAD_CODE


async def test_only_post_and_only_with_the_slash(tiktok: Driver) -> None:
    assert (await tiktok.http.get("/v2/oauth/token/")).status_code == 405
    assert (await tiktok.http.post("/v2/oauth/token", headers=FORM)).status_code == 404


async def test_calls_are_counted_by_grant(tiktok: Driver) -> None:
    body = await tiktok.sign_in()
    await tiktok.refresh(body["refresh_token"])
    await tiktok.refresh(body["refresh_token"])
    counters = (await tiktok.http.get("/_simulator/state")).json()["counters"]
    assert counters["token"] == {"calls": 3, "authorization_code": 1, "refresh_token": 2, "errors": 1}
