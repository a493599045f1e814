"""`POST /token` refuses with the RFC's code and status, and a refusal costs the code and the token nothing."""

from typing import Any

import httpx

from broker import opaque
from tests.stage import PUBLIC, PUBLIC_REDIRECT, VERIFIER, WEB, WEB_REDIRECT, WEB_SECRET, Stage
from tests.tokens.apps import error, register

REQUEST, GRANT, CLIENT = (400, "invalid_request"), (400, "invalid_grant"), (401, "invalid_client")
FORM = "application/x-www-form-urlencoded"

WRONG_CODES: dict[str, tuple[dict[str, Any], tuple[int, str]]] = {
    "no grant type": ({"grant_type": None}, REQUEST),
    "another grant type": ({"grant_type": "password"}, (400, "unsupported_grant_type")),
    "a grant type by upper case": ({"grant_type": "AUTHORIZATION_CODE"}, (400, "unsupported_grant_type")),
    "no code": ({"code": None}, REQUEST),
    "an empty code": ({"code": ""}, REQUEST),
    "two codes": ({"code": ["a", "b"]}, REQUEST),
    "a code nobody made": ({"code": opaque.secret("brc_")}, GRANT),
    "a code that is none": ({"code": "' OR 1=1 --"}, GRANT),
    "a NUL": ({"code": "a\x00b"}, REQUEST),
    "no redirect URI": ({"redirect_uri": None}, REQUEST),
    "another redirect URI": ({"redirect_uri": WEB_REDIRECT + "/"}, GRANT),
    "no verifier": ({"code_verifier": None}, GRANT),
    "another verifier": ({"code_verifier": VERIFIER[::-1]}, GRANT),
    "a short verifier": ({"code_verifier": "a" * 42}, GRANT),
    "the challenge for a verifier": ({"code_verifier": opaque.sha256_base64url(VERIFIER)}, GRANT),
    "a resource nobody registered": ({"resource": "https://a.example/"}, (400, "invalid_target")),
}
WRONG_REFRESHES: dict[str, tuple[dict[str, Any], tuple[int, str]]] = {
    "no token": ({"refresh_token": None}, REQUEST),
    "no token of ours": ({"refresh_token": "brt_" + "a" * 96}, GRANT),
    "more than was granted": ({"scope": "openid profile email"}, (400, "invalid_scope")),
    "no list of scopes": ({"scope": 'open"id'}, (400, "invalid_scope")),
    "a resource nobody registered": ({"resource": "https://a.example/"}, (400, "invalid_target")),
}


async def good_code(stage: Stage) -> dict[str, Any]:
    """A form that would be answered with tokens."""
    answer = await stage.come_back(await stage.browser(), stage.question())
    form = {"grant_type": "authorization_code", "redirect_uri": WEB_REDIRECT, "code_verifier": VERIFIER}
    return {**form, "code": answer["code"]}


async def send(stage: Stage, form: dict[str, Any]) -> tuple[int, str]:
    """What the form, without what is None, is refused with."""
    data = {name: value for name, value in form.items() if value is not None}
    return error(await stage.http.post("/token", data=data, auth=(WEB, WEB_SECRET)))


async def test_no_wrong_presentation_costs_the_code(stage: Stage) -> None:
    form = await good_code(stage)
    for name, (change, expected) in WRONG_CODES.items():
        assert await send(stage, form | change) == expected, name
    assert (await stage.redeem(form["code"])).status_code == 200


async def test_no_wrong_presentation_costs_the_refresh_token(stage: Stage) -> None:
    token = (await stage.sign_in())["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": token}
    for name, (change, expected) in WRONG_REFRESHES.items():
        assert await send(stage, form | change) == expected, name
    # Had one of them spent it, this would now be a reuse.
    stage.clock.advance(60)
    refreshed = (await stage.refresh(token)).json()
    assert (await stage.refresh(refreshed["refresh_token"])).status_code == 200


async def test_what_belongs_to_one_app_is_void_in_the_hands_of_another(stage: Stage) -> None:
    form = await good_code(stage)
    stolen = {**form, "client_id": PUBLIC}
    assert error(await stage.http.post("/token", data=stolen)) == GRANT
    token = (await stage.redeem(form["code"])).json()["refresh_token"]
    assert error(await stage.refresh(token, PUBLIC)) == GRANT
    assert (await stage.refresh(token)).status_code == 200


async def test_the_form_is_the_only_way_in(stage: Stage) -> None:
    form = await good_code(stage)
    auth = (WEB, WEB_SECRET)
    assert error(await stage.http.post("/token", json=form, auth=auth)) == REQUEST
    assert error(await stage.http.post("/token", params=form, auth=auth)) == REQUEST
    assert error(await stage.http.post("/token", files={"code": b"x"}, auth=auth)) == REQUEST
    for body in (b"grant_type=%zz", b"grant_type=%ff", b"\xff\xfe", b"&" * 200):
        sent = await stage.http.post("/token", content=body, headers={"content-type": FORM}, auth=auth)
        assert error(sent) == REQUEST, body
    large = await stage.http.post("/token", data={**form, "x": "y" * 16_384}, auth=auth)
    assert error(large) == (413, "invalid_request")
    assert (await stage.http.get("/token", params=form, auth=auth)).status_code == 405


async def test_a_client_that_does_not_prove_itself_gets_401_and_is_told_how(stage: Stage) -> None:
    form = await good_code(stage)
    for auth in ((WEB, "wrong"), ("cli_unknown", WEB_SECRET), None):
        answer = await stage.http.post("/token", data=form, auth=auth or httpx.USE_CLIENT_DEFAULT)
        assert error(answer) == CLIENT
        assert answer.headers["www-authenticate"].startswith("Basic ")
        assert answer.json()["error_description"] == (
            "Client authentication failed." if auth else "No client authentication was sent."
        )
    assert (await stage.redeem(form["code"])).status_code == 200


async def test_an_app_may_use_the_grants_it_is_registered_for_only(stage: Stage) -> None:
    await register(stage, "cli_once", grant_types=["authorization_code"])
    token = (await stage.sign_in())["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": "cli_once"}
    assert error(await stage.http.post("/token", data=form)) == (400, "unauthorized_client")


async def test_a_redirect_uri_with_another_port_is_the_one_that_was_asked_with(stage: Stage) -> None:
    """RFC 8252 §7.3 frees the port at `/authorize`; at `/token` it is that of the request (RFC 6749 §4.1.3)."""
    asked = PUBLIC_REDIRECT.replace("127.0.0.1", "127.0.0.1:5000")
    answer = await stage.come_back(await stage.browser(), stage.question(PUBLIC, redirect_uri=asked))
    assert error(await stage.redeem(answer["code"], PUBLIC)) == GRANT
    assert (await stage.redeem(answer["code"], PUBLIC, redirect_uri=asked)).status_code == 200
