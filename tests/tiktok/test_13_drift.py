"""TikTok's answers change: what is new is ignored and counted by its name, and nobody is signed in by halves."""

import asyncio
import functools
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as proving
from hypothesis import strategies as st

from broker import telemetry
from broker.simulator.faults import Fault
from broker.upstream.tiktok import TikTok
from tests.journeys.tables import contents
from tests.stage import HeldClock, Stage, running_stage
from tests.upstream.payloads import PERSON, TOKEN_ANSWERS, TOKENS, USER_ANSWERS

FUZZ = proving(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
# Five of these apart, and failures do not count as an outage.
APART = 20


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def shared(
    loop: asyncio.Runner, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """One stage for all tests here, which do not wait between two attempts."""

    async def pause(_: float) -> None:
        pass

    file = shutil.copy(sqlite_template, tmp_path_factory.mktemp("drift") / "broker.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("broker.app_tiktok.TikTok", functools.partial(TikTok, pause=pause))
        context = running_stage(f"sqlite:///{file}", HeldClock())
        yield loop.run(context.__aenter__())
    loop.run(context.__aexit__(None, None, None))


@pytest.fixture(autouse=True)
def fresh_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry, "_words", set())


def drift() -> dict[tuple[str, str], float]:
    """How often each field was found new, by endpoint and name."""
    return {
        (sample.labels["endpoint"], sample.labels["field"]): sample.value
        for family in telemetry.TIKTOK_DRIFT.collect()
        for sample in family.samples
        if sample.name == "broker_tiktok_drift_total"
    }


def found(before: dict[tuple[str, str], float]) -> dict[tuple[str, str], float]:
    """What came to it since."""
    return {key: value - before.get(key, 0) for key, value in drift().items() if value != before.get(key, 0)}


async def visit(stage: Stage, *faults: Fault) -> dict[str, str]:
    """What the app hears of a visit under these faults, and of nothing else."""
    stage.clock.advance(APART)
    for fault in faults:
        stage.world.faults.add(fault)
    browser = await stage.browser()
    answer = await stage.come_back(browser, stage.question())
    await browser.aclose()
    stage.world.faults.clear()
    return answer


def body(place: str, value: object) -> Fault:
    """The endpoint answers with this JSON, whatever it is asked."""
    return Fault(place, "status", times=None, status=200, body=json.dumps(value))


def test_unknown_fields_are_ignored_and_counted_by_name(loop: asyncio.Runner, shared: Stage) -> None:
    before = drift()
    faults = [Fault(place, "unknown_fields") for place in ("token", "user_info")]
    assert "code" in loop.run(visit(shared, *faults))
    # In the flat token answer once; in user info at the top, in `data`, in `user` and in `error`.
    assert found(before) == {("token", "shiny_new_field"): 1, ("user_info", "shiny_new_field"): 4}
    shown = loop.run(shared.http.get("/metrics")).text
    assert 'broker_tiktok_drift_total{endpoint="token",field="shiny_new_field"}' in shown
    assert "nested" not in shown


def test_a_good_answer_has_nothing_new(loop: asyncio.Runner, shared: Stage) -> None:
    before = drift()
    assert "code" in loop.run(visit(shared))
    assert "error" in loop.run(visit(shared, Fault("token", "error", error="invalid_grant")))
    assert "error" in loop.run(visit(shared, Fault("user_info", "error", error="invalid_params")))
    assert found(before) == {}


@pytest.mark.parametrize(
    ("place", "field", "times"),
    [
        ("token", "access_token", 1),
        ("token", "expires_in", 1),
        ("token", "scope", 1),
        # Asked for twice, since the first answer was none.
        ("user_info", "union_id", 2),
        ("user_info", "display_name", 2),
    ],
)
def test_a_known_field_of_another_shape_is_counted_and_spoils_the_answer(
    loop: asyncio.Runner, shared: Stage, place: str, field: str, times: int
) -> None:
    before = drift()
    answer = loop.run(visit(shared, Fault(place, "wrong_types", fields=(field,), times=None)))
    assert answer["error"] == "temporarily_unavailable"
    assert found(before) == {(place, field): times}


def test_a_flood_of_new_names_is_one_more_name(loop: asyncio.Runner, shared: Stage) -> None:
    """Names that are none, and more than anybody would read, are `other`."""
    before = drift()
    person: dict[str, Any] = PERSON | {f"flood_{number}": 1 for number in range(300)} | {"act.canary!1": 1, "É": 1}
    assert "code" in loop.run(visit(shared, body("token", TOKENS), body("user_info", person)))
    new = found(before)
    assert len(new) <= 101
    assert new["user_info", "other"] >= 200
    assert sum(new.values()) == 302
    assert "canary" not in loop.run(shared.http.get("/metrics")).text


async def people(stage: Stage) -> dict[str, list[dict[str, Any]]]:
    found = await contents(stage.database)
    return {name: found[name] for name in ("users", "accounts", "sessions", "grants")}


@FUZZ
@given(tokens=TOKEN_ANSWERS, person=USER_ANSWERS | st.just(PERSON))
def test_whatever_tiktok_answers_there_is_a_whole_and_right_user_or_none(
    loop: asyncio.Runner, shared: Stage, tokens: Any, person: Any
) -> None:
    before = loop.run(people(shared))
    answer = loop.run(visit(shared, body("token", tokens), body("user_info", person)))
    after = loop.run(people(shared))
    if "error" in answer:
        assert answer["error"] in ("temporarily_unavailable", "server_error", "access_denied")
        assert after == before
        return
    said = person["data"]["user"]
    (user,) = [row for row in after["users"] if row["union_id"] == said["union_id"]]
    (account,) = [row for row in after["accounts"] if row["open_id"] == said["open_id"]]
    assert account["user_id"] == user["id"]
    assert said["open_id"] == tokens["open_id"]
    assert tokens.get("error") is None
    assert person["error"]["code"] == "ok"
    assert account["sealed_tokens"]
    assert account["access_expires_at"] == shared.clock() + tokens["expires_in"]
    assert account["refresh_expires_at"] == shared.clock() + tokens["refresh_expires_in"]
    for name in ("sessions", "grants"):
        known = {row["id"] for row in before[name]}
        assert [row["user_id"] for row in after[name] if row["id"] not in known] == [user["id"]]
