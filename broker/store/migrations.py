"""Migrations by alembic, for `broker db` and for whoever needs a migrated database.

Everything here is synchronous and opens an engine of its own: it runs before the service starts or in a command,
never beside a request. How it is done stands in `broker/store/migrating/`.
"""

from collections.abc import Callable, Sequence
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import Connection, inspect, text

from broker.store.migrating import planning, presence, progress, scripts
from broker.store.migrating.connections import with_connection
from broker.store.migrating.planning import Step
from broker.store.migrating.presence import Presence
from broker.store.migrating.running import Tell
from broker.store.migrating.scripts import Revision, head, history
from broker.store.schema import metadata

__all__ = [
    "NoSuchRevision",
    "Revision",
    "connected",
    "current",
    "differences",
    "downgrade",
    "head",
    "history",
    "lacking",
    "plan",
    "upgrade",
    "with_connection",
]

_VERSION = text("SELECT version_num FROM alembic_version")
_LACKING = ("add_table", "add_column", "add_index")


class NoSuchRevision(Exception):
    """There is no way to the revision that was asked for; the text says why, in alembic's words."""


def _silent(_line: str) -> None:
    pass


def upgrade(url: str, revision: str = "head", *, tell: Tell = _silent) -> None:
    """Bring the database to `revision`, contracts and all; `tell` hears of waiting and of long work.

    Raises `DatabaseUnavailable`, `NoSuchRevision`, `Blocked`.
    """
    _with_config(url, lambda config: command.upgrade(config, revision), tell)


def downgrade(url: str, revision: str, *, tell: Tell = _silent) -> None:
    """Take the database back to `revision` (`-1` for one step, `base` for an empty one); raises as `upgrade`."""
    _with_config(url, lambda config: command.downgrade(config, revision), tell)


def plan(url: str, revisions: Sequence[Revision]) -> list[Step]:
    """What an upgrade through these revisions would run on the kind of database behind `url`; needs none there."""
    return planning.plan("sqlite" if url.startswith("sqlite:") else "postgresql", revisions)


def current(url: str) -> str | None:
    """The revision the database is at; None when no migration has run."""
    return with_connection(url, _current)


def connected(url: str) -> Presence:
    """The releases of the broker that use the database now."""
    return with_connection(url, presence.look)


def differences(url: str) -> list[str]:
    """What only the models or only the database has: a line each, none when they are in step."""
    return with_connection(url, lambda connection: [_described(each) for each in _compared(connection)])


def lacking(url: str) -> list[str]:
    """The same, but only tables, columns and indexes that the models have and the database has not.

    For a database that has more than this release knows, or still has what a contract will take.
    """
    return with_connection(
        url, lambda connection: [_described(each) for each in _compared(connection) if each[0] in _LACKING]
    )


def _current(connection: Connection) -> str | None:
    # Not by alembic, which tells the log about it.
    return connection.execute(_VERSION).scalar() if inspect(connection).has_table("alembic_version") else None


def _compared(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, metadata))


def _described(difference: Any) -> str:
    # A changed column comes as a list of one tuple per changed property.
    parts = difference[0] if isinstance(difference, list) else difference
    return " ".join(str(part) for part in parts if part is not None)


def _with_config(url: str, run: Callable[[Config], None], tell: Tell) -> None:
    def use(connection: Connection) -> None:
        config = scripts.config()
        config.attributes["connection"] = connection
        config.attributes["tell"] = tell
        try:
            run(config)
        except CommandError as error:
            raise NoSuchRevision(str(error)) from error

    with_connection(url, use, lambda: progress.watch(url, tell))
