"""Is there a database, and can this release run on its schema? Told without importing alembic."""

from pathlib import Path

import click

from broker.opaque import Secret
from broker.store import revision
from broker.store.database import connect

_SQLITE = "sqlite:///"


def sqlite_file(url: Secret) -> Path | None:
    """The file of a SQLite database; None for PostgreSQL."""
    text = url.reveal()
    return Path(text.removeprefix(_SQLITE)) if text.startswith(_SQLITE) else None


def not_made_yet(url: Secret) -> bool:
    """Whether this is a SQLite database whose file is missing, or empty because somebody is just making it."""
    file = sqlite_file(url)
    return file is not None and (not file.exists() or file.stat().st_size == 0)


async def revision_of(url: Secret) -> str | None:
    """The revision the database is at; None when no migration has run. Raises `DatabaseUnavailable`.

    Makes no SQLite file, as merely opening one would.
    """
    if not_made_yet(url):
        return None
    database = await connect(url.reveal(), pool_size=1)
    try:
        return await database.read(revision.current)
    finally:
        await database.close()


def fault_in(found: str | None) -> str | None:
    """Why this release cannot run on a database at revision `found`, and what to do; None when it can."""
    if revision.runs_on(found):
        return None
    if found is None:
        return "The database has no tables yet; run `broker db upgrade`."
    if revision.is_newer(found):
        return (
            f"The database is at revision {found}, which this release does not know (it needs {revision.OLDEST}); "
            "run the release that made it, or a later one."
        )
    return (
        f"The database is at revision {found}, but this release needs {revision.OLDEST}; run `broker db upgrade`."
    )


def demand(found: str | None) -> None:
    """Raises `click.ClickException` unless this release can run on a database at revision `found`."""
    fault = fault_in(found)
    if fault is not None:
        raise click.ClickException(fault)
