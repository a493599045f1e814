"""The database: is it there, is it at this release's revision, and does its clock agree."""

import asyncio
from collections.abc import AsyncIterator

from broker.cli import migrating, schema
from broker.cli.doctor import clocks
from broker.cli.doctor.findings import Finding, fault, fault_from, ok, warning
from broker.clock import Clock
from broker.opaque import Secret
from broker.store import revision, server_time
from broker.store.database import Database

CHECK = "database"
REVISION = "revision"


def not_made_yet(url: Secret) -> Finding | None:
    """A warning when there is no file, which merely opening it would make."""
    if not schema.not_made_yet(url):
        return None
    return warning(
        CHECK,
        f"there is no file at {schema.sqlite_file(url)} yet",
        "`broker serve` makes it; if it should be there, correct BROKER_DATABASE_URL or the folder you are in.",
    )


async def findings(database: Database, url: Secret, clock: Clock) -> AsyncIterator[Finding]:
    """Raises `DatabaseUnavailable` when it does not answer."""
    found = await database.read(revision.current)
    yield ok(CHECK, f"{migrating.shown(url)} answers")
    wrong = schema.fault_in(found)
    if wrong is not None:
        yield fault_from(REVISION, wrong, "Run `broker db upgrade`.")
    else:
        yield ok(REVISION, f"{found}, on which this release runs")
        yield await _tables(url, found)
    if database.dialect == "postgresql":
        theirs = await database.read(server_time.now)
        yield clocks.compared("clock", "the database", theirs=theirs, ours=clock())


async def _tables(url: Secret, found: str | None) -> Finding:
    # In a thread: alembic runs a loop of its own.
    differences = await asyncio.to_thread(migrating.differences, url, found)
    if differences:
        return fault(
            "tables",
            f"not as the program's: {differences[0]}{_and_more(len(differences) - 1)}",
            "Undo what was changed by hand; `broker db check` lists all of it.",
        )
    return ok("tables", "as the program has them")


def _and_more(number: int) -> str:
    return f", and {number} more" if number else ""
