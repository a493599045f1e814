"""Leaving: an operator disconnects or erases somebody, and TikTok hears of it; signing out it never hears of.

The commands are run as an operator runs them, beside the broker, on the same database.
"""

import json

import jwt
import pytest

from broker.clock import system_clock
from broker.store import leaving, user_changes
from broker.store.leaving import Left
from tests.by_hand import execute
from tests.journeys.tables import contents
from tests.logout.apps import log_out
from tests.logout.test_backchannel import listening
from tests.stage import WEB, WEB_SECRET, HeldClock, Stage
from tests.tiktok.leaving import (
    A_WHILE,
    Somebody,
    allowed,
    arrived,
    command,
    is_out,
    refreshes,
    revokes,
    table,
    tiktok_heard,
    webhook_came,
)


@pytest.fixture
def clock() -> HeldClock:
    """Commands know the true time only, so the stage begins there."""
    return HeldClock(system_clock())


@pytest.fixture
async def person(stage: Stage) -> Somebody:
    return await arrived(stage)


async def test_disconnecting_ends_everything_here_and_the_grant_at_tiktok(stage: Stage, person: Somebody) -> None:
    result = await command(stage, "users", "disconnect", person.open_id, "--yes")
    assert (result.exit_code, result.stdout) == (
        0,
        f"{person.sub} is disconnected; sessions ended: 1, grants ended: 1.\n",
    )
    assert "The running broker tells TikTok, for: default.\n" in result.stderr
    await is_out(stage, person)
    await tiktok_heard(stage)
    assert not allowed(stage)
    assert (revokes(stage), refreshes(stage)) == (1, 0)
    (account,) = await table(stage, "accounts")
    assert (account["sealed_tokens"], account["access_expires_at"], account["refresh_expires_at"]) == (None,) * 3
    ends = [event for event in await table(stage, "audit_events") if event["actor"].startswith("operator:")]
    assert {event["event"] for event in ends} == {"grant.ended", "session.ended", "user.disconnected"}
    assert {event["user_id"] for event in ends} == {person.sub}
    await webhook_came(stage)
    stage.clock.advance(A_WHILE)
    # A fresh sign-in is welcome, and TikTok asks as at the first time; they are who they were.
    browser = await stage.browser()
    sent = await stage.authorize(browser, stage.question())
    assert (await person.browser.get(sent.headers["location"])).status_code == 200
    assert (await arrived(stage)).sub == person.sub


async def test_erasing_leaves_nothing_that_leads_to_the_person(stage: Stage, person: Somebody) -> None:
    events = len(await table(stage, "audit_events"))
    result = await command(stage, "users", "erase", person.sub, "--yes")
    assert (result.exit_code, result.stdout) == (
        0,
        f"{person.sub} is erased; sessions ended: 1, grants ended: 1.\n",
    )
    await is_out(stage, person)
    await tiktok_heard(stage)
    assert not allowed(stage)
    await webhook_came(stage)
    kept = await contents(stage.database)
    told = {name for name, rows in kept.items() if rows}
    # Of the grant, its place in the status lists, until its tokens are over.
    numbers = {"counters", "deleted_grants"}
    assert told == {"clients", "signing_keys", "audit_events", "webhook_deliveries"} | numbers
    session = jwt.decode(person.tokens["id_token"], options={"verify_signature": False})["sid"]
    for trace in (person.sub, person.open_id, person.union_id, session):
        assert trace not in repr(kept)
    # What happened stays, without whom it happened to; one event proves the erasure to whoever knows the sub.
    happened = [event for event in kept["audit_events"] if event["event"] != "request.refused"]
    assert len(happened) == events + 3
    (erasure,) = [event for event in happened if event["event"] == "user.erased"]
    assert (erasure["actor"].partition(":")[0], erasure["user_id"]) == ("operator", leaving.erased(person.sub))
    others = [event for event in happened if event is not erasure]
    for name in ("user_id", "session_id", "grant_id", "request_id"):
        assert {event[name] for event in others} == {None}
    found = await command(stage, "audit", "--user", person.sub, "--json")
    assert [event["event"] for event in json.loads(found.stdout)] == ["user.erased"]
    # The same TikTok account is somebody new.
    stage.clock.advance(A_WHILE)
    assert (await arrived(stage)).sub != person.sub


