"""PostgreSQL as the benchmark uses it: a real server with durable settings, and what it says of its own work."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from benchmarks import accounting
from tests.postgres import PostgresServer, postgres_server

# A session that falls idle tells the statistics within this time (IDLE_STATS_UPDATE_TIMEOUT is 10 s).
_UNTIL_TOLD = 10.5


@dataclass(frozen=True, slots=True)
class PostgreSQL:
    """A server with one database."""

    server: PostgresServer
    pid: int
    url: str

    def cpu_seconds(self) -> float:
        """CPU time of the server's processes, ended sessions included."""
        return accounting.cpu_seconds(self.pid)

    def written(self) -> int:
        """Transactions so far that wrote something."""
        return int(self.server.run("SELECT pg_snapshot_xmax(pg_current_snapshot())"))

    def transactions(self) -> int:
        """All transactions so far, once every session has told; takes ten seconds."""
        time.sleep(_UNTIL_TOLD)
        name = urlsplit(self.url).path.removeprefix("/")
        return int(self.server.run(f"SELECT xact_commit FROM pg_stat_database WHERE datname = '{name}'"))


@contextlib.contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    """A server for the length of the block. `fsync` and `synchronous_commit` are on, as they come."""
    with postgres_server() as server:
        # The file's first line is the process id of the server.
        pid = int(server.run("SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)"))
        yield PostgreSQL(server, pid, server.create_database())
