"""Every leg of `costs`, played once by the apps that take it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx

from tests.client_auth.signing import jwk, key
from tests.logout.apps import change, log_out, sign_in
from tests.provider.proving import API_SECRET, assertion, post, proof, register, register_machine
from tests.stage import VERIFIER, WEB, WEB_REDIRECT, WEB_SECRET, Stage, answer_in
from tests.tiktok import exchanging

_AUTH = (WEB, WEB_SECRET)
_KEYS = "cli_keys"
_EAR = "https://app.example/signed-out"


async def prepared(stage: Stage) -> None:
    """Register the apps, and let each be known: an app that nobody asked for of late costs one read more."""
    await exchanging.register(stage)
    await register_machine(stage)
    keys: dict[str, Any] = {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [jwk(key("ES256"))]}}
    await register(stage, _KEYS, redirect_uris=[WEB_REDIRECT], **keys)
    await change(stage, WEB, backchannel_logout_uri=_EAR)
    for client_id, redirect_uri in (
        (WEB, WEB_REDIRECT),
        (_KEYS, WEB_REDIRECT),
        (exchanging.APP, exchanging.REDIRECT),
    ):
        question = stage.question(client_id, redirect_uri=redirect_uri)
        assert (await stage.authorize(await stage.browser(), question)).status_code == 302
    asked = {"grant_type": "client_credentials"}
    await _good(post(stage.http, "/token", asked, auth=("cli_machine", API_SECRET)))


async def legs(stage: Stage) -> AsyncIterator[str]:
    """Play one leg after the other; the name of what has just been played, or "" for what only prepares."""
    browser, question = await stage.browser(), stage.question()
    sent = await stage.authorize(browser, question)
    yield "`/authorize`"
    callback = await stage.consent(browser, sent.headers["location"])
    yield ""
    back = await browser.get(callback)
    yield "callback, somebody new"
    tokens = await _good(stage.redeem(_code(back)))
    yield "code exchange"
    tokens = await _good(stage.refresh(tokens["refresh_token"]))
    yield "refresh"
    async for name in _browsers(stage, browser):
        yield name
    async for name in _proofs(stage):
        yield name
    async for name in _assertions(stage):
        yield name
    async for name in _asking(stage, tokens):
        yield name
    async for name in _tiktok(stage):
        yield name
    for name, path in (
        ("key set", "/.well-known/jwks.json"),
        ("discovery", "/.well-known/openid-configuration"),
        ("discovery", "/.well-known/oauth-authorization-server"),
        ("status list", "/status/0"),
    ):
        assert (await stage.http.get(path)).status_code == 200
        yield name
    async for name in _leaving(stage):
        yield name


async def _browsers(stage: Stage, browser: httpx.AsyncClient) -> AsyncIterator[str]:
    for name, picture in (
        ("callback, somebody known", ""),
        ("callback, somebody known, a new picture", "another"),
    ):
        stage.world.people["p1"] = replace(stage.world.people["p1"], picture=picture)
        stranger = await stage.browser()
        sent = await stage.authorize(stranger, stage.question())
        callback = await stage.consent(stranger, sent.headers["location"])
        yield ""
        _code(await stranger.get(callback))
        yield name
    sent = await stage.authorize(browser, stage.question(prompt="login"))
    callback = await stage.consent(browser, sent.headers["location"])
    yield ""
    _code(await browser.get(callback))
    yield "callback, signed in already"
    _code(await stage.authorize(browser, stage.question()))
    yield "sign-in from a session"
    pushed = await _good(post(stage.http, "/par", stage.question(), auth=_AUTH))
    yield "pushed request"
    await _good(post(stage.http, "/par", stage.question(), auth=_AUTH, headers=proof(stage, "/par")))
    yield "pushed request, DPoP"
    _code(await stage.authorize(browser, {"client_id": WEB, "request_uri": pushed["request_uri"]}))
    yield "sign-in from a session, pushed"


async def _proofs(stage: Stage) -> AsyncIterator[str]:
    form = await _to_redeem(stage)
    yield ""
    tokens = await _good(post(stage.http, "/token", form, auth=_AUTH, headers=proof(stage)))
    yield "code exchange, DPoP"
    tokens = await _good(post(stage.http, "/token", _again(tokens), auth=_AUTH, headers=proof(stage)))
    yield "refresh, DPoP"
    token = tokens["access_token"]
    shown = {"Authorization": f"DPoP {token}", **proof(stage, "/userinfo", method="GET", token=token)}
    await _good(stage.http.get("/userinfo", headers=shown))
    yield "`/userinfo`, DPoP"


async def _assertions(stage: Stage) -> AsyncIterator[str]:
    form = await _to_redeem(stage, _KEYS)
    yield ""
    tokens = await _good(post(stage.http, "/token", {**form, **assertion(stage, _KEYS)}))
    yield "code exchange, `private_key_jwt`"
    await _good(post(stage.http, "/token", {**_again(tokens), **assertion(stage, _KEYS)}))
    yield "refresh, `private_key_jwt`"


async def _asking(stage: Stage, tokens: dict[str, Any]) -> AsyncIterator[str]:
    await _good(stage.userinfo(tokens["access_token"]))
    yield "`/userinfo`"
    machine, asked = ("cli_machine", API_SECRET), {"grant_type": "client_credentials"}
    own = (await _good(post(stage.http, "/token", asked, auth=machine)))["access_token"]
    yield "client credentials"
    await _good(post(stage.http, "/token", asked, auth=machine, headers=proof(stage)))
    yield "client credentials, DPoP"
    other = await stage.sign_in()
    yield ""
    for name, path, token, auth in (
        ("introspection of an access token", "/introspect", tokens["access_token"], _AUTH),
        ("introspection of a refresh token", "/introspect", tokens["refresh_token"], _AUTH),
        ("introspection of an ID token", "/introspect", tokens["id_token"], _AUTH),
        ("revocation of what is no token", "/revoke", "x", _AUTH),
        ("revocation of a refresh token", "/revoke", other["refresh_token"], _AUTH),
        ("revocation of a client's own token", "/revoke", own, machine),
    ):
        answer = await post(stage.http, path, {"token": token}, auth=auth)
        assert answer.status_code == 200, answer.text
        assert path == "/revoke" or answer.json()["active"] is (token != tokens["id_token"])
        yield name


async def _tiktok(stage: Stage) -> AsyncIterator[str]:
    tokens = await exchanging.signed_in(stage)
    yield ""
    await _good(exchanging.exchange(stage, tokens["access_token"]))
    yield "TikTok's token"


async def _leaving(stage: Stage) -> AsyncIterator[str]:
    """A session with one grant, of an app that wants to hear of it."""
    browser = await stage.browser()
    tokens = await sign_in(stage, browser, scope="openid profile", person="p2")
    yield ""
    answer = await log_out(stage, browser, id_token_hint=tokens["id_token"])
    assert answer.status_code == 200, answer.text
    yield "logout"


async def _to_redeem(stage: Stage, client_id: str = WEB) -> dict[str, str]:
    """The form that redeems a code just issued."""
    answer = await stage.come_back(await stage.browser(), stage.question(client_id, redirect_uri=WEB_REDIRECT))
    form = {"grant_type": "authorization_code", "code": answer["code"]}
    return {**form, "redirect_uri": WEB_REDIRECT, "code_verifier": VERIFIER}


def _again(tokens: dict[str, Any]) -> dict[str, str]:
    return {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}


def _code(answer: httpx.Response) -> str:
    """The code that a redirect brings the app."""
    assert answer.status_code == 302, answer.text
    return answer_in(answer.headers["location"])["code"]


async def _good(asked: Any) -> dict[str, Any]:
    answer = await asked
    assert answer.is_success, answer.text
    told: dict[str, Any] = answer.json()
    return told
