"""Migrations by alembic, for `broker db` and for `migrations/env.py`.

The scripts lie in `migrations/` of a checkout and inside the installed package. Everything here is
synchronous and opens an engine of its own: it runs before the service starts or in a command, never beside a
request.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, pool
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from broker.store.database import DatabaseUnavailable
from broker.store.reaching import each_host, reach
from broker.store.schema import metadata

T = TypeVar("T")

_CONNECT_SECONDS = 5.0
_AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


@dataclass(frozen=True, slots=True)
class Revision:
    """One migration: its id, what it does, and the one before it."""

    id: str
    summary: str
    previous: str | None


class NoSuchRevision(Exception):
    """There is no way to the revision that was asked for; the text says why, in alembic's words."""


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database to `revision`. Raises `DatabaseUnavailable`, `NoSuchRevision`."""
    _with_config(url, lambda config: command.upgrade(config, revision))


def downgrade(url: str, revision: str) -> None:
    """Take the database back to `revision` (`-1` for one step, `base` for an empty one); raises as `upgrade`."""
    _with_config(url, lambda config: command.downgrade(config, revision))


def current(url: str) -> str | None:
    """The revision the database is at; None when no migration has run."""
    return with_connection(url, lambda connection: MigrationContext.configure(connection).get_current_revision())


def differences(url: str) -> list[str]:
    """What only the models or only the database has: a line each, none when they are in step."""
    return with_connection(url, _differences)


def head() -> str:
    """The newest revision this release carries."""
    newest = _scripts().get_current_head()
    if newest is None:
        raise LookupError("the installation carries no migrations; install the package again")
    return newest


def history() -> list[Revision]:
    """All migrations, oldest first."""
    newest_first = _scripts().walk_revisions()
    found = [Revision(one.revision, one.doc, _text(one.down_revision)) for one in newest_first]
    return found[::-1]


def with_connection(url: str, use: Callable[[Connection], T]) -> T:
    """Open the database behind `url` through SQLAlchemy's own engine and hand the connection to `use`."""
    if url.startswith("sqlite:"):
        return _with_sqlite(url, use)
    return asyncio.run(_with_postgresql(url, use))


def _with_sqlite(url: str, use: Callable[[Connection], T]) -> T:
    engine = create_engine(url, poolclass=pool.NullPool)
    _take_charge_of_transactions(engine)
    try:
        with engine.connect() as connection:
            return use(connection)
    except DBAPIError as error:
        raise DatabaseUnavailable(str(error.orig)) from error
    finally:
        engine.dispose()


def _take_charge_of_transactions(engine: Engine) -> None:
    """BEGIN IMMEDIATE ourselves: the driver would leave DDL outside, and two upgrades could overlap."""

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA busy_timeout = 60000")

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


async def _with_postgresql(url: str, use: Callable[[Connection], T]) -> T:
    # asyncpg reads the URL itself, so that sslmode and the like mean the same as in the service.
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: reach(each_host(url), timeout=_CONNECT_SECONDS),
        poolclass=pool.NullPool,
    )
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(use)
    except DBAPIError as error:
        # SQLAlchemy wraps twice; the driver's own words are innermost.
        raise DatabaseUnavailable(str(getattr(error.orig, "__cause__", None) or error.orig)) from error
    except (
        OSError,
        TimeoutError,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,
    ) as error:
        raise DatabaseUnavailable(str(error) or type(error).__name__) from error
    finally:
        await engine.dispose()


def _differences(connection: Connection) -> list[str]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return [_described(found) for found in compare_metadata(context, metadata)]


def _described(difference: Any) -> str:
    # A changed column comes as a list of one tuple per changed property.
    parts = difference[0] if isinstance(difference, list) else difference
    return " ".join(str(part) for part in parts if part is not None)


def _with_config(url: str, run: Callable[[Config], None]) -> None:
    def use(connection: Connection) -> None:
        config = _config()
        config.attributes["connection"] = connection
        try:
            run(config)
        except CommandError as error:
            raise NoSuchRevision(str(error)) from error

    with_connection(url, use)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_folder()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _folder() -> Path:
    package = Path(__file__).parents[1]
    installed = package / "migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


def _text(revision: str | list[str] | tuple[str, ...] | None) -> str | None:
    return revision if revision is None or isinstance(revision, str) else ", ".join(revision)
