"""Who takes the consent back at TikTok is signed out everywhere within a second, and welcome again afterwards."""

from pathlib import Path

import orjson
import pytest

from broker.simulator.serve import running as serving
from tests.journeys.proxy import proxied
from tests.journeys.test_database_away import postgres_copy
from tests.logout.apps import Ear, all_told, change, sign_in, signed_in
from tests.stage import (
    CLIENT_KEY,
    PUBLIC,
    TIKTOK_SECRET,
    WEB,
    WEB_SECRET,
    HeldClock,
    Stage,
    answer_in,
    running_stage,
)
from tests.tiktok.deliveries import REMOVED, body, counted, deliver, post, refused, rows, signature
from tests.web.conftest import file_url, front
from tests.web.front import Front, running_front

__all__ = ["file_url", "front", "postgres_copy"]

SECOND_KEY, SECOND_SECRET, SECOND_BEFORE = "aw0example0key02", "canary-second-secret", "canary-second-before"
REGISTRATIONS = f"""
[[registrations]]
name = "second"
client_key = "{SECOND_KEY}"
client_secret = "{SECOND_SECRET}"
previous_client_secret = "{SECOND_BEFORE}"
"""


def open_id(stage: Stage) -> str:
    """Who the first person is to the broker's app."""
    return stage.world.people["p1"].open_id(CLIENT_KEY)


async def is_active(stage: Stage, token: str) -> bool:
    answer = await stage.http.post("/introspect", data={"token": token}, auth=(WEB, WEB_SECRET))
    active: bool = answer.json()["active"]
    return active


async def test_from_the_webhook_on_nothing_of_the_account_is_good(stage: Stage) -> None:
    """Refresh, code, session, userinfo, introspection and TikTok's own tokens; everybody else goes on."""
    browser = await stage.browser()
    ear = Ear()
    async with serving(ear) as address:
        await change(stage, WEB, backchannel_logout_uri=f"{address}/logged-out")
        tokens = await sign_in(stage, browser)
        other = await stage.sign_in(PUBLIC, person="p2")
        sent = await stage.authorize(browser, stage.question())
        code = answer_in(sent.headers["location"])["code"]
        answer = await deliver(stage.http, at=stage.clock(), user_openid=open_id(stage))
        assert (answer.status_code, answer.content) == (200, b"")
        await refused(stage, tokens)
        assert (await stage.redeem(code)).json()["error"] == "invalid_grant"
        assert (await stage.userinfo(tokens["access_token"])).status_code == 401
        assert not await is_active(stage, tokens["access_token"])
        assert not await is_active(stage, tokens["refresh_token"])
        assert not await signed_in(stage, browser)
        assert len(await ear.hears(1)) == 1
        await all_told(stage)
        assert len(ear.heard) == 1
    assert (await stage.refresh(other["refresh_token"], PUBLIC)).status_code == 200
    held = {row["sealed_tokens"] is None for row in await rows(stage, "accounts")}
    assert held == {True, False}
    (event,) = [row for row in await rows(stage, "audit_events") if row["event"] == REMOVED]
    assert (event["actor"], event["registration"], event["reason"]) == ("tiktok", "default", "disconnected")


async def test_a_fresh_sign_in_is_welcome_and_no_replay_ends_it(stage: Stage) -> None:
    tokens = await stage.sign_in()
    raw = body(create_time=stage.clock(), user_openid=open_id(stage), content='{"reason":2}')
    header = signature(raw, at=stage.clock())
    await post(stage.http, raw, header)
    await refused(stage, tokens)
    await all_told(stage)
    stage.clock.advance(1)
    fresh = await stage.sign_in()
    again = await stage.userinfo(fresh["access_token"])
    assert again.json()["name"] == "Ada Moreno"
    assert (await post(stage.http, raw, header)).status_code == 200
    assert (await post(stage.http, raw, signature(raw, at=stage.clock()))).status_code == 200
    await all_told(stage)
    fresh = (await stage.refresh(fresh["refresh_token"])).json()
    # A repetition that would pass for another event is told by its age, once there is a doubt no more.
    stage.clock.advance(61)
    await stage.sign_in()
    later = orjson.dumps(orjson.loads(raw) | {"content": '{"reason": 2}'})
    assert (await post(stage.http, later, signature(later, at=stage.clock()))).status_code == 200
    await all_told(stage)
    assert (await stage.refresh(fresh["refresh_token"])).status_code == 200
    assert len([row for row in await rows(stage, "audit_events") if row["event"] == REMOVED]) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_picture_goes_always_and_with_reasons_two_three_and_four_the_names(stage: Stage) -> None:
    """Deleted, of another age, banned; 5 is our own doing, and what nobody documents removes no more than that."""
    for content in (
        '{"reason":2}',
        '{"reason":3}',
        '{"reason": 4 }',
        '{"reason":1}',
        '{"reason":5}',
        '{"reason":99}',
        "",
    ):
        tokens = await stage.sign_in()
        asked = {"user_openid": open_id(stage), "content": content}
        await deliver(stage.http, at=stage.clock(), **asked)
        await refused(stage, tokens)
        (user,) = await rows(stage, "users")
        erases = any(number in content for number in "234")
        assert (user["display_name"] is None) == erases, content
        assert user["avatar_url"] is None
        assert user["union_id"] == stage.world.people["p1"].union_id("Sample developer")
        stage.clock.advance(1)


