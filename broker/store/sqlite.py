"""SQLite: one writer thread with group commit, and a reading connection of its own.

The writer runs each store function to its end inside a savepoint and commits several waiting ones with one
fsync (WAL, `synchronous=FULL`: an answered login survives a power cut). Answers go out after the commit. A
store function awaits nothing but its transaction, so it can be driven by `send` and never really waits.
"""

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeAlias, TypeVar

from sqlalchemy import Executable
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from broker.store import private_file
from broker.store.database import (
    Compiler,
    ConstraintViolated,
    DatabaseUnavailable,
    P,
    PlaceTaken,
    Row,
    SchemaMismatch,
    StoreFunction,
    Unreadable,
)
from broker.store.database import T as Answer

T = TypeVar("T")

_LONGEST_BUSY_SECONDS = 5.0
# Who comes just after a group began to wait for another process waits for that group first.
_SHARE_OF_PATIENCE = 0.9
_GROUP = 64
# A file that is no database at all, or no longer one.
_UNREADABLE = frozenset({sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT})
_PRAGMAS = (
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
)
_WAL_ATTEMPTS = 20
_PLACE = " grants.status_index"
# One for the process: what one database has compiled, the next one has, too.
_COMPILER = Compiler(SQLiteDialect_pysqlite())


class SqliteTransaction:
    """Runs statements at once on a connection of the thread that drives the store function.

    Each raises `SchemaMismatch` and `DatabaseUnavailable` by itself.
    """

    folds = False

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def one(self, statement: Executable, **parameters: object) -> Row | None:
        """The one row of the answer, or None."""
        rows = await self.all(statement, **parameters)
        return rows[0] if rows else None

    async def all(self, statement: Executable, **parameters: object) -> list[Row]:
        """Every row of the answer, fetched to the end: only then has a RETURNING statement done its work."""
        with _translated():
            return self._execute(statement, parameters).fetchall()

    async def run(self, statement: Executable, **parameters: object) -> int:
        """How many rows the statement touched."""
        with _translated():
            return self._execute(statement, parameters).rowcount

    async def each(self, statement: Executable, rows: Sequence[Mapping[str, object]]) -> None:
        """One after the other."""
        compiled = _COMPILER(statement)
        with _translated():
            self._connection.executemany(compiled.text, [compiled.arguments(row) for row in rows])

    def whole(self) -> contextlib.AbstractAsyncContextManager[object]:
        """Nothing more: the writer runs every store function inside a savepoint."""
        return contextlib.nullcontext()

    def _execute(self, statement: Executable, parameters: dict[str, object]) -> sqlite3.Cursor:
        compiled = _COMPILER(statement)
        return self._connection.execute(compiled.text, compiled.arguments(parameters))


_Outcome: TypeAlias = Callable[[], None]
"""Tells in the loop whoever waits for a job how it went."""


