"""Reading a whole database, to see what a journey wrote and what it did not."""

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import select

from broker.store.database import Database, Transaction
from broker.store.schema import metadata

Contents = dict[str, list[dict[str, Any]]]

_STATEMENTS = {table.name: select(table) for table in metadata.sorted_tables}
_OF_SIGN_IN = ("users", "accounts", "sessions", "grants", "audit_events")


async def contents(database: Database) -> Contents:
    """Every row of every table, by table."""
    return await database.read(_contents)


async def _contents(tx: Transaction) -> Contents:
    found: Contents = {}
    for name, statement in _STATEMENTS.items():
        columns = [column.name for column in metadata.tables[name].columns]
        found[name] = [{column: row[column] for column in columns} for row in await tx.all(statement)]
    return found


async def written(database: Database) -> dict[str, int]:
    """How many rows the tables hold that only a sign-in fills; empty tables are left out."""
    found = await contents(database)
    return {name: len(found[name]) for name in _OF_SIGN_IN if found[name]}


def raw_file(database_url: str) -> bytes:
    """The bytes of an SQLite file after a checkpoint, with whatever its pages still hold."""
    file = Path(database_url.removeprefix("sqlite:///"))
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return file.read_bytes()


async def changed(database: Database, before: Contents) -> list[tuple[str, str]]:
    """Name and reason of the audit events that came since; nothing else may have changed."""
    after = await contents(database)
    news = [event for event in after.pop("audit_events") if event not in before["audit_events"]]
    assert after == {name: rows for name, rows in before.items() if name != "audit_events"}
    return [(event["event"], event["reason"]) for event in news]
