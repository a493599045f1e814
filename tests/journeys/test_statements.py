"""What strangers and apps ask of the database beside the legs of a sign-in, counted at the driver."""

import sqlite3
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from tests.resting import rest
from tests.stage import PUBLIC, HeldClock, Stage, forged, running_stage
from tests.store.watching import IN_THE_BACKGROUND

# SQLite groups functions: a transaction around the group, a savepoint around each.
FRAME = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "START")


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement that any connection runs from now on."""
    seen: list[str] = []
    rest(monkeypatch)
    connect, create_pool = sqlite3.connect, asyncpg.create_pool

    def traced(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*args, **kwargs)
        connection.set_trace_callback(seen.append)
        return connection

    async def listen(connection: Any) -> None:
        connection.add_query_logger(lambda record: seen.append(record.query))

    monkeypatch.setattr(sqlite3, "connect", traced)
    monkeypatch.setattr(asyncpg, "create_pool", lambda *args, **kwargs: create_pool(*args, init=listen, **kwargs))
    return seen


@pytest.fixture
async def counted(statements: list[str], database_url: str, clock: HeldClock) -> AsyncIterator[Stage]:
    async with running_stage(database_url, clock) as stage:
        yield stage


def done(statements: list[str]) -> tuple[int, list[str]]:
    """How many transactions were begun since the last look, and the statements in and outside of them."""
    asked = [statement for statement in statements if not statement.startswith(("--", *IN_THE_BACKGROUND))]
    seen = [statement.split()[0].upper().rstrip(";") for statement in asked]
    statements.clear()
    begun = sum(word in ("BEGIN", "START") for word in seen)
    return begun, [word for word in seen if word not in FRAME]


async def test_what_goes_nowhere_asks_nothing(counted: Stage, statements: list[str]) -> None:
    """What each leg costs is in `tests/guard`."""
    stage = counted
    await stage.sign_in()
    done(statements)
    browser = await stage.browser()
    await stage.http.get("/healthz")
    await stage.authorize(browser, stage.question(redirect_uri="https://evil.example/"))
    await stage.authorize(browser, stage.question(prompt="none"))
    await browser.get(f"{stage.issuer}/callback/tiktok?code=x&state=y")
    assert done(statements) == (0, [])


async def test_a_strangers_forged_token_costs_no_statement(counted: Stage, statements: list[str]) -> None:
    """That of an app which proved itself costs its audit event."""
    tokens = await counted.sign_in(PUBLIC)
    done(statements)
    assert (await counted.refresh(forged(tokens["refresh_token"]), PUBLIC)).status_code == 400
    assert (await counted.userinfo(forged(tokens["access_token"]))).status_code == 401
    assert done(statements) == (0, [])
    assert (await counted.refresh(forged(tokens["refresh_token"]))).status_code == 400
    # The app is looked up, for the first time.
    assert done(statements) == (1, ["SELECT", "INSERT"])


async def test_an_app_is_looked_up_once_in_five_seconds(counted: Stage, statements: list[str]) -> None:
    browser = await counted.browser()
    counted.clock.advance(5)
    done(statements)
    for _ in range(3):
        await counted.authorize(browser, counted.question())
    counted.clock.advance(4)
    await counted.authorize(browser, counted.question())
    assert done(statements) == (0, ["SELECT"])
    counted.clock.advance(1)
    await counted.authorize(browser, counted.question())
    assert done(statements) == (0, ["SELECT"])