@dataclass(frozen=True, slots=True)
class _Job(Generic[T]):
    """A store function and who waits for it; a caller who has gone away is not told."""

    function: Callable[[SqliteTransaction], Coroutine[Any, Any, T]]
    answer: asyncio.Future[T]

    def succeed(self, result: T) -> None:
        if not self.answer.done():
            self.answer.set_result(result)

    def fail(self, error: BaseException) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class SqliteDatabase:
    """The database in one file. Raises `DatabaseUnavailable` when the file cannot be opened."""

    dialect = "sqlite"

    def __init__(self, path: str, *, busy_timeout: float) -> None:
        self._path = path
        patience = min(busy_timeout * _SHARE_OF_PATIENCE, _LONGEST_BUSY_SECONDS)
        self._pragmas = (f"PRAGMA busy_timeout = {round(patience * 1000)}", *_PRAGMAS)
        self._jobs: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        private_file.make(path)
        with _translated():
            writing = self._open()
            self._reading = self._open()
            self._reading.execute("PRAGMA query_only = ON")
        self._reads = SqliteTransaction(self._reading)
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._writer = threading.Thread(target=self._write, args=(writing,), name="sqlite-writer", daemon=True)
        self._writer.start()

    async def transact(self, function: StoreFunction[P, Answer], /, *args: P.args, **kwargs: P.kwargs) -> Answer:
        """Run in the writer thread; answered when its group is on the disk."""
        self._refuse_when_closed()
        answer: asyncio.Future[Answer] = self._loop.create_future()
        self._jobs.put(_Job(lambda tx: function(tx, *args, **kwargs), answer))
        return await answer

    run = transact

    async def read(self, function: StoreFunction[P, Answer], /, *args: P.args, **kwargs: P.kwargs) -> Answer:
        """Read at once, in the calling thread: a WAL reader waits for nobody."""
        self._refuse_when_closed()
        return _drive(function(self._reads, *args, **kwargs))

    async def close(self) -> None:
        """Commit what waits, then close both connections."""
        if self._closed:
            return
        self._closed = True
        self._jobs.put(None)
        await asyncio.to_thread(self._writer.join)
        self._reading.close()

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise DatabaseUnavailable("the database has been closed")

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        connection.row_factory = sqlite3.Row
        for pragma in self._pragmas:
            connection.execute(pragma).fetchall()
        _write_ahead(connection)
        return connection

    def _write(self, connection: sqlite3.Connection) -> None:
        tx = SqliteTransaction(connection)
        with contextlib.closing(connection):
            while (group := self._next_group()) is not None:
                outcomes = self._commit(connection, tx, group)
                # The loop may be gone when the process is leaving; then nobody waits.
                with contextlib.suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(_settle, outcomes)

    def _next_group(self) -> list[_Job[Any]] | None:
        first = self._jobs.get()
        if first is None:
            return None
        group = [first]
        while len(group) < _GROUP:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is None:
                self._jobs.put(None)
                break
            group.append(job)
        return group

    def _commit(
        self, connection: sqlite3.Connection, tx: SqliteTransaction, group: list[_Job[Any]]
    ) -> list[_Outcome]:
        try:
            with _translated():
                connection.execute("BEGIN IMMEDIATE")
                outcomes = [_run(connection, tx, job) for job in group]
                connection.execute("COMMIT")
        except BaseException as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            return [partial(job.fail, error) for job in group]
        return outcomes


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Put the file into WAL mode, where it stays.

    The change needs the file for itself and does not wait for it as statements do: whoever starts at the same
    moment is waited for by a transaction that does.
    """
    for _ in range(_WAL_ATTEMPTS):
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchall()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("COMMIT")
    connection.execute("PRAGMA journal_mode = WAL").fetchall()


def _run(connection: sqlite3.Connection, tx: SqliteTransaction, job: _Job[Any]) -> _Outcome:
    """One function in its own savepoint: what it raises undoes its own work and nobody else's."""
    connection.execute("SAVEPOINT job")
    try:
        outcome = partial(job.succeed, _drive(job.function(tx)))
    except Exception as error:
        if not connection.in_transaction:
            # SQLite has given up the whole group by itself (a full disk, a failing one).
            raise
        outcome = partial(job.fail, error)
        connection.execute("ROLLBACK TO job")
    connection.execute("RELEASE job")
    return outcome


def _drive(coroutine: Coroutine[Any, Any, T]) -> T:
    try:
        coroutine.send(None)
    except StopIteration as end:
        answer: T = end.value
        return answer
    coroutine.close()
    raise RuntimeError("a store function awaited something other than its transaction")


def _settle(outcomes: list[_Outcome]) -> None:
    for tell in outcomes:
        tell()


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        # What Python itself complains of (a wrong argument) has no code.
        code = getattr(error, "sqlite_errorcode", None)
        if code == sqlite3.SQLITE_CONSTRAINT_UNIQUE and str(error).endswith(_PLACE):
            raise PlaceTaken from error
        if code == sqlite3.SQLITE_ERROR:
            # The generic code is a fault in the statement: in compiled statements only ever a missing table.
            raise SchemaMismatch(str(error)) from error
        if code in _UNREADABLE:
            raise Unreadable(str(error)) from error
        if isinstance(error, sqlite3.IntegrityError):
            raise ConstraintViolated(str(error)) from error
        if isinstance(error, sqlite3.OperationalError):
            raise DatabaseUnavailable(str(error)) from error
        raise
