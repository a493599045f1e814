"""What TikTok did, and what the app hears: the whole table, through the simulator's faults; nothing is stored."""

import asyncio
import functools
from typing import Any

import orjson
import pytest

from broker.simulator.faults import Fault
from broker.upstream.tiktok import TikTok
from tests.journeys.tables import written
from tests.stage import HeldClock, Stage, answer_in, running_stage
from tests.web.front import on_sqlite

UNAVAILABLE, SERVER_ERROR, DENIED = "temporarily_unavailable", "server_error", "access_denied"
BOTH = ("token", "user_info")

# Where, what goes wrong, and the error code for the app.
FAULTS: list[tuple[str, dict[str, Any], str]] = [
    *((place, {"kind": "status", "status": status}, UNAVAILABLE) for place in BOTH for status in (204, 500, 503)),
    *((place, {"kind": "html", "status": status}, UNAVAILABLE) for place in BOTH for status in (200, 404, 502)),
    *((place, {"kind": kind}, UNAVAILABLE) for place in BOTH for kind in ("empty", "not_json", "huge")),
    *((place, {"kind": kind}, UNAVAILABLE) for place in BOTH for kind in ("truncated", "wrong_types")),
    *((place, {"kind": "rate_limit", "retry_after": 5}, UNAVAILABLE) for place in BOTH),
    # A GET whose connection dies is repeated once by the transport.
    *((place, {"kind": "reset", "times": None}, UNAVAILABLE) for place in BOTH),
    *((place, {"kind": "redirect", "location": "/_simulator/state"}, UNAVAILABLE) for place in BOTH),
    ("token", {"kind": "wrong_types", "fields": ("open_id",)}, UNAVAILABLE),
    ("token", {"kind": "wrong_types", "fields": ("expires_in",)}, UNAVAILABLE),
    ("user_info", {"kind": "wrong_types", "fields": ("union_id",)}, UNAVAILABLE),
    ("token", {"kind": "error", "error": "server_error"}, UNAVAILABLE),
    ("token", {"kind": "error", "error": "invalid_client"}, SERVER_ERROR),
    ("token", {"kind": "error", "error": "invalid_client", "status": 401}, SERVER_ERROR),
    ("token", {"kind": "error", "error": "invalid_grant"}, SERVER_ERROR),
    ("token", {"kind": "error", "error": "invalid_request"}, SERVER_ERROR),
    ("token", {"kind": "error", "error": "never_heard_of"}, SERVER_ERROR),
    ("token", {"kind": "different_open_id"}, SERVER_ERROR),
    ("user_info", {"kind": "different_open_id"}, SERVER_ERROR),
    ("user_info", {"kind": "missing_union_id"}, SERVER_ERROR),
    ("user_info", {"kind": "error", "error": "access_token_invalid", "status": 401}, SERVER_ERROR),
    ("user_info", {"kind": "error", "error": "scope_not_authorized", "status": 401}, DENIED),
    ("user_info", {"kind": "error", "error": "internal_error", "status": 500}, UNAVAILABLE),
    ("authorize", {"kind": "error", "error": "access_denied"}, DENIED),
    ("authorize", {"kind": "error", "error": "access_denied", "error_type": "non_sandbox_target"}, DENIED),
    ("authorize", {"kind": "error", "error": "temporarily_unavailable"}, UNAVAILABLE),
    ("authorize", {"kind": "error", "error": "server_error"}, SERVER_ERROR),
    ("authorize", {"kind": "error", "error": "unauthorized_client", "err_code": 10_004}, SERVER_ERROR),
    ("authorize", {"kind": "error", "error": "<script>alert(1)</script>"}, SERVER_ERROR),
]


async def told(stage: Stage, **consent: Any) -> dict[str, str]:
    """What the app hears of a visit, which must carry its state and our name and leave no session behind."""
    browser = await stage.browser()
    answer = await stage.come_back(browser, stage.question(), **consent)
    assert (answer["state"], answer["iss"]) == ("the-state", stage.issuer)
    assert [name for name in browser.cookies if name.startswith("broker_")] == []
    return answer


async def test_each_failure_has_its_error_and_nothing_is_stored(stage: Stage) -> None:
    browser = await stage.browser()
    for endpoint, options, error in FAULTS:
        stage.world.faults.add(Fault(endpoint, **options))
        answer = await stage.come_back(browser, stage.question())
        stage.world.faults.clear()
        assert answer.get("error") == error, (endpoint, options, answer)
        assert (answer["state"], answer["iss"]) == ("the-state", stage.issuer)
        assert answer["error_description"].isascii()
        assert not set(answer["error_description"]) & set('"\\<>')
    assert await written(stage.database) == {}
    assert [name for name in browser.cookies if name.startswith("broker_")] == []
    # The service is none the worse for it.
    assert "code" in await stage.come_back(await stage.browser(), stage.question())


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
    monkeypatch.setattr("broker.app.TikTok", functools.partial(TikTok, patience=0.05))
    async with running_stage(database_url, clock) as stage:
        ended = asyncio.Event()

        async def sleep(_: float) -> None:
            await ended.wait()

        stage.world.sleep = sleep
        for endpoint in BOTH:
            stage.world.faults.add(Fault(endpoint, "slow"))
            assert (await told(stage))["error"] == UNAVAILABLE
        ended.set()
        assert await written(stage.database) == {}


@pytest.mark.parametrize("status", [200, 400, 401])
@on_sqlite
async def test_our_own_wrong_secret_is_server_error_and_loud(
    stage: Stage, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    app = stage.world.apps.pop("aw0example0key01")
    stage.world.add_app(app.__class__(app.client_key, "another-secret", app.redirect_uris))
    stage.world.switches = stage.world.switches.__class__(oauth_error_status=status)
    assert (await told(stage))["error"] == SERVER_ERROR
    loud = [line for line in log_lines(capsys) if line["level"] == "error"]
    assert [line["event"] for line in loud] == ["upstream.misconfigured"]
    assert loud[0]["error"] == "invalid_client"
    assert len(loud[0]["log_id"]) == 34
    assert (loud[0]["registration"], loud[0]["endpoint"], loud[0]["status"]) == ("default", "token", status)
    assert loud[0]["request_id"]
    assert await written(stage.database) == {}


@on_sqlite
async def test_errors_on_the_callback_leave_their_numbers_in_the_log(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    fault = Fault("authorize", "error", error="param_error", error_type="code_challenge", err_code=10_007)
    stage.world.faults.add(fault)
    await told(stage)
    (line,) = [line for line in log_lines(capsys) if line["event"] == "upstream.misconfigured"]
    assert (line["error"], line["error_type"], line["err_code"]) == ("param_error", "code_challenge", 10_007)


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
async def test_unknown_fields_harm_nobody(stage: Stage) -> None:
    for endpoint in BOTH:
        stage.world.faults.add(Fault(endpoint, "unknown_fields"))
    assert "code" in await stage.come_back(await stage.browser(), stage.question())


@on_sqlite
async def test_an_error_beside_a_code_wins(stage: Stage) -> None:
    browser = await stage.browser()
    sent = await stage.authorize(browser, stage.question())
    callback = await stage.consent(browser, sent.headers["location"])
    answer = answer_in((await browser.get(f"{callback}&error=access_denied")).headers["location"])
    assert answer["error"] == DENIED
    assert stage.world.counters["token"]["calls"] == 0
    assert await written(stage.database) == {}


def log_lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The events that were logged since the last look."""
    return [orjson.loads(line) for line in capsys.readouterr().err.splitlines()]
