"""SQLite's writer: one thread, one commit for all that wait, and each function's faults its own."""

import asyncio
import shutil
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from broker.store import clients
from broker.store.database import Database, DatabaseUnavailable, Row, Transaction, connect
from tests.store.rows import NOW
from tests.store.watching import Statements


class Gate:
    """Holds the writer thread inside a store function until told to go on."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.go_on = threading.Event()

    async def hold(self, tx: Transaction) -> None:
        """A store function that takes its time."""
        self.reached.set()
        assert self.go_on.wait(30)


@pytest.fixture
async def opened(statements: Statements, sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """A database whose statements are heard."""
    database = await connect(f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'broker.db')}")
    statements.clear()
    yield database
    await database.close()


async def add(tx: Transaction, name: str) -> bool:
    """Something to write."""
    return await clients.add(tx, name, {}, None, now=NOW)


async def names(database: Database) -> set[str]:
    """What was written, as another connection sees it."""
    return {client.client_id for client in await database.read(clients.every)}


async def held(database: Database, gate: Gate) -> "asyncio.Task[None]":
    """The writer is inside `gate.hold` when this returns."""
    holding = asyncio.create_task(database.transact(gate.hold))
    assert await asyncio.to_thread(gate.reached.wait, 30)
    return holding


async def queued(database: Database, *wanted: str) -> "list[asyncio.Task[bool]]":
    """Writes that wait for the writer when this returns."""
    tasks = [asyncio.create_task(database.transact(add, name)) for name in wanted]
    await asyncio.sleep(0)
    return tasks


async def test_nothing_answered_is_lost_when_power_fails_and_foreign_keys_hold(opened: Database) -> None:
    """WAL with `synchronous=FULL` (2) syncs the log at every commit; NORMAL would not."""

    async def settings(tx: Transaction) -> dict[str, object]:
        found: dict[str, object] = {}
        for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout"):
            row: Row | None = await tx.one(text(f"PRAGMA {name}"))
            assert row is not None
            found[name] = row[name if name != "busy_timeout" else "timeout"]
        return found

    expected = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5_000}
    assert await opened.transact(settings) == expected
    assert await opened.read(settings) == expected


async def test_all_that_waits_is_committed_at_once(opened: Database, statements: Statements) -> None:
    gate = Gate()
    holding = await held(opened, gate)
    tasks = await queued(opened, *(f"c{number}" for number in range(64)))
    gate.go_on.set()
    assert await asyncio.gather(*tasks) == [True] * 64
    await holding
    assert statements.kinds.count("BEGIN") == statements.kinds.count("COMMIT") == 2


async def test_no_answer_goes_out_before_its_commit(opened: Database) -> None:
    gate = Gate()
    (first,) = await queued(opened, "c1")
    holding = await held(opened, gate)
    gate.go_on.set()
    assert await first
    assert await names(opened) == {"c1"}
    await holding


async def test_what_a_function_raises_undoes_its_own_work_and_nobody_elses(opened: Database) -> None:
    async def fail(tx: Transaction) -> None:
        await add(tx, "undone")
        raise LookupError("misuse")

    gate = Gate()
    holding = await held(opened, gate)
    before, failing = await queued(opened, "before"), asyncio.create_task(opened.transact(fail))
    await asyncio.sleep(0)
    after = await queued(opened, "after")
    gate.go_on.set()
    with pytest.raises(LookupError, match="misuse"):
        await failing
    assert await asyncio.gather(holding, *before, *after) == [None, True, True]
    assert await names(opened) == {"before", "after"}


async def test_a_function_that_awaits_something_else_is_reported_and_undone(opened: Database) -> None:
    async def wait(tx: Transaction) -> None:
        await add(tx, "undone")
        await asyncio.sleep(0)

    for way in (opened.transact, opened.run):
        with pytest.raises(RuntimeError, match="awaited something other than its transaction"):
            await way(wait)
    with pytest.raises(RuntimeError, match="awaited something other"):
        await opened.read(asyncio_sleep)
    assert await names(opened) == set()


async def asyncio_sleep(tx: Transaction) -> None:
    """A read that really waits."""
    await asyncio.sleep(0)


async def test_a_wrong_parameter_name_is_a_key_error(opened: Database) -> None:
    with pytest.raises(KeyError, match="id"):
        await opened.read(_misspelt)


async def _misspelt(tx: Transaction) -> None:
    await tx.one(clients._FIND, client="cli_app")


async def test_a_reader_cannot_write(opened: Database) -> None:
    with pytest.raises(DatabaseUnavailable, match="readonly"):
        await opened.read(add, "c1")


async def test_a_reader_waits_for_no_writer(opened: Database) -> None:
    gate = Gate()
    holding = await held(opened, gate)
    assert await names(opened) == set()
    gate.go_on.set()
    await holding


async def test_a_caller_that_goes_away_hurts_nobody(opened: Database) -> None:
    gate = Gate()
    holding = await held(opened, gate)
    leaving, staying = await queued(opened, "leaving", "staying")
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    gate.go_on.set()
    assert await staying
    await holding
    assert "staying" in await names(opened)


async def test_closing_finishes_what_waits(opened: Database) -> None:
    gate = Gate()
    holding = await held(opened, gate)
    tasks = await queued(opened, *(f"c{number}" for number in range(200)))
    closing = asyncio.create_task(opened.close())
    await asyncio.sleep(0)
    gate.go_on.set()
    await closing
    assert await asyncio.gather(holding, *tasks) == [None] + [True] * 200


async def test_after_closing_it_says_so_instead_of_waiting_for_ever(opened: Database) -> None:
    await opened.close()
    await opened.close()
    with pytest.raises(DatabaseUnavailable, match="closed"):
        await opened.transact(add, "c1")
    with pytest.raises(DatabaseUnavailable, match="closed"):
        await opened.read(clients.every)
