"""However much there is to delete: each batch is small, a transaction of its own, and found by indexes alone."""

import asyncio
import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest
from sqlalchemy import Executable, text

from broker.store import outbox, postgresql, purging, sqlite
from broker.store.database import Database, Row, Transaction
from broker.store.schema import metadata
from tests.by_hand import execute
from tests.store.rows import NOW
from tests.store.test_purging import batches
from tests.store.watching import Statements

MOST = 20
LONG_OVER, LIVE = NOW - 9 * 86_400, NOW + 9 * 86_400
NUMBERS = """
FROM (WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {last}) SELECT * FROM n) AS numbers
"""
# A hundred names end in the same second.
ITS_END = f"CASE WHEN i < {{over}} THEN {LONG_OVER} + i / 100 ELSE {LIVE} END"
EXPIRING = {
    "pushed_requests": f"'cli', '', {ITS_END}, NULL",
    "spent_ids": ITS_END,
    "webhook_deliveries": f"'default', 'event', NULL, 1, 1, {ITS_END}",
}
# What tells the rows of a swept table apart, and what makes them go.
APART = {
    "users": {"id": "users", "union_id": "users"},
    "sessions": {"id": "sessions", "cookie_digest": "sessions"},
    "grants": {"id": "grants", "login_digest": "grants", "code_digest": "grants", "session_id": "sessions"},
    "outbox": {"id": "outbox"},
    "avatars": {"id": "avatars", "user_id": "users"},
}
OVER = {
    "outbox": ("UPDATE outbox SET expires_at = 1",),
    "grants": ("UPDATE sessions SET ended_at = 1", "UPDATE grants SET code_expires_at = 1"),
    "sessions": ("UPDATE sessions SET ended_at = 1", "DELETE FROM grants"),
    "avatars": ("UPDATE users SET avatar_id = NULL",),
}


class Explaining:
    """A transaction that asks how each statement would be run, and then runs it."""

    def __init__(self, tx: Transaction) -> None:
        self.tx = tx
        self.plans: list[str] = []
        self.folds = tx.folds

    async def one(self, statement: Executable, **parameters: object) -> Row | None:
        await self._explain(statement, parameters)
        return await self.tx.one(statement, **parameters)

    async def all(self, statement: Executable, **parameters: object) -> list[Row]:
        await self._explain(statement, parameters)
        return await self.tx.all(statement, **parameters)

    async def run(self, statement: Executable, **parameters: object) -> int:
        await self._explain(statement, parameters)
        return await self.tx.run(statement, **parameters)

    async def each(self, statement: Executable, rows: Sequence[Mapping[str, object]]) -> None:
        await self.tx.each(statement, rows)

    def whole(self) -> Any:
        return self.tx.whole()

    async def _explain(self, statement: Executable, parameters: dict[str, object]) -> None:
        if isinstance(self.tx, sqlite.SqliteTransaction):
            compiled = sqlite._COMPILER(statement)
            asked = f"EXPLAIN QUERY PLAN {compiled.text}"
            steps = [row[3] for row in self.tx._connection.execute(asked, compiled.arguments(parameters))]
        else:
            compiled = postgresql._COMPILER(statement)
            connection = cast("postgresql.PostgresTransaction", self.tx)._connection
            asked = f"EXPLAIN (COSTS OFF) {compiled.text}"
            steps = [row[0] for row in await connection.fetch(asked, *compiled.arguments(parameters))]
        self.plans.append("\n".join(steps))


async def explained(tx: Transaction, kind: str, place: purging.Place, most: int = MOST) -> list[str]:
    """The plans of one batch's statements."""
    explaining = Explaining(tx)
    await purging.purge(explaining, kind, place=place, most=most, now=NOW)
    return explaining.plans


async def fill(database: Database, kind: str, *, rows: int, over: int) -> None:
    """So many rows, of which the first `over` have expired."""
    key = f"CAST('{kind} ' || i AS {blob(database)})"
    columns = EXPIRING[kind].format(over=over)
    await execute(database, f"INSERT INTO {kind} SELECT {key}, {columns} {NUMBERS.format(last=rows - 1)}")
    await analyze(database, kind)


def blob(database: Database) -> str:
    return "BLOB" if database.dialect == "sqlite" else "BYTEA"


async def analyze(database: Database, *tables: str) -> None:
    if database.dialect == "postgresql":
        await database.transact(_all, text(f"ANALYZE {', '.join(tables)}"))


async def _all(tx: Transaction, statement: Executable) -> list[Row]:
    return await tx.all(statement)


async def copy(database: Database, table: str, *, rows: int) -> None:
    """So many more rows like the one that is there."""
    its_own = {
        name: f"CAST('{prefix} ' || i AS {blob(database)})" if name.endswith("digest") else f"'{prefix} ' || i"
        for name, prefix in APART[table].items()
    }
    columns = metadata.tables[table].columns.keys()
    values = ", ".join(its_own.get(name, f"{table}.{name}") for name in columns)
    numbers = NUMBERS.format(last=rows - 1)
    await execute(database, f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} {numbers}, {table}")


