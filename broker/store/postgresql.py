"""PostgreSQL through asyncpg's pool.

No session state is ever set on a pooled connection, so giving one back needs no reset query (a whole round
trip saved per leg); what does need session state, as an advisory lock does, uses a connection of its own. The
server's timeouts go with the connection from its start.

Nobody waits long for a server that does not answer: there is a time for getting a connection, and a little more
for a statement than the server has to end it. What takes longer was taken by a server that is gone, and its
connection with it. Where one connection was lost the others are not trusted, either.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

import asyncpg
from sqlalchemy import Executable, make_url

from broker.store import revision
from broker.store.database import (
    Compiler,
    ConstraintViolated,
    DatabaseUnavailable,
    P,
    PlaceTaken,
    Row,
    SchemaMismatch,
    StoreFunction,
    T,
)
from broker.store.reaching import each_host, reach

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

# Of the time for a statement, what getting a connection may take: with a second for the one, all is over in less
# than the two seconds after which an app that was told to come back does so.
_REACH_SHARE = 0.5
_LONGEST_REACH_SECONDS = 5.0
_ANSWER_SECONDS = 0.1
_CLOSE_SECONDS = 5.0
_PLACE = "ix_grants_status_index"

_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    # No host that takes writes, or one that talks nonsense.
    asyncpg.InternalClientError,
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
    # A deadlock, which somebody else has won.
    asyncpg.TransactionRollbackError,
)


# What says nothing about the connection, or the server behind it.
_OF_ONE_STATEMENT = (
    asyncpg.QueryCanceledError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.TransactionRollbackError,
)

# One for the process: what one database has compiled, the next one has, too.
_COMPILER = Compiler(make_url("postgresql+asyncpg://").get_dialect()())


class _Connection(asyncpg.Connection):
    """A pooled connection on which there is nothing to reset."""

    def get_reset_query(self) -> str:
        """Nothing: see the module's word on session state."""
        return ""

    async def close(self, **options: Any) -> None:
        """Say goodbye; a server that does not answer is left without. The pool does it where nobody waits."""
        with contextlib.suppress(*_AWAY):
            await super().close(**options)


class PostgresTransaction:
    """Runs statements on one connection; `SchemaMismatch` and `DatabaseUnavailable` come from each by itself."""

    folds = True

    def __init__(self, connection: PoolConnectionProxy) -> None:
        self._connection = connection

    async def one(self, statement: Executable, **parameters: object) -> Row | None:
        """The one row of the answer, or None."""
        compiled = _COMPILER(statement)
        with self._asking():
            return await self._connection.fetchrow(compiled.text, *compiled.arguments(parameters))

    async def all(self, statement: Executable, **parameters: object) -> list[Row]:
        """Every row of the answer."""
        compiled = _COMPILER(statement)
        with self._asking():
            return list(await self._connection.fetch(compiled.text, *compiled.arguments(parameters)))

    async def run(self, statement: Executable, **parameters: object) -> int:
        """How many rows the statement touched, from the command tag (`UPDATE 1`)."""
        compiled = _COMPILER(statement)
        with self._asking():
            tag = await self._connection.execute(compiled.text, *compiled.arguments(parameters))
        return int(tag.rpartition(" ")[2])

    async def each(self, statement: Executable, rows: Sequence[Mapping[str, object]]) -> None:
        """All of it is sent at once."""
        if not rows:
            return
        compiled = _COMPILER(statement)
        with self._asking():
            await self._connection.executemany(compiled.text, [compiled.arguments(row) for row in rows])

    def whole(self) -> AbstractAsyncContextManager[object]:
        """A transaction, or inside of one a savepoint."""
        transaction: AbstractAsyncContextManager[object] = self._connection.transaction()
        return transaction

    @contextlib.contextmanager
    def _asking(self) -> Iterator[None]:
        with _translated():
            try:
                yield
            except TimeoutError:
                # Here, or the transaction around would ask the same silent server to roll back.
                self._connection.terminate()
                raise


class PostgresDatabase:
    """A pool of connections to PostgreSQL."""

    dialect = "postgresql"

    def __init__(self, pool: asyncpg.Pool, reach_seconds: float) -> None:
        self._pool = pool
        self._reach_seconds = reach_seconds

    @classmethod
    async def connect(
        cls, url: str, *, pool_size: int, statement_timeout: float, idle_timeout: float
    ) -> PostgresDatabase:
        """Open the pool. Raises `DatabaseUnavailable` when no server can be reached, or it refuses us."""
        hosts = each_host(url)
        reach_seconds = min(statement_timeout * _REACH_SHARE, _LONGEST_REACH_SECONDS)

        async def connection(*_: Any, **options: Any) -> asyncpg.Connection:
            return await reach(hosts, **options)

        with _translated():
            pool = await asyncpg.create_pool(
                connect=connection,
                # One, to see at the start whether there is a server. No more are kept: looking for keys once in
                # a second does so, and a pool that keeps some writes a traceback whenever the server is away.
                init_size=1,
                min_size=0,
                max_size=pool_size,
                connection_class=_Connection,
                timeout=reach_seconds,
                command_timeout=statement_timeout + _ANSWER_SECONDS,
                server_settings={
                    # By this an upgrade knows whom it would take something away from.
                    "application_name": f"broker {revision.HEAD}",
                    "statement_timeout": f"{round(statement_timeout * 1000)}",
                    "idle_in_transaction_session_timeout": f"{round(idle_timeout * 1000)}",
                },
            )
        return cls(pool, reach_seconds)

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
            await asyncio.wait_for(self._pool.close(), _CLOSE_SECONDS)
        except TimeoutError:
            self._pool.terminate()

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[PoolConnectionProxy]:
        with _translated():
            async with self._pool.acquire(timeout=self._reach_seconds) as connection:
                try:
                    yield connection
                except TimeoutError:
                    # Of BEGIN or COMMIT. Not given back: that would wait for an answer once more.
                    connection.terminate()
                    await self._pool.expire_connections()
                    raise
                except (DatabaseUnavailable, *_AWAY) as error:
                    if not isinstance(error.__cause__ or error, _OF_ONE_STATEMENT):
                        # The others lead to the same server: each is made anew before its next use.
                        await self._pool.expire_connections()
                    raise


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name == _PLACE:
            raise PlaceTaken from error
        raise ConstraintViolated(error.constraint_name) from error
    except asyncpg.NotNullViolationError as error:
        raise ConstraintViolated(error.column_name) from error
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError) as error:
        raise SchemaMismatch(str(error)) from error
    except _AWAY as error:
        raise DatabaseUnavailable(_reason(error)) from error


def _reason(error: Exception) -> str:
    # What asyncpg itself complains of may quote the URL, and with it the password.
    quoted = "" if isinstance(error, asyncpg.InterfaceError) else str(error)
    return quoted or type(error).__name__
