"""One PostgreSQL database for many tests, emptied before each: a hundred times cheaper than a new one for each.

Who changes the schema, or needs a database that nobody else ever had open, takes `own_database_url`.
"""

import asyncio
import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from tests.postgres import PostgresServer

# Everything else belongs to a person and goes with them.
_TABLES = (
    "users",
    "imported_people",
    "clients",
    "signing_keys",
    "audit_events",
    "pushed_requests",
    "spent_ids",
    "outbox",
    "webhook_deliveries",
    "deleted_grants",
    "counters",
    "leases",
)
_EMPTY = ";".join(f"DELETE FROM {table}" for table in _TABLES)
# As when a database is dropped by force: a broker that was killed a moment ago may still hold rows.
_ALONE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
_KEYS = "SELECT coalesce(json_agg(signing_keys), '[]')::text FROM signing_keys"


@dataclass(frozen=True)
class Emptied:
    """The shared database, and what empties it. `keys`: the rows of the signing keys that it came with."""

    url: str
    runner: asyncio.Runner
    connection: asyncpg.Connection
    keys: str

    def empty(self, *, keys: bool) -> str:
        """End what others left open, and delete every row, or all but the signing keys; the URL."""
        put_back = (
            f"INSERT INTO signing_keys SELECT * FROM json_populate_recordset(NULL::signing_keys, '{self.keys}')"
        )
        self.runner.run(self.connection.execute(";".join((_ALONE, _EMPTY, *([put_back] if keys else ())))))
        return self.url


@pytest.fixture(scope="session")
def emptied_postgres(postgres: PostgresServer, postgres_template: str) -> Iterator[Emptied]:
    """A migrated database that many tests share."""
    url = postgres.create_database(copy_of=postgres_template)
    parts = urlsplit(url)
    superuser = parts._replace(netloc=parts.netloc.replace("broker:", "postgres:", 1)).geturl()
    # A loop of its own, which no test has running.
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        connection = runner.run(asyncpg.connect(superuser))
        yield Emptied(url, runner, connection, runner.run(connection.fetchval(_KEYS)))
        runner.run(connection.close())
    postgres.drop_database(url)


@pytest.fixture(scope="session")
def sqlite_without_keys(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file without a row in it, to be copied."""
    file = tmp_path_factory.mktemp("emptied") / "broker.db"
    shutil.copy(sqlite_template, file)
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.executescript(_EMPTY)
    return file


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A migrated database with signing keys and nothing else in it, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{shutil.copy(request.getfixturevalue('sqlite_template'), tmp_path / 'broker.db')}"
    shared: Emptied = request.getfixturevalue("emptied_postgres")
    return shared.empty(keys=True)


@pytest.fixture
def postgres_with_keys(emptied_postgres: Emptied) -> str:
    """PostgreSQL, with signing keys and nothing else in it."""
    return emptied_postgres.empty(keys=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The same without a row in it."""
    if request.param == "sqlite":
        return f"sqlite:///{shutil.copy(request.getfixturevalue('sqlite_without_keys'), tmp_path / 'broker.db')}"
    shared: Emptied = request.getfixturevalue("emptied_postgres")
    return shared.empty(keys=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def new_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database that no migration has touched, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'new.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def own_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated database with signing keys that this test alone has, of each kind in turn."""
    if request.param == "sqlite":
        yield f"sqlite:///{shutil.copy(request.getfixturevalue('sqlite_template'), tmp_path / 'broker.db')}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.create_database(copy_of=request.getfixturevalue("postgres_template"))
    yield url
    server.drop_database(url)
