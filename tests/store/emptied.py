"""One PostgreSQL database for many tests, emptied before each: fifty times quicker than a new one for each."""

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.postgres import PostgresServer

# Everything else belongs to a person and goes with them.
_EMPTY_BUT_FOR_KEYS = ";".join(
    f"DELETE FROM {table}"
    for table in (
        "users",
        "clients",
        "audit_events",
        "pushed_requests",
        "spent_ids",
        "outbox",
        "webhook_deliveries",
    )
)
_EMPTY = f"{_EMPTY_BUT_FOR_KEYS};DELETE FROM signing_keys"


@pytest.fixture(scope="session")
def emptied_postgres_url(postgres: PostgresServer, postgres_template: str) -> Iterator[str]:
    """A migrated database that many tests share."""
    url = postgres.create_database(copy_of=postgres_template)
    yield url
    postgres.drop_database(url)


@pytest.fixture(scope="session")
def keyed_postgres_url(postgres: PostgresServer, postgres_template: str) -> Iterator[str]:
    """Another, whose keys nobody deletes."""
    url = postgres.create_database(copy_of=postgres_template)
    yield url
    postgres.drop_database(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A migrated database without a row in it, of each kind in turn."""
    if request.param == "sqlite":
        return _file(request, tmp_path, _EMPTY)
    return _on_server(request, "emptied_postgres_url", _EMPTY)


@pytest.fixture(name="database_url", params=["sqlite", "postgresql"])
def keyed_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The same with keys, which a broker would otherwise begin by making."""
    if request.param == "sqlite":
        return _file(request, tmp_path, _EMPTY_BUT_FOR_KEYS)
    return _on_server(request, "keyed_postgres_url", _EMPTY_BUT_FOR_KEYS)


def _file(request: pytest.FixtureRequest, folder: Path, statements: str) -> str:
    file = shutil.copy(request.getfixturevalue("sqlite_template"), folder / "broker.db")
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.executescript(statements)
    return f"sqlite:///{file}"


def _on_server(request: pytest.FixtureRequest, shared: str, statements: str) -> str:
    url: str = request.getfixturevalue(shared)
    server: PostgresServer = request.getfixturevalue("postgres")
    server.run(statements, urlsplit(url).path.removeprefix("/"))
    return url