@pytest.mark.parametrize("kind", EXPIRING)
async def test_what_has_an_end_goes_in_batches_of_one_statement_over_its_index(
    statements: Statements, database: Database, kind: str
) -> None:
    await fill(database, kind, rows=20_000, over=210)
    (plan,) = await database.transact(explained, kind, 0)
    assert_no_scan(plan, kind)
    assert f"ix_{kind}_expires_at" in plan
    statements.clear()
    assert await batches(database, kind, most=MOST, now=NOW) == [*[MOST] * 9, 10]
    assert each_by_itself(database, statements) == ["WITH"] * 10


def assert_no_scan(plan: str, *tables: str) -> None:
    """Every row of a table is found by an index."""
    for table in tables:
        assert f"Seq Scan on {table}" not in plan, plan
        assert f"SCAN {table}" not in plan.replace(f"SCAN {table} USING COVERING INDEX", ""), plan


def each_by_itself(database: Database, statements: Statements) -> list[str]:
    """What was sent, when no batch shared a transaction with another one."""
    if database.dialect == "postgresql":
        return statements.kinds
    # What a foreign key does to other rows is heard as the statement once more.
    kinds = [kind for kind, _ in itertools.groupby(statements.kinds)]
    assert "BEGIN" not in [after for before, after in itertools.pairwise(kinds) if before != "COMMIT"]
    return [kind for kind in kinds if kind not in {"BEGIN", "COMMIT"}]


async def avatar(database: Database) -> None:
    await execute(database, "UPDATE users SET avatar_id = 'one'")
    image = f"CAST('image' AS {blob(database)})"
    await execute(database, f"INSERT INTO avatars SELECT 'one', id, 'v', 'image/png', {image}, 1 FROM users")


@pytest.mark.parametrize("kind", ["outbox", "grants", "sessions", "avatars"])
async def test_what_has_no_such_end_is_swept_by_its_keys(
    statements: Statements, signed_in: Database, kind: str
) -> None:
    """Of each piece the keys alone are read, from their index, and deleted is in it what is over."""
    await signed_in.transact(outbox.put, "kind", {}, expires_at=LIVE, now=NOW)
    await avatar(signed_in)
    for table in APART:
        await copy(signed_in, table, rows=2_000)
    for statement in OVER[kind]:
        await execute(signed_in, f"{statement} WHERE id LIKE '% 1%1'")
    expected = len([number for number in range(11, 2_000) if re.fullmatch("1.*1", str(number))])
    await analyze(signed_in, *APART)
    # As small beside its table as a piece of a big one is: of few pages, all are read sooner than twenty.
    look, deletion = await signed_in.transact(explained, kind, f"{kind} 3", most=2)
    assert_no_scan(look, kind)
    assert "Index Only Scan" in look or "COVERING INDEX" in look
    assert_no_scan(deletion, *APART)
    statements.clear()
    found = await batches(signed_in, kind, most=MOST, now=NOW)
    assert len(found) == 101
    assert (sum(found), max(found) <= MOST) == (expected, True)
    assert each_by_itself(signed_in, statements) == ["SELECT", "WITH"] * 101


KEPT = {
    "users": "people; an operator erases them",
    "accounts": "go with their person, or when TikTok says that the account is gone",
    "clients": "apps; an operator removes them",
    "signing_keys": "a few, which the rotation forgets by itself",
    "imported_people": "people of another system; an operator erases them",
    "counters": "a row for each thing that is counted, of which there is one",
    "leases": "a row for each kind of work, of which there are few",
}


def test_every_table_is_purged_or_kept_for_a_reason() -> None:
    """A table that is in neither list would grow for ever, and nobody would have thought of it."""
    assert sorted([*purging.KINDS, *KEPT]) == sorted(metadata.tables)


async def test_what_somebody_holds_is_left_for_the_next_time(database: Database) -> None:
    """Nobody waits for the other: not who deletes, nor who uses the row."""
    await fill(database, "spent_ids", rows=3, over=3)
    if database.dialect == "sqlite":
        # One writer at a time: there is nobody to wait for.
        assert await batches(database, "spent_ids", most=2, now=NOW) == [2, 1]
        return
    held, done = asyncio.Event(), asyncio.Event()

    async def hold(tx: Transaction) -> None:
        await tx.all(text("SELECT * FROM spent_ids WHERE digest = 'spent_ids 1' FOR UPDATE"))
        held.set()
        await done.wait()

    holding = asyncio.create_task(database.transact(hold))
    await held.wait()
    assert await batches(database, "spent_ids", most=5, now=NOW) == [2]
    done.set()
    await holding
    assert await batches(database, "spent_ids", most=5, now=NOW) == [1]


async def test_a_process_begins_anywhere_and_goes_on_at_the_beginning(signed_in: Database) -> None:
    """However often processes start anew, what lies at the far end of a table has its turn."""
    for kind in ("grants", "sessions", "outbox", "avatars"):
        assert len({purging.anywhere(kind) for _ in range(5)}) == 5
        assert str(purging.anywhere(kind)) > str(purging.beginning(kind))
    assert str(purging.anywhere("sessions")).startswith("ses_")
    assert purging.anywhere("spent_ids") == purging.beginning("spent_ids") == 0
