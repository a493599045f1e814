"""A step of a migration is an audit event of the same transaction."""

import asyncio

from sqlalchemy import select

from broker.store import revision
from broker.store.database import connect
from broker.store.schema import audit_events
from tests.by_hand import execute
from tests.cli.running import rows, run
from tests.watching.broken_audit import BREAK


def told(url: str) -> list[str]:
    return sorted(row["reason"] for row in rows(url, select(audit_events)) if row["event"] == "schema.changed")


def before_head() -> str:
    return f"{int(revision.HEAD) - 1:04d}"


def test_each_step_is_told_with_who_took_it(own_database_url: str) -> None:
    assert run("db", "downgrade", "-1", "--yes", url=own_database_url).exit_code == 0
    assert run("db", "upgrade", url=own_database_url).exit_code == 0
    there, back = f"{before_head()} to {revision.HEAD}", f"{revision.HEAD} to {before_head()}"
    assert told(own_database_url) == sorted([there, back])
    actors = {row["actor"] for row in rows(own_database_url, select(audit_events))}
    assert len(actors) == 1
    assert actors.pop().startswith("operator:")


def test_a_step_that_cannot_be_told_is_not_taken(own_database_url: str) -> None:
    async def break_it() -> None:
        database = await connect(own_database_url)
        for statement in BREAK[database.dialect]:
            await execute(database, statement)
        await database.close()

    asyncio.run(break_it())
    assert run("db", "downgrade", "-1", "--yes", url=own_database_url).exit_code == 1
    assert run("db", "current", url=own_database_url).stdout.split()[0] == revision.HEAD
    assert told(own_database_url) == []


def test_an_empty_database_comes_to_be_and_goes_again(own_database_url: str) -> None:
    """Where there is no table, nothing can be kept in it."""
    assert run("db", "downgrade", "base", "--yes", url=own_database_url).exit_code == 0
    assert run("db", "upgrade", url=own_database_url).exit_code == 0
    assert told(own_database_url)[-1] == "base to 0001"
