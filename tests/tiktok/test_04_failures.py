"""What TikTok did, and what comes of it: for the app, in the log, at the simulator, and in the tables: nothing."""

import asyncio
import functools
import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from broker import telemetry
from broker.simulator.app import create_app
from broker.simulator.apps import App
from broker.simulator.faults import Fault
from broker.simulator.serve import running as serving
from broker.simulator.switches import Switches
from broker.simulator.world import World
from broker.upstream.tiktok import TikTok
from tests.journeys.tables import written
from tests.stage import CLIENT_KEY, TIKTOK_SECRET, HeldClock, Stage, answer_in, free_port, running_stage
from tests.tiktok.failures import DENIED, ECHO, EVENTS, SERVER_ERROR, TABLE, UNAVAILABLE, Failure
from tests.web.front import on_sqlite

# Five of these apart, and failures do not count as an outage.
APART = 20
TOKEN = re.compile(r"canary|\b(act|rft)\.[A-Za-z0-9]")


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between attempts, which take no time."""
    found: list[float] = []

    async def pause(seconds: float) -> None:
        found.append(seconds)

    monkeypatch.setattr("broker.app_tiktok.TikTok", functools.partial(TikTok, pause=pause))
    return found


@pytest.fixture
async def stage(database_url: str, clock: HeldClock, waited: list[float]) -> AsyncIterator[Stage]:
    async with running_stage(database_url, clock) as ready:
        yield ready


def log_lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The events that were logged since the last look."""
    return [orjson.loads(line) for line in capsys.readouterr().err.splitlines()]


async def told(stage: Stage, **consent: Any) -> dict[str, str]:
    """What the app hears of a visit, which must carry its state and our name and leave no session behind."""
    browser = await stage.browser()
    answer = await stage.come_back(browser, stage.question(), **consent)
    assert (answer["state"], answer["iss"]) == ("the-state", stage.issuer)
    assert [name for name in browser.cookies if name.startswith("broker_")] == []
    return answer


async def visit(stage: Stage, failure: Failure) -> tuple[dict[str, str], str]:
    """What the app hears with TikTok failing like this, and the code that TikTok had issued, if it had."""
    stage.world.faults.add(Fault(failure.place, **failure.options, times=None))
    browser = await stage.browser()
    sent = await stage.authorize(browser, stage.question())
    callback = await stage.consent(browser, sent.headers["location"])
    answer = answer_in((await browser.get(callback)).headers["location"])
    await browser.aclose()
    stage.world.faults.clear()
    return answer, parse_qs(urlsplit(callback).query).get("code", ["no-code"])[0]


