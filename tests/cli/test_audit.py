"""`broker audit`: what happened, newest first, to whom, by which app, and when."""

import asyncio
import json
from typing import Any

import pytest

from broker.clock import system_clock
from broker.store import audit, leaving
from broker.store.audit_names import EVENTS
from broker.store.database import Transaction, connect
from tests.by_hand import execute
from tests.cli.running import run

DAY = 86_400


@pytest.fixture
def url(database_url: str) -> str:
    """Ten events, an hour apart, the last of them just now."""

    async def fill(tx: Transaction, now: int) -> None:
        for number in range(10):
            await audit.record(
                tx,
                ("sign_in", "session.ended")[number % 2],
                actor="user",
                user_id=f"usr_{number % 3}",
                client_id=f"cli_{number % 5}\x1b",
                reason=str(number),
                now=now - (9 - number) * 3_600,
            )
        await audit.record(tx, "user.erased", actor="operator", user_id=leaving.erased("usr_gone"), now=now - DAY)

    async def work() -> None:
        database = await connect(database_url)
        await database.transact(fill, system_clock())
        await execute(
            database,
            "INSERT INTO users (id, union_id, created_at, updated_at) VALUES ('usr_1', 'union-1', 1, 1)",
        )
        await database.close()

    asyncio.run(work())
    return database_url


def found(url: str, *arguments: str) -> list[dict[str, Any]]:
    result = run("audit", *arguments, "--json", url=url)
    assert result.exit_code == 0, result.output
    events: list[dict[str, Any]] = json.loads(result.stdout)
    return events


def reasons(url: str, *arguments: str) -> str:
    return "".join(event["reason"] or "-" for event in found(url, *arguments))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "9876543210-"),
        (("--limit", "3"), "987"),
        (("--user", "usr_1"), "741"),
        (("--user", "union-1"), "741"),
        (("--user", "usr_nobody"), ""),
        (("--user", "usr_gone"), "-"),
        (("--client", "cli_2\x1b"), "72"),
        (("--event", "sign_in"), "86420"),
        (("--since", "150m"), "987"),
        (("--until", "150m"), "6543210-"),
        (("--since", "5h", "--until", "90m", "--user", "usr_1", "--event", "session.ended"), "7"),
        (("--since", "2020-01-31", "--limit", "2"), "98"),
        (("--until", "2020-01-31T08:30Z"), ""),
    ],
    ids=lambda value: " ".join(value) or "all" if isinstance(value, tuple) else None,
)
def test_each_filter_narrows_it_and_the_newest_comes_first(
    url: str, arguments: tuple[str, ...], expected: str
) -> None:
    assert reasons(url, *arguments) == expected


def test_the_table_moves_no_cursor_and_json_has_every_field(url: str) -> None:
    result = run("audit", url=url)
    head, first, *_ = result.stdout.splitlines()
    assert head.split() == ["TIME", "EVENT", "BY", "USER", "CLIENT", "REASON"]
    assert first[head.index("EVENT") :].startswith("session.ended")
    assert "\x1b" not in result.stdout
    assert found(url, "--limit", "1")[0].keys() == {
        *("id", "at", "event", "actor", "user_id", "client_id", "session_id"),
        *("grant_id", "registration", "request_id", "reason"),
    }


def test_nothing_is_an_empty_list_and_a_sentence(url: str) -> None:
    result = run("audit", "--event", "user.blocked", url=url)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "Nothing of the kind has happened.\n")


def test_an_event_that_does_not_exist_is_wrong_usage_with_a_list_of_those_that_do(url: str) -> None:
    result = run("audit", "--event", "nonsense", url=url)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "'nonsense' is not one of" in result.stderr
    assert all(f"'{name}'" in result.stderr for name in EVENTS)


@pytest.mark.parametrize("time", ["yesterday", "", "2027-13-01", "0s", "99999999d"])
def test_a_time_that_is_none_is_wrong_usage(url: str, time: str) -> None:
    result = run("audit", "--since", time, url=url)
    assert result.exit_code == 2
    assert "2027-01-31T08:30Z" in result.stderr