async def test_what_needs_no_work_is_written_down_and_acknowledged(stage: Stage) -> None:
    tokens = await stage.sign_in()
    theirs = open_id(stage)
    before = counted("taken"), counted("repeated")
    ready = {
        "event": "portability.download.ready",
        "user_openid": None,
        "content": f'{{"request_id":{2**63 - 1}}}',
    }
    for event in (
        {"event": "a.new.one", "user_openid": theirs, "content": "no json"},
        ready,
        ready,
        {"user_openid": "nobody-we-know"},
        {"user_openid": None},
        {"user_openid": theirs, "create_time": stage.clock() - 61},
    ):
        assert (await deliver(stage.http, at=stage.clock(), **event)).status_code == 200
    await all_told(stage)
    kept = await rows(stage, "webhook_deliveries")
    assert sorted(row["event"] for row in kept) == ["a.new.one", *[REMOVED] * 3, "portability.download.ready"]
    assert {row["registration"] for row in kept} == {"default"}
    assert (counted("taken") - before[0], counted("repeated") - before[1]) == (5, 1)
    assert (await stage.refresh(tokens["refresh_token"])).status_code == 200
    assert {row["event"] for row in await rows(stage, "audit_events")} == {"sign_in"}


async def test_a_late_delivery_counts_and_is_seen_to_be_late(
    front: Front, clock: HeldClock, capsys: pytest.CaptureFixture[str]
) -> None:
    """TikTok tries for 72 hours, and may keep the first signature."""
    raw = body(user_openid="canary-open-id")
    for age, outcome in (
        (300, "taken"),
        (301, "stale"),
        (72 * 3600, "stale"),
        (72 * 3600 + 1, "refused"),
        (-301, "refused"),
    ):
        before = counted(outcome)
        raw = body(user_openid="canary-open-id", content=f"canary-content {age}")
        answer = await post(front.http, raw, signature(raw, at=clock() - age))
        assert answer.status_code == (401 if outcome == "refused" else 200), age
        assert counted(outcome) == before + 1, age
    logged = capsys.readouterr().err
    assert [
        line["age"] for line in map(orjson.loads, logged.splitlines()) if line["event"] == "webhook.stale"
    ] == [
        301,
        72 * 3600,
    ]
    assert "72 hours ago" in logged
    assert "canary" not in logged


async def test_each_registration_speaks_for_its_own_accounts_under_its_new_and_its_old_secret(
    file_url: str, clock: HeldClock, tmp_path: Path
) -> None:
    table = tmp_path / "registrations.toml"
    table.write_text(REGISTRATIONS)
    async with running_front(file_url, clock, BROKER_TIKTOK_REGISTRATIONS=str(table)) as front:
        for number, (key, secret, status) in enumerate(
            (
                (SECOND_KEY, SECOND_SECRET, 200),
                (SECOND_KEY, SECOND_BEFORE, 200),
                (CLIENT_KEY, TIKTOK_SECRET, 200),
                (SECOND_KEY, TIKTOK_SECRET, 401),
                (CLIENT_KEY, SECOND_SECRET, 401),
                (CLIENT_KEY, SECOND_BEFORE, 401),
            )
        ):
            event = {"client_key": key, "event": f"number.{number}"}
            answer = await deliver(front.http, at=clock(), secret=secret, **event)
            assert answer.status_code == status, number
        kept = {row["event"]: row["registration"] for row in await rows(front, "webhook_deliveries")}
        assert kept == {"number.0": "second", "number.1": "second", "number.2": "default"}


async def test_with_the_database_away_tiktok_is_asked_to_come_back(postgres_copy: str, clock: HeldClock) -> None:
    """And when it does, the work is done."""
    async with proxied(postgres_copy) as proxy, running_stage(proxy.url, clock) as stage:
        tokens = await stage.sign_in()
        raw = body(create_time=clock(), user_openid=open_id(stage))
        await proxy.cut()
        answer = await post(stage.http, raw, signature(raw, at=clock()))
        assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
        assert answer.headers["retry-after"] == "2"
        await proxy.mend()
        assert (await post(stage.http, raw, signature(raw, at=clock()))).status_code == 200
        await refused(stage, tokens, within=3)