async def test_each_failure_has_its_answer_its_log_line_and_no_trace(
    stage: Stage, clock: HeldClock, waited: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    for failure in TABLE:
        capsys.readouterr()
        waited.clear()
        stage.world.counters.clear()
        answer, code = await visit(stage, failure)
        assert answer.get("error") == EVENTS[failure.comes], (failure, answer)
        assert (answer["state"], answer["iss"]) == ("the-state", stage.issuer)
        assert answer["error_description"].isascii()
        assert not set(answer["error_description"]) & set('"\\<>')

        logged = capsys.readouterr().err
        (line,) = (
            found
            for found in map(orjson.loads, logged.splitlines())
            if found["logger"] == "upstream" and found["event"].startswith("upstream.")
        )
        assert line["event"] == f"upstream.{failure.comes}", (failure, line)
        endpoint = "callback" if failure.place == "authorize" else failure.place
        assert (line["registration"], line["endpoint"]) == ("default", endpoint)
        assert failure.logged.items() <= line.items(), (failure, line)
        if failure.options["kind"] in ("error", "rate_limit") and endpoint != "callback":
            assert len(line["log_id"]) == 34, (failure, line)
        for secret in (TIKTOK_SECRET, code, ECHO):
            assert secret not in logged + str(answer), (failure, secret)
        assert not TOKEN.search(logged + str(answer)), failure

        calls = {"token": 0, "user_info": 0}
        if failure.place != "authorize":
            calls = {"token": 1, "user_info": 0} | {failure.place: failure.calls}
        assert {place: stage.world.counters[place]["calls"] for place in calls} == calls, failure
        assert len(waited) == max(0, failure.calls - 1)
        assert await written(stage.database) == {}, failure
        clock.advance(APART)
    # The service is none the worse for it.
    assert "code" in await stage.come_back(await stage.browser(), stage.question())


@on_sqlite
async def test_a_failure_that_passes_is_not_noticed_where_asking_again_is_harmless(
    stage: Stage, clock: HeldClock, waited: list[float]
) -> None:
    for options in ({"kind": "html"}, {"kind": "reset"}, {"kind": "rate_limit", "retry_after": 1}):
        stage.world.faults.add(Fault("user_info", **options))
        assert "code" in await stage.come_back(await stage.browser(), stage.question()), options
    assert [seconds for seconds in waited if seconds >= 1] == [1]


async def test_two_answers_about_two_people_sign_nobody_in(stage: Stage) -> None:
    stage.world.faults.add(Fault("token", "different_open_id"))
    assert (await told(stage))["error"] == SERVER_ERROR
    assert await written(stage.database) == {}


@on_sqlite
async def test_a_missing_scope_leads_to_no_refresh(stage: Stage) -> None:
    stage.world.faults.add(Fault("user_info", "error", error="scope_not_authorized", times=None))
    assert (await told(stage))["error"] == DENIED
    assert stage.world.counters["token"]["authorization_code"] == stage.world.counters["token"]["calls"] == 1
    assert stage.world.counters["user_info"]["calls"] == 1


async def test_what_the_person_left_out_is_access_denied(stage: Stage) -> None:
    assert (await told(stage, action="deny"))["error"] == DENIED
    unticked = await told(stage, scopes=())
    assert unticked["error"] == DENIED
    assert "user.info.basic" in unticked["error_description"]
    assert await written(stage.database) == {}


@on_sqlite
async def test_slow_answers_are_not_waited_for(
    database_url: str, clock: HeldClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.app_tiktok.TikTok", functools.partial(TikTok, patience=0.05))
    async with running_stage(database_url, clock) as stage:
        ended = asyncio.Event()

        async def sleep(_: float) -> None:
            await ended.wait()

        stage.world.sleep = sleep
        for endpoint in ("token", "user_info"):
            stage.world.faults.add(Fault(endpoint, "slow"))
            assert (await told(stage))["error"] == UNAVAILABLE
        ended.set()
        assert await written(stage.database) == {}
        # Nothing is left of the time for asking again.
        assert stage.world.counters["user_info"]["calls"] == 1


@pytest.fixture
async def plain_server() -> AsyncIterator[str]:
    """A TikTok that speaks no TLS, as `host:port`."""
    async with serving(create_app(World())) as origin:
        yield origin.removeprefix("http://")


@pytest.mark.parametrize("case", ["closed port", "no such name", "no TLS"])
@on_sqlite
async def test_without_a_connection_the_code_is_tried_once_more(
    database_url: str,
    clock: HeldClock,
    plain_server: str,
    case: str,
    waited: list[float],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing was sent, so nothing can have been spent."""
    address = {
        "closed port": f"http://127.0.0.1:{free_port()}",
        "no such name": "http://tiktok.invalid",
        "no TLS": f"https://{plain_server}",
    }[case]
    attempts = telemetry.TIKTOK_CALLS.labels("default", "token", "unavailable")
    async with running_stage(database_url, clock, BROKER_TIKTOK_API_URL=address) as stage:
        before = attempts._value.get()
        assert (await told(stage))["error"] == UNAVAILABLE
        assert attempts._value.get() - before == 2
        assert len(waited) == 1
        (line,) = (found for found in log_lines(capsys) if found["event"] == "upstream.unavailable")
        assert "ClientConnector" in line["reason"]
        assert "act." not in str(line)
        assert await written(stage.database) == {}


@pytest.mark.parametrize("status", [200, 400, 401])
@on_sqlite
async def test_our_own_wrong_secret_is_server_error_and_loud(
    stage: Stage, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    app = stage.world.apps.pop(CLIENT_KEY)
    stage.world.add_app(App(app.client_key, "another-secret", app.redirect_uris))
    stage.world.switches = Switches(oauth_error_status=status)
    assert (await told(stage))["error"] == SERVER_ERROR
    loud = [line for line in log_lines(capsys) if line["level"] == "error"]
    assert [line["event"] for line in loud] == ["upstream.misconfigured"]
    assert loud[0]["error"] == "invalid_client"
    assert len(loud[0]["log_id"]) == 34
    assert (loud[0]["registration"], loud[0]["endpoint"], loud[0]["status"]) == ("default", "token", status)
    assert loud[0]["request_id"]
    assert await written(stage.database) == {}


@on_sqlite
async def test_a_code_is_decoded_once(stage: Stage) -> None:
    """TikTok's codes hold `*` and `!`, sent as `%2A` and `%21`; the simulator knows the plain one only."""
    browser = await stage.browser()
    sent = await stage.authorize(browser, stage.question())
    callback = await stage.consent(browser, sent.headers["location"])
    assert "%2A" in callback
    assert "%21" in callback
    assert "code" in answer_in((await browser.get(callback)).headers["location"])


@on_sqlite
async def test_an_error_beside_a_code_wins(stage: Stage) -> None:
    browser = await stage.browser()
    sent = await stage.authorize(browser, stage.question())
    callback = await stage.consent(browser, sent.headers["location"])
    answer = answer_in((await browser.get(f"{callback}&error=access_denied")).headers["location"])
    assert answer["error"] == DENIED
    assert stage.world.counters["token"]["calls"] == 0
    assert await written(stage.database) == {}
