"""Running store functions: the small transaction object, and what opens the right database behind a URL.

Statements are SQLAlchemy Core, compiled once per dialect, and run by the native driver (asyncpg, sqlite3):
a tenth of what an ORM session costs, while both databases still share every statement.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast

from sqlalchemy import Executable
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement

P = ParamSpec("P")
T = TypeVar("T")


class Row(Protocol):
    """A row of an answer, read by column name."""

    def __getitem__(self, column: str, /) -> Any: ...


class Transaction(Protocol):
    """What a store function may await, and all that it may await.

    Each raises `DatabaseUnavailable` when there is no answer to be had, `SchemaMismatch` and `ConstraintViolated`.
    """

    async def one(self, statement: Executable, **parameters: object) -> Row | None:
        """The one row of the answer, or None."""

    async def all(self, statement: Executable, **parameters: object) -> list[Row]:
        """Every row of the answer."""

    async def run(self, statement: Executable, **parameters: object) -> int:
        """How many rows the statement touched."""

    async def each(self, statement: Executable, rows: Sequence[Mapping[str, object]]) -> None:
        """Run it with the parameters of each of the rows: many cost little more than one."""

    @property
    def folds(self) -> bool:
        """Whether one statement may write to several tables: PostgreSQL takes it, SQLite does not."""

    def whole(self) -> AbstractAsyncContextManager[object]:
        """What runs inside is kept or undone together, where each statement would stand for itself, too."""


StoreFunction = Callable[Concatenate[Transaction, P], Coroutine[Any, Any, T]]


class Database(Protocol):
    """PostgreSQL or SQLite. All three ways raise what a `Transaction` raises."""

    @property
    def dialect(self) -> str:
        """`postgresql` or `sqlite`."""

    async def run(self, function: StoreFunction[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Each statement for itself: for legs that one conditional statement decides, or say what is `whole`."""

    async def transact(self, function: StoreFunction[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """All statements or none; raising rolls back, a return commits."""

    async def read(self, function: StoreFunction[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Reads only."""

    async def close(self) -> None:
        """Finish what was begun and let go."""


class DatabaseUnavailable(Exception):
    """The database did not answer: away, too busy, or refusing us. Nothing is known to have been written.

    The text is the reason in the driver's words: no parameter, no password, maybe of several lines.
    """


class Unreadable(DatabaseUnavailable):
    """The file is damaged, or was never a database."""


class PlaceTaken(Exception):
    """Another grant has this place in the status lists; what was to be written is undone.

    It happens after a standby was promoted that had not heard of the last places that were reserved.
    """


class ConstraintViolated(Exception):
    """The schema forbids what a statement would have written; nothing of it was."""


class SchemaMismatch(Exception):
    """A table or column that this release needs is not there: the migrations have not been run."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A statement as one driver takes it: its text and, in order, the parameters."""

    text: str
    slots: tuple[tuple[str, bool, Any], ...]

    def arguments(self, parameters: Mapping[str, object]) -> list[object]:
        """Positional arguments. Raises KeyError when a parameter is missing."""
        return [parameters[name] if required else value for name, required, value in self.slots]


class Compiler:
    """Compiles each statement once; statements are module constants, so their identity is the key."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._compiled: dict[Executable, Compiled] = {}

    def __call__(self, statement: Executable) -> Compiled:
        compiled = self._compiled.get(statement)
        if compiled is None:
            compiled = self._compiled[statement] = self._compile(statement)
        return compiled

    def _compile(self, statement: Executable) -> Compiled:
        compiled = cast("SQLCompiler", cast("ClauseElement", statement).compile(dialect=self._dialect))
        slots = tuple(
            (compiled.binds[name].key, compiled.binds[name].required, compiled.binds[name].value)
            for name in compiled.positiontup or ()
        )
        return Compiled(compiled.string, slots)


async def connect(
    url: str, *, pool_size: int = 10, statement_timeout: float = 30.0, idle_timeout: float = 30.0
) -> Database:
    """Open the database behind `url` (`sqlite:///file` or `postgresql://…`). Raises `DatabaseUnavailable`.

    Of PostgreSQL take `pool_size` connections at most; it ends a statement after `statement_timeout` seconds, and
    after `idle_timeout` a transaction in which nothing happens. On SQLite a write waits for another process no
    longer than a statement may take. By themselves they suit an operator's command, which may take its time.

    The drivers are imported here: a process pays for the one that it uses.
    """
    if url.startswith("sqlite:///"):
        from broker.store.sqlite import SqliteDatabase

        return SqliteDatabase(url.removeprefix("sqlite:///"), busy_timeout=statement_timeout)
    from broker.store.postgresql import PostgresDatabase

    return await PostgresDatabase.connect(
        url, pool_size=pool_size, statement_timeout=statement_timeout, idle_timeout=idle_timeout
    )
