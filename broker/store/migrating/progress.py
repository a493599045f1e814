"""How far a long index build on PostgreSQL is, asked on a connection of its own while it runs."""

import asyncio
import contextlib

import asyncpg

from broker.store.migrating.connections import APPLICATION_NAME, CONNECT_SECONDS
from broker.store.migrating.running import Tell

_EVERY_SECONDS = 2.0

# https://www.postgresql.org/docs/current/progress-reporting.html#CREATE-INDEX-PROGRESS-REPORTING
_PROGRESS = """
SELECT coalesce(index_relid::regclass::text, 'an index') AS index, relid::regclass::text AS on_table, phase,
       CASE WHEN blocks_total > 0 THEN 100 * blocks_done / blocks_total
            WHEN tuples_total > 0 THEN 100 * tuples_done / tuples_total
            WHEN lockers_total > 0 THEN 100 * lockers_done / lockers_total END AS percent
FROM pg_stat_progress_create_index WHERE datname = current_database()
"""


async def watch(url: str, tell: Tell) -> None:
    """Tell a line every two seconds while an index is being built, until cancelled. A courtesy: it never fails."""
    with contextlib.suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        connection = await asyncpg.connect(
            url, timeout=CONNECT_SECONDS, server_settings={"application_name": APPLICATION_NAME}
        )
        try:
            while True:
                await asyncio.sleep(_EVERY_SECONDS)
                for row in await connection.fetch(_PROGRESS):
                    percent = "" if row["percent"] is None else f", {row['percent']} %"
                    tell(f"  {row['index']} on {row['on_table']}: {row['phase']}{percent}")
        finally:
            connection.terminate()
