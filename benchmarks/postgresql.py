"""PostgreSQL as the benchmark uses it: a real server with durable settings, and what it says of its own work."""

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks import accounting
from tests.postgres import PostgresServer, postgres_server

# A line of the log for each statement that is executed, with the database and the transaction it is part of.
_PREFIX = "at %d in %v: "
_TOLD = re.compile(r"^at (\S+) in (\S+): LOG:  (?:execute [^:]*|statement): (\w+)", re.MULTILINE)
_AROUND = ("begin", "start", "commit", "end", "rollback", "abort", "savepoint", "release")
_UNTIL_HEARD = 0.5


@dataclass(frozen=True, slots=True)
class Counted:
    """Statements without those that begin and end transactions, transactions, and those of them that wrote."""

    statements: float
    transactions: float
    writing: float

    def each(self, operations: int) -> "Counted":
        """The same per operation."""
        return Counted(self.statements / operations, self.transactions / operations, self.writing / operations)


@dataclass(frozen=True, slots=True)
class PostgreSQL:
    """A server with one database, and more on demand."""

    server: PostgresServer
    pid: int
    url: str

    def create(self) -> str:
        """The URL of another, empty database."""
        return self.server.create_database()

    def acquaint(self, url: str) -> None:
        """Let it look at the tables of a database, as it does by itself within a minute.

        Until then it holds on to plans made while they were empty, in which no index is worth its while.
        """
        self.server.run("ANALYZE", name(url))

    def cpu_seconds(self) -> float:
        """CPU time of the server's processes, ended sessions included."""
        return accounting.cpu_seconds(self.pid)

    @contextlib.contextmanager
    def telling(self) -> Iterator[None]:
        """Have everything logged that is asked during the block. That costs time, so nothing is measured in it.

        Nor is anything durable in it, so that the log does not compete with the disk.
        """
        self._set(log_statement="all", log_line_prefix=_PREFIX, synchronous_commit="off")
        yield
        self._reset("log_statement", "log_line_prefix", "synchronous_commit")

    @contextlib.contextmanager
    def counting(self, url: str) -> Iterator[Callable[[], Counted]]:
        """While it is `telling`: counts what one database is asked during the block; the sum is there after it."""
        log = Path(self.server.run("SHOW data_directory")).with_name("log")
        start, written = log.stat().st_size, self._written()
        counted: list[Counted] = []
        yield lambda: counted[0]
        written = self._written() - written
        with log.open("rb") as lines:
            lines.seek(start)
            counted.append(count(lines.read().decode(), name(url), written))

    def _written(self) -> int:
        """Transactions so far that wrote something, in all databases."""
        return int(self.server.run("SELECT pg_snapshot_xmax(pg_current_snapshot())"))

    def _set(self, **settings: str) -> None:
        for each, value in settings.items():
            self.server.run(f"ALTER SYSTEM SET {each} = '{value}'")
        self._reload()

    def _reset(self, *settings: str) -> None:
        for each in settings:
            self.server.run(f"ALTER SYSTEM RESET {each}")
        self._reload()

    def _reload(self) -> None:
        self.server.run("SELECT pg_reload_conf()")
        time.sleep(_UNTIL_HEARD)


@contextlib.contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    """A server for the length of the block. `fsync` and `synchronous_commit` are on, as they come."""
    with postgres_server() as server:
        # The file's first line is the process id of the server.
        pid = int(server.run("SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)"))
        yield PostgreSQL(server, pid, server.create_database())


def name(url: str) -> str:
    """The database that a URL names."""
    return urlsplit(url).path.removeprefix("/")


def count(log: str, database: str, written: int) -> Counted:
    """What a server that was telling has logged of one database; `written` are the transactions that wrote."""
    found = [told.groups() for told in _TOLD.finditer(log)]
    here = [(transaction, word.lower()) for place, transaction, word in found if place == database]
    statements = sum(word not in _AROUND for _, word in here)
    return Counted(statements, len({transaction for transaction, _ in here}), written)
