"""A browser has one session: the same person renews it, another person ends it, another TikTok app has no part."""

from pathlib import Path
from typing import Any

import orjson

from broker.simulator.apps import App
from broker.store import clients
from tests.journeys.tables import contents
from tests.provider.proving import register
from tests.provider.visiting import SESSION, asks_tiktok, at_once, enter, resume, to_tiktok, told, with_cookie
from tests.stage import PUBLIC, WEB_REDIRECT, WEB_SECRET, HeldClock, Stage, running_stage

REGISTRATIONS = """
[[registrations]]
name = "second"
client_key = "aw0example0key02"
client_secret = "canary-second-secret"
"""
UNHEARD = "http://127.0.0.1:9/backchannel"


async def session_rows(stage: Stage) -> list[dict[str, Any]]:
    return (await contents(stage.database))["sessions"]


async def notices(stage: Stage) -> list[tuple[str, str]]:
    """To which app a delivery is on its way, and about which session."""
    payloads = [orjson.loads(row["payload"]) for row in (await contents(stage.database))["outbox"]]
    return [(payload["client_id"], payload["sid"]) for payload in payloads]


async def tell_me(stage: Stage) -> None:
    """Register an app that wants to hear of sign-outs, at an address where nobody listens."""
    await register(
        stage, "cli_told", secret=WEB_SECRET, redirect_uris=[WEB_REDIRECT], backchannel_logout_uri=UNHEARD
    )


async def test_the_same_person_renews_the_session_under_a_new_cookie(stage: Stage) -> None:
    """A new cookie with every sign-in keeps out whoever knew the old one; apps keep their `sid`."""
    browser = await stage.browser()
    first = told(await enter(stage, browser))
    old = browser.cookies[SESSION]
    stage.clock.advance(1_000)
    second = told(await enter(stage, browser, prompt="login"))
    assert browser.cookies[SESSION] != old
    assert (second["sub"], second["sid"]) == (first["sub"], first["sid"])
    assert second["auth_time"] == first["auth_time"] + 1_000 == stage.clock()
    (row,) = await session_rows(stage)
    assert row["max_expires_at"] == stage.clock() + stage.settings.session_max_ttl
    await asks_tiktok(stage, await with_cookie(stage, old))
    assert told(await resume(stage, browser, PUBLIC))["auth_time"] == stage.clock()


async def test_another_person_ends_the_session_before_and_its_apps_are_told(stage: Stage) -> None:
    await tell_me(stage)
    browser = await stage.browser()
    kept = await enter(stage, browser)
    online = await resume(stage, browser, PUBLIC, scope="openid")
    await at_once(stage, browser, "cli_told", redirect_uri=WEB_REDIRECT)
    old = browser.cookies[SESSION]
    second = await enter(stage, browser, person="p2", prompt="select_account")
    assert told(second)["sub"] != told(kept)["sub"]
    assert told(second)["sid"] != told(kept)["sid"]
    await asks_tiktok(stage, await with_cookie(stage, old))
    assert await notices(stage) == [("cli_told", told(kept)["sid"])]
    # What was granted for offline use outlives the session, the rest ends with it.
    assert (await stage.refresh(kept["refresh_token"])).status_code == 200
    assert (await stage.refresh(online["refresh_token"], PUBLIC)).json()["error"] == "invalid_grant"
    assert told(await resume(stage, browser, PUBLIC))["sub"] == told(second)["sub"]


async def test_a_renewed_session_tells_nobody_of_a_sign_out(stage: Stage) -> None:
    await tell_me(stage)
    browser = await stage.browser()
    await enter(stage, browser)
    await at_once(stage, browser, "cli_told", redirect_uri=WEB_REDIRECT)
    await enter(stage, browser, prompt="login")
    assert await notices(stage) == []


async def test_two_browsers_of_one_person_have_two_sessions(stage: Stage) -> None:
    one, two = await stage.browser(), await stage.browser()
    first, second = told(await enter(stage, one)), told(await enter(stage, two))
    assert first["sub"] == second["sub"]
    assert first["sid"] != second["sid"]
    await enter(stage, one, person="p2", prompt="login")
    assert told(await resume(stage, two))["sid"] == second["sid"]


async def test_a_session_of_one_registration_does_not_serve_another(
    file_url: str, clock: HeldClock, tmp_path: Path
) -> None:
    """What TikTok granted belongs to the TikTok app through which the person came."""
    table = tmp_path / "registrations.toml"
    table.write_text(REGISTRATIONS)
    async with running_stage(file_url, clock, BROKER_TIKTOK_REGISTRATIONS=str(table)) as stage:
        callback = f"{stage.issuer}/callback/tiktok/second"
        stage.world.add_app(App("aw0example0key02", "canary-second-secret", [callback]))
        metadata = {"redirect_uris": [WEB_REDIRECT], "registration": "second", "no_pkce": True}
        await stage.database.transact(clients.add, "cli_second", metadata, b"x" * 32, now=clock())
        browser = await stage.browser()
        first = told(await enter(stage, browser))
        silent = await at_once(stage, browser, "cli_second", redirect_uri=WEB_REDIRECT, prompt="none")
        assert silent["error"] == "login_required"
        sent = await stage.authorize(browser, stage.question("cli_second", redirect_uri=WEB_REDIRECT))
        asked = to_tiktok(stage, sent)
        assert (asked["client_key"], asked["redirect_uri"]) == ("aw0example0key02", callback)
        assert "disable_auto_auth" not in asked
        assert (await browser.get(await stage.consent(browser, sent.headers["location"]))).status_code == 302
        # The same person: still one session, which now belongs to the second registration.
        (row,) = await session_rows(stage)
        assert row["id"] == first["sid"]
        await asks_tiktok(stage, browser)
