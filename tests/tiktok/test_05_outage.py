"""TikTok is away: nobody new is sent there, everybody else notices nothing, and it mends by itself."""

import functools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families

from broker.simulator.apps import App
from broker.simulator.faults import Fault
from broker.store import clients
from broker.upstream.circuit import FAILURES, PROBE_SECONDS
from broker.upstream.tiktok import TikTok
from tests.stage import (
    CLIENT_KEY,
    TIKTOK_SECRET,
    WEB,
    WEB_REDIRECT,
    WEB_SECRET,
    HeldClock,
    Stage,
    answer_in,
    running_stage,
)
from tests.web.front import on_sqlite

AWAY = ("temporarily_unavailable", "TikTok isn't answering; try again in a moment.")


@pytest.fixture
async def stage(database_url: str, clock: HeldClock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    async def pause(_: float) -> None:
        """What a test waits between two attempts."""

    monkeypatch.setattr("broker.app_tiktok.TikTok", functools.partial(TikTok, pause=pause))
    async with running_stage(database_url, clock) as ready:
        yield ready


def events(capsys: pytest.CaptureFixture[str], beginning: str) -> list[dict[str, Any]]:
    """The lines logged since the last look whose event begins like this."""
    lines = [orjson.loads(line) for line in capsys.readouterr().err.splitlines()]
    return [line for line in lines if line["event"].startswith(beginning)]


async def metric(stage: Stage, name: str, **labels: str) -> float:
    """One figure of `/metrics`."""
    text = (await stage.http.get("/metrics")).text
    labels = labels or {"registration": "default"}
    (found,) = (
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and sample.labels == labels
    )
    return found


async def visit(stage: Stage, client_id: str = WEB) -> dict[str, str]:
    """What the app hears of a visit in a fresh browser."""
    browser = await stage.browser()
    sent = await stage.authorize(browser, stage.question(client_id, redirect_uri=WEB_REDIRECT))
    if not sent.headers["location"].startswith(stage.simulator):
        assert not browser.cookies
        return answer_in(sent.headers["location"])
    callback = await stage.consent(browser, sent.headers["location"])
    return answer_in((await browser.get(callback)).headers["location"])


def heard(answer: dict[str, str]) -> tuple[str | None, str | None]:
    return answer.get("error"), answer.get("error_description")


async def put_out(stage: Stage, place: str = "token") -> None:
    """TikTok goes down, and as many people find out as it takes."""
    stage.world.faults.add(Fault(place, "status", status=503, times=None))
    for _ in range(FAILURES):
        assert (await visit(stage))["error"] == "temporarily_unavailable"


async def test_new_logins_hear_at_once_that_tiktok_is_away(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await metric(stage, "broker_tiktok_circuit_open") == 0
    await put_out(stage)
    assert await metric(stage, "broker_tiktok_circuit_open") == 1
    (line,) = events(capsys, "upstream.circuit")
    assert (line["event"], line["registration"]) == ("upstream.circuit_opened", "default")
    started = await metric(stage, "broker_logins_started_total")
    stage.world.counters.clear()

    browser = await stage.browser()
    sent = await stage.authorize(browser, stage.question())
    answer = answer_in(sent.headers["location"])
    assert heard(answer) == AWAY
    assert (answer["state"], answer["iss"]) == ("the-state", stage.issuer)
    assert not browser.cookies
    # At once, since nobody was asked.
    assert stage.world.counters == {}
    assert await metric(stage, "broker_logins_started_total") == started


async def test_everything_else_goes_on_untouched(stage: Stage) -> None:
    browser = await stage.browser()
    code = (await stage.come_back(browser, stage.question()))["code"]
    tokens = (await stage.redeem(code)).json()
    await put_out(stage)

    for prompt in (None, "none"):
        sent = await stage.authorize(browser, stage.question(prompt=prompt))
        assert "code" in answer_in(sent.headers["location"])
    refreshed = await stage.refresh(tokens["refresh_token"])
    assert refreshed.status_code == 200
    assert (await stage.userinfo(refreshed.json()["access_token"])).status_code == 200
    told = await stage.http.post(
        "/introspect", data={"token": refreshed.json()["access_token"]}, auth=(WEB, WEB_SECRET)
    )
    assert told.json()["active"] is True
    for path in ("/.well-known/jwks.json", "/.well-known/openid-configuration", "/readyz", "/healthz"):
        assert (await stage.http.get(path)).status_code == 200
    # Who wants a fresh sign-in hears the same as a stranger.
    sent = await stage.authorize(browser, stage.question(prompt="login"))
    assert heard(answer_in(sent.headers["location"])) == AWAY


@on_sqlite
async def test_it_ends_by_itself_when_the_one_login_let_through_succeeds(
    stage: Stage, clock: HeldClock, capsys: pytest.CaptureFixture[str]
) -> None:
    await put_out(stage)
    stage.world.faults.clear()
    clock.advance(PROBE_SECONDS - 1)
    assert heard(await visit(stage)) == AWAY
    clock.advance(1)
    probe = await stage.browser()
    sent = await stage.authorize(probe, stage.question())
    assert sent.headers["location"].startswith(stage.simulator)
    # Until that one is back, nobody else goes.
    assert heard(await visit(stage)) == AWAY
    callback = await stage.consent(probe, sent.headers["location"])
    assert "code" in answer_in((await probe.get(callback)).headers["location"])
    for _ in range(3):
        assert "code" in await visit(stage)
    assert await metric(stage, "broker_tiktok_circuit_open") == 0
    assert [line["event"] for line in events(capsys, "upstream.circuit")] == [
        "upstream.circuit_opened",
        "upstream.circuit_closed",
    ]


@on_sqlite
async def test_a_probe_that_fails_or_never_comes_back_is_followed_by_another(
    stage: Stage, clock: HeldClock, capsys: pytest.CaptureFixture[str]
) -> None:
    await put_out(stage)
    for _ in range(3):
        clock.advance(PROBE_SECONDS)
        assert heard(await visit(stage))[0] == "temporarily_unavailable"
        assert heard(await visit(stage)) == AWAY
    clock.advance(PROBE_SECONDS)
    lost = await stage.browser()
    assert (await stage.authorize(lost, stage.question())).headers["location"].startswith(stage.simulator)
    assert heard(await visit(stage)) == AWAY
    stage.world.faults.clear()
    clock.advance(PROBE_SECONDS)
    assert "code" in await visit(stage)
    assert len(events(capsys, "upstream.circuit")) == 2


@on_sqlite
async def test_a_login_that_was_underway_ends_the_outage_too(stage: Stage) -> None:
    """And is itself let through to the end, whatever happened meanwhile."""
    underway = await stage.browser()
    sent = await stage.authorize(underway, stage.question())
    callback = await stage.consent(underway, sent.headers["location"])
    await put_out(stage, "user_info")
    stage.world.faults.clear()
    assert heard(await visit(stage)) == AWAY
    assert "code" in answer_in((await underway.get(callback)).headers["location"])
    assert "code" in await visit(stage)


@pytest.mark.parametrize(
    ("place", "error"),
    [
        ("token", "invalid_client"),
        ("token", "invalid_grant"),
        ("user_info", "scope_not_authorized"),
        # Anybody can write this into the address of the callback.
        ("authorize", "temporarily_unavailable"),
    ],
)
@on_sqlite
async def test_refusals_are_answers(stage: Stage, place: str, error: str) -> None:
    stage.world.faults.add(Fault(place, "error", error=error, times=None))
    for _ in range(2 * FAILURES):
        assert "error" in await visit(stage)
    stage.world.faults.clear()
    assert "code" in await visit(stage)


PARTNER = """
[[registrations]]
name = "partner"
client_key = "aw0partner0key02"
client_secret = "partner-secret"
"""


@on_sqlite
async def test_each_registration_has_its_own_outage(database_url: str, clock: HeldClock, tmp_path: Path) -> None:
    table = tmp_path / "registrations.toml"
    table.write_text(PARTNER)
    async with running_stage(database_url, clock, BROKER_TIKTOK_REGISTRATIONS=str(table)) as stage:
        callback = f"{stage.issuer}/callback/tiktok/partner"
        stage.world.add_app(App("aw0partner0key02", "partner-secret", [callback], platform="desktop"))
        metadata = {"redirect_uris": [WEB_REDIRECT], "registration": "partner"}
        await stage.database.transact(clients.add, "cli_partner", metadata, b"\0" * 32, now=clock())
        await put_out(stage)
        stage.world.faults.clear()
        assert heard(await visit(stage)) == AWAY
        assert "code" in await visit(stage, "cli_partner")
        assert await metric(stage, "broker_tiktok_circuit_open", registration="partner") == 0


@on_sqlite
async def test_logins_that_never_came_back_can_be_counted(stage: Stage) -> None:
    """TikTok keeps the errors of a misconfigured app on a page of its own: nobody hears of them here."""
    before = {name: await metric(stage, f"broker_logins_{name}_total") for name in ("started", "returned")}
    for _ in range(3):
        await stage.authorize(await stage.browser(), stage.question())
    assert "code" in await visit(stage)
    stage.world.faults.add(Fault("authorize", "error", error="access_denied"))
    assert (await visit(stage))["error"] == "access_denied"
    # A callback of no login of this browser is nobody's return.
    await (await stage.browser()).get(f"{stage.issuer}/callback/tiktok", params={"code": "c", "state": "s"})
    after = {name: await metric(stage, f"broker_logins_{name}_total") for name in before}
    assert {name: after[name] - before[name] for name in before} == {"started": 5, "returned": 2}


@on_sqlite
async def test_every_call_is_counted_and_timed(stage: Stage) -> None:
    async def calls(endpoint: str, outcome: str) -> float:
        try:
            return await metric(
                stage, "broker_tiktok_calls_total", registration="default", endpoint=endpoint, outcome=outcome
            )
        except ValueError:
            return 0

    names = [("token", "ok"), ("user_info", "ok"), ("token", "rejected"), ("user_info", "unavailable")]
    before = [await calls(*name) for name in names]
    assert "code" in await visit(stage)
    stage.world.faults.add(Fault("token", "error", error="invalid_grant"))
    await visit(stage)
    stage.world.faults.add(Fault("user_info", "html", times=None))
    await visit(stage)
    after = [await calls(*name) for name in names]
    assert [now - then for now, then in zip(after, before, strict=True)] == [2, 1, 1, 2]
    timed = await metric(stage, "broker_tiktok_call_seconds_count", registration="default", endpoint="token")
    assert timed >= 3
    answer: httpx.Response = await stage.http.get("/metrics")
    for secret in ("act.", "rft.", "usr_", CLIENT_KEY, TIKTOK_SECRET):
        assert secret not in answer.text