async def test_no_ordinary_sign_out_reaches_tiktok(stage: Stage, person: Somebody) -> None:
    """Else every sign-in would begin with a consent page."""
    await log_out(stage, person.browser, id_token_hint=person.tokens["id_token"])
    await stage.http.post("/revoke", data={"token": person.tokens["refresh_token"]}, auth=(WEB, WEB_SECRET))
    person = await arrived(stage)
    assert (await command(stage, "users", "sign-out", person.sub, "--yes")).exit_code == 0
    await is_out(stage, person)
    person = await arrived(stage)
    assert (await command(stage, "users", "block", person.sub, "--yes")).exit_code == 0
    await is_out(stage, person)
    browser = await stage.browser()
    assert (await stage.come_back(browser, stage.question()))["error"] == "access_denied"
    assert (await command(stage, "users", "unblock", person.union_id)).exit_code == 0
    await is_out(stage, person)
    assert (await arrived(stage)).sub == person.sub
    assert await table(stage, "outbox") == []
    assert revokes(stage) == 0
    assert allowed(stage)


async def test_apps_hear_that_everything_is_over(stage: Stage) -> None:
    """Also one whose offline grant outlived a session that ended before."""
    async with listening(stage, WEB) as ear:
        person = await arrived(stage)
        await log_out(stage, person.browser, id_token_hint=person.tokens["id_token"])
        await ear.hears(1)
        # For offline use, it goes on.
        refreshed = await stage.refresh(person.tokens["refresh_token"])
        person.tokens = refreshed.json()
        await arrived(stage)
        await command(stage, "users", "sign-out", person.sub, "--yes")
        await ear.hears(3, within=3)
        await is_out(stage, person)


async def test_a_pair_that_is_being_renewed_just_now_is_waited_for(
    stage: Stage, person: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taken meanwhile it would be the dead one, and TikTok's grant would go on for ever."""
    database = stage.database
    until = stage.clock() + 600
    await execute(database, f"UPDATE accounts SET refresh_lease = 'x', refresh_lease_until = {until}")
    for leave in (leaving.disconnect, leaving.erase):
        assert await database.transact(leave, person.sub, now=stage.clock()) == leaving.Refreshing(until)
    assert (await stage.userinfo(person.tokens["access_token"])).status_code == 200
    assert await table(stage, "outbox") == []
    paused: list[float] = []
    monkeypatch.setattr("broker.cli.users_leaving.time.sleep", paused.append)
    stuck = await command(stage, "users", "disconnect", person.sub, "--yes")
    assert stuck.exit_code == 1
    assert "try later" in stuck.stderr
    assert len(paused) == 60
    # A lease that has run out is nobody's: what is there is taken.
    left = await database.transact(leaving.disconnect, person.sub, now=until)
    assert isinstance(left, Left)
    assert left.registrations == ("default",)


async def test_without_tokens_there_is_nothing_to_tell_tiktok(stage: Stage, person: Somebody) -> None:
    await command(stage, "users", "disconnect", person.sub, "--yes")
    await tiktok_heard(stage)
    again = await command(stage, "users", "erase", person.sub, "--yes")
    assert (again.exit_code, again.stdout) == (
        0,
        f"{person.sub} is erased; sessions ended: 0, grants ended: 0.\n",
    )
    assert "TikTok is told nothing: no tokens of this person were kept.\n" in again.stderr
    assert await stage.database.transact(user_changes.sign_out, person.sub, now=1) is None
    assert await stage.database.transact(leaving.disconnect, person.sub, now=1) is None
    assert await stage.database.transact(leaving.erase, person.sub, now=1) is None
