"""A connection of SQLAlchemy's own engine, on which alembic works."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, TypeVar

import asyncpg
from sqlalchemy import Connection, Engine, create_engine, event, pool
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from broker.background import beside
from broker.store import private_file
from broker.store.database import DatabaseUnavailable
from broker.store.reaching import each_host, reach

T = TypeVar("T")

APPLICATION_NAME: Final = "broker migrations"
"""What PostgreSQL shows of this connection: it is not a broker that serves."""

CONNECT_SECONDS: Final = 5.0
_AWAY: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)


def with_connection(
    url: str, use: Callable[[Connection], T], meanwhile: Callable[[], Coroutine[Any, Any, None]] | None = None
) -> T:
    """Open the database behind `url` and hand the connection to `use`; `meanwhile` runs beside it on PostgreSQL.

    Raises `DatabaseUnavailable`.
    """
    if url.startswith("sqlite:"):
        return _with_sqlite(url, use)
    return asyncio.run(_with_postgresql(url, use, meanwhile))


def _with_sqlite(url: str, use: Callable[[Connection], T]) -> T:
    engine = create_engine(url, poolclass=pool.NullPool)
    private_file.make(engine.url.database or "")
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


async def _with_postgresql(
    url: str, use: Callable[[Connection], T], meanwhile: Callable[[], Coroutine[Any, Any, None]] | None
) -> T:
    # asyncpg reads the URL itself, so that sslmode and the like mean the same as in the service.
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: reach(
            each_host(url), timeout=CONNECT_SECONDS, server_settings={"application_name": APPLICATION_NAME}
        ),
        poolclass=pool.NullPool,
    )
    try:
        async with engine.connect() as connection, _running(meanwhile):
            return await connection.run_sync(use)
    except DBAPIError as error:
        # SQLAlchemy wraps twice; the driver's own words are innermost.
        raise DatabaseUnavailable(str(getattr(error.orig, "__cause__", None) or error.orig)) from error
    except _AWAY as error:
        raise DatabaseUnavailable(str(error) or type(error).__name__) from error
    finally:
        await engine.dispose()


def _running(meanwhile: Callable[[], Coroutine[Any, Any, None]] | None) -> AbstractAsyncContextManager[None]:
    return contextlib.nullcontext() if meanwhile is None else beside(meanwhile, lambda: None, patience=lambda: 0)
