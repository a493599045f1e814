"""SQLite's bad days: no file, no database, a lock held by another, a full disk, a killed process."""

import asyncio
import contextlib
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from broker.store import clients, migrations
from broker.store.database import DatabaseUnavailable, SchemaMismatch, Transaction, connect
from tests.store.rows import NOW

KEEP_WRITING = """
import asyncio, sys
from broker.store import clients
from broker.store.database import connect

async def write(url):
    database = await connect(url)
    async def one(number):
        assert await database.transact(clients.add, f"c{number}", {}, None, now=0)
        print(number, flush=True)
    for start in range(0, 1_000_000, 10):
        await asyncio.gather(*(one(number) for number in range(start, start + 10)))

asyncio.run(write(sys.argv[1]))
"""


@pytest.fixture
def file(sqlite_template: Path, tmp_path: Path) -> Path:
    """A migrated file."""
    return Path(shutil.copy(sqlite_template, tmp_path / "broker.db"))


async def add(tx: Transaction, name: str) -> bool:
    """Something to write."""
    return await clients.add(tx, name, {}, None, now=NOW)


def test_a_killed_process_loses_nothing_it_has_acknowledged(file: Path) -> None:
    command = (sys.executable, "-c", KEEP_WRITING, f"sqlite:///{file}")
    acknowledged = []
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout is not None
        for line in process.stdout:
            acknowledged.append(int(line))
            if len(acknowledged) == 200:
                process.kill()
    assert len(acknowledged) >= 200
    with contextlib.closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        kept = {name for (name,) in connection.execute("SELECT client_id FROM clients")}
    assert {f"c{number}" for number in acknowledged} <= kept


@pytest.mark.parametrize("where", ["no/such/folder/broker.db", "", "garbage.db"])
async def test_a_file_that_cannot_be_opened_is_one_error(tmp_path: Path, where: str) -> None:
    (tmp_path / "garbage.db").write_bytes(b"no database, whatever its name says. " * 100)
    with pytest.raises(DatabaseUnavailable):
        await connect(f"sqlite:///{tmp_path}/{where}")
    with pytest.raises(DatabaseUnavailable):
        await asyncio.to_thread(migrations.current, f"sqlite:///{tmp_path}/{where}")


async def test_a_lock_that_is_not_let_go_is_one_error_and_the_next_try_may_succeed(file: Path) -> None:
    database = await connect(f"sqlite:///{file}", statement_timeout=0.02)
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        outcomes = await asyncio.gather(
            *(database.transact(add, f"c{number}") for number in range(3)), return_exceptions=True
        )
        assert [str(outcome) for outcome in outcomes] == ["database is locked"] * 3
        assert {type(outcome) for outcome in outcomes} == {DatabaseUnavailable}
        assert await database.read(clients.every) == []
        other.execute("ROLLBACK")
    assert await database.transact(add, "c1")
    await database.close()


async def test_without_its_tables_it_says_what_is_missing_and_can_be_closed(tmp_path: Path) -> None:
    database = await connect(f"sqlite:///{tmp_path / 'empty.db'}")
    for way in (database.read, database.transact, database.run):
        with pytest.raises(SchemaMismatch, match="no such table: clients"):
            await way(clients.every)
    await database.close()


async def test_a_missing_column_is_a_schema_mismatch(file: Path) -> None:
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("ALTER TABLE clients DROP COLUMN secret_digest")
    database = await connect(f"sqlite:///{file}")
    with pytest.raises(SchemaMismatch, match="secret_digest"):
        await database.read(clients.every)
    await database.close()


async def test_a_full_disk_fails_what_does_not_fit_and_nothing_else(file: Path) -> None:
    async def fill(tx: Transaction) -> None:
        await tx.run(text("PRAGMA max_page_count = 1"))
        await clients.add(tx, "too large", {"client_name": "x" * 1_000_000}, None, now=NOW)

    async def make_room(tx: Transaction) -> None:
        await tx.run(text("PRAGMA max_page_count = 1000000"))

    database = await connect(f"sqlite:///{file}")
    with pytest.raises(DatabaseUnavailable, match="full"):
        await database.transact(fill)
    await database.transact(make_room)
    assert await database.transact(add, "c1")
    assert [client.client_id for client in await database.read(clients.every)] == ["c1"]
    await database.close()


async def test_a_group_that_sqlite_gives_up_by_itself_fails_as_one(file: Path) -> None:
    """As after a failing disk: the transaction is gone, so nobody in the group may be told that it is done."""

    async def give_up(tx: Transaction) -> None:
        await add(tx, "lost")
        await tx.run(text("ROLLBACK"))
        raise sqlite3.OperationalError("disk I/O error")

    database = await connect(f"sqlite:///{file}")
    outcomes = await asyncio.gather(
        database.transact(add, "before"),
        database.transact(give_up),
        database.transact(add, "after"),
        return_exceptions=True,
    )
    kept = {client.client_id for client in await database.read(clients.every)}
    told = {name for name, outcome in zip(("before", "lost", "after"), outcomes, strict=True) if outcome is True}
    assert kept == told
    assert isinstance(outcomes[1], DatabaseUnavailable)
    assert await database.transact(add, "next")
    await database.close()
