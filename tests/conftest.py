"""Databases made by the migrations themselves, and a whole stage to play a sign-in on.

Every test that asks for `database_url` runs on SQLite and on PostgreSQL. Signing keys are made once: they come
with the database.
"""

import asyncio
import logging
import os
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import ModuleType
from typing import cast

import hypothesis
import pytest

from broker import log
from broker.store import migrations
from broker.store.database import Database, connect
from tests import patient as patience
from tests.emptied import (
    database_url,
    emptied_postgres,
    new_database_url,
    own_database_url,
    postgres_with_keys,
    sqlite_without_keys,
)
from tests.measured import pytest_collection_modifyitems, pytest_runtest_protocol
from tests.postgres import PostgresServer, postgres, postgres_url
from tests.stage import HeldClock, Stage, make_keys, running_stage

# The fixtures of other modules that every test may ask for, and hooks.
__all__ = [
    "database_url",
    "emptied_postgres",
    "new_database_url",
    "own_database_url",
    "postgres",
    "postgres_url",
    "postgres_with_keys",
    "pytest_collection_modifyitems",
    "pytest_runtest_protocol",
    "sqlite_without_keys",
]

# httpcore looks for it at every request, and where it is not there searches the whole path: a tenth of a request.
# None is how `sys.modules` says that a module is not to be had (language reference, §5.3.1).
cast("dict[str, ModuleType | None]", sys.modules).setdefault("sniffio", None)

# How fast an example is drawn or run says something of the machine, and nothing of what is promised.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")


def pytest_xdist_auto_num_workers() -> int:
    """One for every processor, and one more for every two: a third of the time a test waits for somebody."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return processors + processors // 2


@pytest.fixture(autouse=True)
def logging_as_it_begins() -> Iterator[None]:
    """Commands and the demo configure the process's logs; the next test finds them as a fresh process has them."""
    touched = [logging.getLogger(name) for name in (None, *log._LIBRARIES_HEARD, log._LIBRARY_SILENCED)]
    before = [(each.handlers[:], each.level, each.propagate) for each in touched]
    yield
    for each, (handlers, level, propagate) in zip(touched, before, strict=True):
        each.handlers[:], each.propagate = handlers, propagate
        each.setLevel(level)
    log._configure_structlog("json", "info")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file with keys, to be copied."""
    file = tmp_path_factory.mktemp("template") / "broker.db"
    migrations.upgrade(f"sqlite:///{file}")
    asyncio.run(make_keys(f"sqlite:///{file}"))
    # As an operator should have it; whoever copies it copies the rights.
    file.chmod(0o600)
    return file


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A migrated SQLite file with keys, which cost a server half of its start."""
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'broker.db')}"


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresServer) -> str:
    """The URL of a migrated database with keys, to be copied."""
    url = postgres.create_database()
    migrations.upgrade(url)
    asyncio.run(make_keys(url))
    return url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The database, opened as the service opens it."""
    opened = await connect(database_url)
    yield opened
    await opened.close()


@pytest.fixture
def clock() -> HeldClock:
    """A clock that stands still until it is told to go on."""
    return HeldClock()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who wins does not depend on how busy this machine is: nobody gives up waiting for PostgreSQL."""
    for name in patience.OF_DATABASE:
        monkeypatch.setattr(f"broker.store.postgresql.{name}", patience.SECONDS)


@pytest.fixture
async def stage(database_url: str, clock: HeldClock) -> AsyncIterator[Stage]:
    """A broker and a simulator over real HTTP, with one confidential and one public client."""
    async with running_stage(database_url, clock) as ready:
        yield ready
