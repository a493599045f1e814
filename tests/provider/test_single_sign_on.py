"""Single sign-on: one sign-in answers every app of that browser, for as long as the session lives."""

from collections.abc import AsyncIterator

import pytest

from broker.opaque import base64url
from broker.store import sessions
from broker.store.database import Row
from tests.by_hand import execute
from tests.guard.costs import LEGS
from tests.journeys.tables import contents, written
from tests.provider.visiting import SESSION, asks_tiktok, at_once, digest_of, enter, resume, told, with_cookie
from tests.stage import PUBLIC, WEB, HeldClock, Stage, running_stage
from tests.store.watching import Statements

DAY = 86_400
ONE_SESSION = ("sub", "sid", "auth_time")


@pytest.fixture
async def watched(statements: Statements, database_url: str, clock: HeldClock) -> AsyncIterator[Stage]:
    async with running_stage(database_url, clock) as stage:
        yield stage


async def session_row(stage: Stage) -> Row:
    (row,) = (await contents(stage.database))["sessions"]
    return row


def heard(statements: Statements) -> list[str]:
    """The kinds of statements since the last look, without the broker's own look for deliveries."""
    kinds = [kind for kind, whole in zip(statements.kinds, statements, strict=True) if "FROM outbox" not in whole]
    statements.clear()
    return kinds


async def test_the_next_app_is_answered_at_once_in_one_transaction(watched: Stage, statements: Statements) -> None:
    browser = await watched.browser()
    first = told(await enter(watched, browser))
    await at_once(watched, await watched.browser(), PUBLIC, prompt="none")
    watched.clock.advance(100)
    await watched.authorize(await watched.browser(), watched.question(PUBLIC))
    heard(statements)
    answer = await at_once(watched, browser, PUBLIC, state="next")
    # The session is looked up; then it slides with the insert of the grant and its event.
    cost = LEGS["sign-in from a session"]
    assert heard(statements) == getattr(cost, watched.database.dialect).sent
    assert answer["state"] == "next"
    redeemed = await watched.redeem(answer["code"], PUBLIC)
    second = told(redeemed.json())
    assert [second[name] for name in ONE_SESSION] == [first[name] for name in ONE_SESSION]
    assert first["auth_time"] == watched.clock() - 100
    assert (second["aud"], second["iat"]) == (PUBLIC, watched.clock())
    assert await written(watched.database) == {
        "users": 1, "accounts": 1, "sessions": 1, "grants": 2, "audit_events": 2
    }  # fmt: skip


async def test_every_code_of_a_session_is_another_grant(stage: Stage) -> None:
    """One app's sign-out, refresh reuse or revocation must not touch what another holds."""
    browser = await stage.browser()
    first = await enter(stage, browser)
    second = await resume(stage, browser)
    third = await resume(stage, browser, PUBLIC)
    assert (await stage.refresh(second["refresh_token"])).status_code == 200
    revoked = await stage.http.post("/revoke", data={"token": third["refresh_token"], "client_id": PUBLIC})
    assert revoked.status_code == 200
    for kept in (first, second):
        assert (await stage.userinfo(kept["access_token"])).status_code == 200
    assert (await stage.userinfo(third["access_token"])).status_code == 401


async def test_a_session_slides_by_sign_ins_and_by_nothing_else(stage: Stage) -> None:
    browser = await stage.browser()
    tokens = await enter(stage, browser)
    born = stage.clock()
    assert (await session_row(stage))["expires_at"] == born + stage.settings.session_ttl
    stage.clock.advance(DAY)
    refreshed = (await stage.refresh(tokens["refresh_token"])).json()
    assert (await stage.userinfo(refreshed["access_token"])).status_code == 200
    assert (await at_once(stage, browser, max_age="60", prompt="none"))["error"] == "login_required"
    assert (await at_once(stage, browser, scope="openid", code_challenge="x"))["error"] == "invalid_request"
    await asks_tiktok(stage, browser, prompt="login")
    assert (await session_row(stage))["expires_at"] == born + stage.settings.session_ttl
    await at_once(stage, browser)
    assert (await session_row(stage))["expires_at"] == born + DAY + stage.settings.session_ttl


async def test_no_sliding_takes_a_session_past_its_absolute_life(stage: Stage) -> None:
    browser = await stage.browser()
    await enter(stage, browser)
    end = stage.clock() + stage.settings.session_max_ttl
    while stage.clock() + 6 * DAY < end:
        stage.clock.advance(6 * DAY)
        assert "code" in await at_once(stage, browser)
    assert (await session_row(stage))["expires_at"] == end
    stage.clock.advance(end - 1 - stage.clock())
    assert "code" in await at_once(stage, browser)
    stage.clock.advance(1)
    await asks_tiktok(stage, browser)
    assert (await at_once(stage, browser, prompt="none"))["error"] == "login_required"


async def test_a_session_ends_in_the_second_its_time_is_up(stage: Stage) -> None:
    early, late = await stage.browser(), await stage.browser()
    for browser in (early, late):
        await enter(stage, browser)
    stage.clock.advance(stage.settings.session_ttl - 1)
    assert "code" in await at_once(stage, early, prompt="none")
    stage.clock.advance(1)
    assert (await at_once(stage, late, prompt="none"))["error"] == "login_required"


async def test_a_cookie_that_opens_no_session_is_an_anonymous_visitor(stage: Stage) -> None:
    """Never an error: whoever made the cookie up, or stole the table, is nobody, as is who has signed out."""
    browser = await stage.browser()
    await enter(stage, browser)
    cookie, digest = browser.cookies[SESSION], digest_of(browser)
    sid = (await session_row(stage))["id"]
    for forged in (
        "", "x", "é".encode().decode("latin-1"), cookie[:-1], cookie + "a", cookie.swapcase(),
        cookie[1:] + cookie[0], digest.hex(), base64url(digest), sid, "a" * 3_500, '"', f"x{cookie}",
    ):  # fmt: skip
        visitor = await with_cookie(stage, forged)
        await asks_tiktok(stage, visitor)
        assert (await at_once(stage, visitor, prompt="none"))["error"] == "login_required"
    assert "code" in await at_once(stage, browser, prompt="none")
    await stage.database.transact(
        sessions.end, sid, reason="sign_out", client_id=None, request_id=None, now=stage.clock()
    )
    await asks_tiktok(stage, browser)


async def test_a_blocked_person_is_nobody_from_the_next_request_on(stage: Stage) -> None:
    browser = await stage.browser()
    await enter(stage, browser)
    await execute(stage.database, "UPDATE users SET blocked_at = 1")
    assert (await at_once(stage, browser, prompt="none"))["error"] == "login_required"
    answer = await stage.come_back(browser, stage.question(prompt="login"))
    assert answer["error"] == "access_denied"
    assert (await written(stage.database))["grants"] == 1


async def test_a_disabled_app_is_not_answered_from_a_session(stage: Stage) -> None:
    browser = await stage.browser()
    await enter(stage, browser, PUBLIC)
    await at_once(stage, browser)
    await execute(stage.database, f"UPDATE clients SET disabled_at = 1 WHERE client_id = '{WEB}'")
    # The broker's copy of the app is seconds old; the insert of the grant decides.
    assert (await at_once(stage, browser))["error"] == "unauthorized_client"
    assert (await written(stage.database))["grants"] == 2
