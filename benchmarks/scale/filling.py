"""Loading the rows in bulk: without indexes, which are made again afterwards just as the migrations made them."""

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import urlsplit

import asyncpg

from benchmarks.scale import rows
from benchmarks.scale.rows import Coming, Size
from broker.store import migrations

_AT_A_TIME: Final = 1_000_000
_SESSION: Final = """
SET maintenance_work_mem = '1GB';
SET work_mem = '256MB';
SET synchronous_commit = off;
"""
_BY_INDEX: Final = "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off"
# Foreign keys last, since they need the keys that they name; first in the way down.
_CONSTRAINTS: Final = """
SELECT conrelid::regclass::text AS on_table, conname AS name, pg_get_constraintdef(oid) AS definition
FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND contype IN ('p', 'u', 'f')
ORDER BY contype = 'f', conrelid::regclass::text, conname
"""
_INDEXES: Final = """
SELECT indexname AS name, indexdef AS definition FROM pg_indexes
WHERE schemaname = 'public' ORDER BY tablename, indexname
"""


def fill(url: str, size: Size, *, refresh_kid: str, ended_share: float, tell: Callable[[str], None]) -> None:
    """Fill the migrated database behind `url`, as its superuser.

    Raises `RuntimeError` when the schema is not the migrations' afterwards.
    """
    asyncio.run(_fill(url, size, refresh_kid, ended_share, tell))
    if found := migrations.differences(url):
        raise RuntimeError(f"the tables are not as the migrations made them: {', '.join(found)}")


async def _fill(url: str, size: Size, refresh_kid: str, ended_share: float, tell: Callable[[str], None]) -> None:
    connection = await asyncpg.connect(_as_superuser(url))
    inserts = rows.statements(size, now=int(time.time()), refresh_kid=refresh_kid, ended_share=ended_share)
    counts = rows.counts(size)
    try:
        await connection.execute(_SESSION)
        constraints = await connection.fetch(_CONSTRAINTS)
        for found in reversed(constraints):
            await connection.execute(f'ALTER TABLE {found["on_table"]} DROP CONSTRAINT "{found["name"]}"')
        indexes = await connection.fetch(_INDEXES)
        for found in indexes:
            await connection.execute(f'DROP INDEX "{found["name"]}"')
        for table, insert in inserts.items():
            for first, last in _pieces(counts[table]):
                await connection.execute(insert, first, last)
            tell(f"{counts[table]:,} rows are in {table}")
        for found in indexes:
            await connection.execute(found["definition"])
            tell(f"{found['name']} is made")
        for found in constraints:
            await connection.execute(
                f'ALTER TABLE {found["on_table"]} ADD CONSTRAINT "{found["name"]}" {found["definition"]}'
            )
            tell(f"{found['name']} is made")
        await connection.execute(
            "INSERT INTO counters (name, next) VALUES ('status_index', $1) "
            "ON CONFLICT (name) DO UPDATE SET next = excluded.next",
            rows.next_index(size),
        )
        # So that nothing of the load is left to do for who comes next: hints, statistics, dirty pages.
        await connection.execute("VACUUM (ANALYZE)")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


def awaken(url: str, coming: Coming) -> None:
    """Have PostgreSQL read what there is about those who come, as if they had been here lately."""
    asyncio.run(_awaken(url, coming))


async def _awaken(url: str, coming: Coming) -> None:
    connection = await asyncpg.connect(_as_superuser(url))
    try:
        await connection.execute(_BY_INDEX)
        await connection.fetchval(coming.reading())
    finally:
        await connection.close()


def _pieces(count: int) -> Iterator[tuple[int, int]]:
    for first in range(1, count + 1, _AT_A_TIME):
        yield first, min(first + _AT_A_TIME - 1, count)


def _as_superuser(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.replace("broker:", "postgres:", 1)).geturl()
