"""PostgreSQL through asyncpg's pool.

No session state is ever set on a pooled connection, so giving one back needs no reset query (a whole round
trip saved per leg); what does need session state, as an advisory lock does, uses a connection of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

import asyncpg
from sqlalchemy import Executable, make_url

from broker.store import revision
from broker.store.database import Compiler, DatabaseUnavailable, P, Row, SchemaMismatch, StoreFunction, T

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

_CONNECT_SECONDS = 2.0
_ACQUIRE_SECONDS = 2.0
_COMMAND_SECONDS = 5.0

_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    # Its disk or its files are damaged.
    asyncpg.PostgresSystemError,
    asyncpg.InternalServerError,
    # What a database that takes no connections answers.
    asyncpg.ObjectNotInPrerequisiteStateError,
)


# One for the process: what one database has compiled, the next one has, too.
_COMPILER = Compiler(make_url("postgresql+asyncpg://").get_dialect()())


class _Connection(asyncpg.Connection):
    """A pooled connection on which there is nothing to reset."""

    def get_reset_query(self) -> str:
        """Nothing: see the module's word on session state."""
        return ""


class PostgresTransaction:
    """Runs statements on one connection; `SchemaMismatch` and `DatabaseUnavailable` come from each by itself."""

    def __init__(self, connection: PoolConnectionProxy) -> None:
        self._connection = connection

    async def one(self, statement: Executable, **parameters: object) -> Row | None:
        """The one row of the answer, or None."""
        compiled = _COMPILER(statement)
        with _translated():
            return await self._connection.fetchrow(compiled.text, *compiled.arguments(parameters))

    async def all(self, statement: Executable, **parameters: object) -> list[Row]:
        """Every row of the answer."""
        compiled = _COMPILER(statement)
        with _translated():
            return list(await self._connection.fetch(compiled.text, *compiled.arguments(parameters)))

    async def run(self, statement: Executable, **parameters: object) -> int:
        """How many rows the statement touched, from the command tag (`UPDATE 1`)."""
        compiled = _COMPILER(statement)
        with _translated():
            tag = await self._connection.execute(compiled.text, *compiled.arguments(parameters))
        return int(tag.rpartition(" ")[2])

    def whole(self) -> AbstractAsyncContextManager[object]:
        """A transaction, or inside of one a savepoint."""
        transaction: AbstractAsyncContextManager[object] = self._connection.transaction()
        return transaction


class PostgresDatabase:
    """A pool of connections to PostgreSQL."""

    dialect = "postgresql"

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    @classmethod
    async def connect(cls, url: str, *, pool_size: int) -> PostgresDatabase:
        """Open the pool. Raises `DatabaseUnavailable` when the server cannot be reached or refuses us."""
        with _translated():
            pool = await asyncpg.create_pool(
                url,
                min_size=1,
                max_size=pool_size,
                connection_class=_Connection,
                timeout=_CONNECT_SECONDS,
                command_timeout=_COMMAND_SECONDS,
                # By this an upgrade knows whom it would take something away from.
                server_settings={"application_name": f"broker {revision.HEAD}"},
            )
        return cls(pool)

    async def run(self, function: StoreFunction[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Each statement commits by itself: no BEGIN, one round trip for a leg of one statement."""
        async with self._connection() as connection:
            return await function(PostgresTransaction(connection), *args, **kwargs)

    read = run

    async def transact(self, function: StoreFunction[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """All statements or none."""
        async with self._connection() as connection, connection.transaction():
            return await function(PostgresTransaction(connection), *args, **kwargs)

    async def close(self) -> None:
        """Give the connections back to the server; what hangs is cut off."""
        try:
            await asyncio.wait_for(self._pool.close(), _COMMAND_SECONDS)
        except TimeoutError:
            self._pool.terminate()

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[PoolConnectionProxy]:
        with _translated():
            async with self._pool.acquire(timeout=_ACQUIRE_SECONDS) as connection:
                yield connection


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError) as error:
        raise SchemaMismatch(str(error)) from error
    except _AWAY as error:
        raise DatabaseUnavailable(_reason(error)) from error


def _reason(error: Exception) -> str:
    # What asyncpg itself complains of may quote the URL, and with it the password.
    quoted = "" if isinstance(error, asyncpg.InterfaceError) else str(error)
    return quoted or type(error).__name__
