"""A database of many rows, so that it matters how a statement finds one."""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

import asyncpg
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Table

from broker import opaque
from broker.store.schema import metadata
from tests.stage import WEB

MANY: Final = 6_000
NOW: Final = 1_800_000_000
DAY: Final = 86_400
# The others hold a few rows, however many people there are.
GROWING: Final = frozenset(metadata.tables) - {"signing_keys", "counters", "leases"}

_PREFIXES: Final = {"users": "usr_", "sessions": "ses_", "clients": "cli_"}


def _digest(what: str) -> bytes:
    return hashlib.sha256(what.encode()).digest()


def _name(table: str, number: int) -> str:
    """The primary key of a row as the service makes them: in the order of their names, rows come in none."""
    return _PREFIXES.get(table, "") + opaque.encode(_digest(f"{table}-{number}")[:20])


_OF_COLUMN: Final[dict[str, Callable[[int], Any]]] = {
    "audit_events.at": lambda number: NOW - number,
    "accounts.registration": lambda number: "default",
    "clients.client_id": partial(_name, "clients"),
    "clients.client_metadata": lambda number: '{"redirect_uris": ["https://crowd.example/"]}',
    "clients.disabled_at": lambda number: None,
    "deleted_grants.status_index": lambda number: MANY + number,
    "deleted_grants.ended_at": lambda number: NOW - 1_000 - number,
    "grants.client_id": lambda number: WEB,
    "grants.ended_at": lambda number: NOW - number if number % 10 == 0 else None,
    "grants.offline": lambda number: 1,
    "grants.session_id": lambda number: _name("sessions", number) if number % 10 == 1 else None,
    "grants.status_index": lambda number: number,
    "imported_people.open_id": lambda number: f"waiting-{number}" if number % 2 else None,
    "imported_people.registration": lambda number: "default" if number % 2 else None,
    "imported_people.union_id": lambda number: None if number % 2 else f"waiting-{number}",
    "imported_people.user_id": lambda number: None,
    "imported_people.joined_at": lambda number: None,
    "outbox.due_at": lambda number: NOW + 10 * DAY + number,
    "sessions.ended_at": lambda number: None,
    "users.blocked_at": lambda number: None,
    "webhook_deliveries.occurred_at": lambda number: NOW - number,
    "webhook_deliveries.event": lambda number: "authorization.removed",
}


async def crowd(database_url: str) -> None:
    """Put `MANY` rows into every table that grows, and have the database count them."""
    tables = [table for table in metadata.sorted_tables if table.name in GROWING]
    if database_url.startswith("sqlite:///"):
        with sqlite3.connect(database_url.removeprefix("sqlite:///")) as file:
            for table in tables:
                # The migrations added columns later on: theirs is another order.
                names = ", ".join(column.name for column in table.columns)
                marks = ", ".join("?" * len(table.columns))
                file.executemany(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", _rows(table))
            file.execute("ANALYZE")
        file.close()
        return
    connection = await asyncpg.connect(database_url)
    for table in tables:
        await connection.copy_records_to_table(
            table.name, records=_rows(table), columns=[column.name for column in table.columns]
        )
    await connection.execute("ANALYZE")
    await connection.close()


def _rows(table: Table) -> Iterator[tuple[Any, ...]]:
    columns = [_column(table, column) for column in table.columns]
    for number in range(MANY):
        yield tuple(value(number) for value in columns)


def _column(table: Table, column: Column[Any]) -> Callable[[int], Any]:
    """What the rows have there: something of its own for each, and times to come when something ends."""
    name = f"{table.name}.{column.name}"
    if name in _OF_COLUMN:
        return _OF_COLUMN[name]
    for key in column.foreign_keys:
        return partial(_name, key.column.table.name)
    if column.primary_key and not isinstance(column.type, LargeBinary):
        return partial(_name, table.name)
    if isinstance(column.type, LargeBinary):
        return lambda number: _digest(f"{name}-{number}")
    if isinstance(column.type, BigInteger | Integer):
        return lambda number: NOW + DAY + number % DAY if column.name.endswith("expires_at") else NOW - DAY
    return lambda number: f"{column.name}-{number}"
