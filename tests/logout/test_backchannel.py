"""Every app of a session hears that it is over (OIDC Back-Channel Logout 1.0)."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import jwt

from broker.app import running
from broker.simulator.serve import running as serving
from broker.store import clients
from tests.logout.apps import SPA, Ear, all_told, change, log_out, sign_in, tried_once, waiting
from tests.stage import PUBLIC, WEB, Stage, free_port

EVENT = "http://schemas.openid.net/event/backchannel-logout"


@contextlib.asynccontextmanager
async def listening(stage: Stage, client_id: str, *statuses: int) -> AsyncIterator[Ear]:
    """This app registers an address, and listens there."""
    ear = Ear(list(statuses))
    async with serving(ear) as origin:
        await change(stage, client_id, backchannel_logout_uri=f"{origin}/logged-out")
        yield ear


async def verified(stage: Stage, token: str, client_id: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, checked against the published keys as an app would."""
    keys = jwt.PyJWKSet.from_dict((await stage.http.get("/.well-known/jwks.json")).json())
    header = jwt.get_unverified_header(token)
    (key,) = [key for key in keys.keys if key.key_id == header["kid"]]
    options: Any = {"verify_exp": False, "verify_iat": False, "require": ["iss", "aud", "iat", "exp", "jti"]}
    claims = jwt.decode(
        token, key, algorithms=[header["alg"]], issuer=stage.issuer, audience=client_id, options=options
    )
    return header, claims


async def test_each_app_of_the_session_hears_one_logout_token_within_a_second(apps: Stage) -> None:
    """§2.4, §2.5; what is in it, and that nobody hears who was not part of the session."""
    async with listening(apps, WEB) as web, listening(apps, SPA) as spa, listening(apps, PUBLIC) as public:
        browser, other = await apps.browser(), await apps.browser()
        tokens = await sign_in(apps, browser)
        await sign_in(apps, browser)
        await sign_in(apps, browser, SPA)
        await sign_in(apps, other, PUBLIC)
        await log_out(apps, browser, id_token_hint=tokens["id_token"])
        for ear, client_id in ((web, WEB), (spa, SPA)):
            (token,) = await ear.hears(1)
            header, claims = await verified(apps, token, client_id)
            assert header.keys() == {"typ", "alg", "kid"}
            assert (header["typ"], header["alg"]) == ("logout+jwt", "ES256")
            told = jwt.decode(tokens["id_token"], options={"verify_signature": False})
            assert claims.pop("jti")
            now = apps.clock()
            # No `nonce`, which §2.4 prohibits, and a life of two minutes, which it recommends.
            assert claims == {
                "iss": apps.issuer,
                "sub": told["sub"],
                "aud": client_id,
                "iat": now,
                "exp": now + 120,
                "sid": told["sid"],
                "events": {EVENT: {}},
            }
        assert public.heard == []
        await all_told(apps)
        assert (len(web.heard), len(spa.heard)) == (1, 1)


async def test_it_is_signed_as_the_apps_id_tokens_are(one: Stage) -> None:
    """§2.6: the app verifies it as it verifies an ID token, so an app of RS256 must hear RS256."""
    for alg in ("RS256", "PS256", "EdDSA"):
        async with listening(one, WEB) as ear:
            await change(one, WEB, id_token_signed_response_alg=alg)
            browser = await one.browser()
            hint = (await sign_in(one, browser))["id_token"]
            await log_out(one, browser, id_token_hint=hint)
            header, _ = await verified(one, (await ear.hears(1))[0], WEB)
            assert header["alg"] == jwt.get_unverified_header(hint)["alg"] == alg


async def test_a_logout_token_is_good_for_nothing_else(one: Stage) -> None:
    """§4: no other kind of token, at none of the places that take one (RFC 8725 §3.11)."""
    async with listening(one, WEB) as ear:
        browser = await one.browser()
        tokens = await sign_in(one, browser)
        await log_out(one, browser, id_token_hint=tokens["id_token"])
        (token,) = await ear.hears(1)
    assert (await one.userinfo(token)).status_code == 401
    basic = (WEB, "brs_canary-web-client-secret")
    introspected = await one.http.post("/introspect", data={"token": token}, auth=basic)
    assert introspected.json() == {"active": False}
    assert (await one.http.post("/revoke", data={"token": token}, auth=basic)).status_code == 200
    assert (await one.userinfo(tokens["access_token"])).status_code == 200
    assert (await log_out(one, browser, id_token_hint=token)).status_code == 400
    asked = await one.authorize(browser, one.question(id_token_hint=token))
    assert "error=invalid_request" in asked.headers["location"]
    assert (await one.refresh(token)).status_code == 400


async def test_an_app_disabled_before_is_told_nothing(one: Stage) -> None:
    async with listening(one, WEB) as ear:
        browser = await one.browser()
        hint = (await sign_in(one, browser))["id_token"]
        await one.database.transact(clients.disable, WEB, now=one.clock())
        await log_out(one, browser, id_token_hint=hint)
        assert await waiting(one.database) == []
    assert ear.heard == []


async def test_what_an_app_did_not_hear_it_hears_after_a_restart(apps: Stage) -> None:
    """A refused connection and a broken server keep the delivery, whichever broker comes next."""
    port = free_port()
    await change(apps, WEB, backchannel_logout_uri=f"http://127.0.0.1:{port}/logged-out")
    browser = await apps.browser()
    hint = (await sign_in(apps, browser))["id_token"]
    await log_out(apps, browser, id_token_hint=hint)
    await tried_once(apps)
    ear = Ear([500])
    async with serving(ear, port=port):
        for count in (1, 2):
            apps.clock.advance(60)
            async with running(apps.settings, clock=apps.clock):
                await ear.hears(count, within=3)
        await all_told(apps)
    assert len(ear.heard) == 2
    first, second = [(await verified(apps, token, WEB))[1] for token in ear.heard]
    assert first["sid"] == second["sid"]
    assert second["iat"] == first["iat"] + 60
