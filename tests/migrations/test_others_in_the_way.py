"""An upgrade of PostgreSQL waits shortly and often, for other deployers too, and can be run again."""

import asyncio
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import asyncpg
import pytest
from sqlalchemy import Connection, text

from broker.store import migrations
from broker.store.migrating import online, progress, running, scripts
from tests.cli.running import CHECKOUT, run
from tests.documentation import ROOT, Page
from tests.migrations.later import Later

PAGE = Page(ROOT / "docs/migrations.md")

_UPGRADE = """
import pathlib, sys
from broker.store import migrations
from broker.store.migrating import scripts
scripts.folder = lambda: pathlib.Path(sys.argv[1])
migrations.upgrade(sys.argv[2], sys.argv[3])
"""


@contextmanager
def session(url: str) -> Iterator[Callable[[str], object]]:
    """Somebody's connection; what is called runs SQL on it."""
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(url))
        try:
            yield lambda sql: runner.run(connection.execute(sql))
        finally:
            runner.run(connection.close())


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two tries, at once."""
    monkeypatch.setattr(running, "_PAUSE_SECONDS", 0)
    monkeypatch.setattr(running, "_LOCK_ATTEMPTS", 2)
    monkeypatch.setattr(running, "_DEPLOYER_ATTEMPTS", 2)


@pytest.fixture
def before(postgres_url: str, later: Later) -> str:
    """A database just before the later release's first revision."""
    migrations.upgrade(postgres_url, f"{int(later.column[:4]) - 1:04}")
    return postgres_url


@dataclass
class Upgrading:
    """An upgrade in a thread of its own: what it has told, and whether it has told anything."""

    told: list[str] = field(default_factory=list)
    heard: threading.Event = field(default_factory=threading.Event)

    def tell(self, line: str) -> None:
        """Hear a line."""
        self.told.append(line)
        self.heard.set()


@contextmanager
def upgrading(url: str, to: str) -> Iterator[Upgrading]:
    """It goes on while the block runs, and is over behind it."""
    made = Upgrading()
    worker = threading.Thread(target=migrations.upgrade, args=(url, to), kwargs={"tell": made.tell})
    worker.start()
    yield made
    worker.join(60)
    assert not worker.is_alive()


def test_a_table_in_use_is_waited_for_until_it_is_free(before: str, later: Later) -> None:
    with session(before) as somebody:
        somebody("BEGIN; LOCK TABLE users IN ACCESS SHARE MODE")
        with upgrading(before, later.column) as upgrade:
            assert upgrade.heard.wait(60)
            somebody("COMMIT")
    assert migrations.current(before) == later.column
    (line,) = upgrade.told
    assert line.startswith("A table is in use, and the oldest open transaction is process ")


def test_a_table_that_stays_in_use_is_one_sentence_and_nothing_is_left(
    before: str, later: Later, impatient: None
) -> None:
    with session(before) as somebody:
        somebody("SET application_name = 'report'")
        somebody("BEGIN; LOCK TABLE users IN ACCESS SHARE MODE")
        done = run("db", "upgrade", later.column, url=before)
        assert done.exit_code == 1
        assert "A table was in use, and the oldest open transaction is process " in done.stderr
        assert "of 'report', since" in done.stderr
        assert "end that transaction, and run the command again" in done.stderr
        assert done.stderr.count("\n") == 1
        # Nor does anybody wait for what has given up.
        somebody("COMMIT")
    assert run("db", "upgrade", later.column, url=before).exit_code == 0


def test_a_statement_that_keeps_others_waiting_too_long_is_given_up(
    before: str, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "HASTE", ("SET lock_timeout = '30s'", "SET statement_timeout = '50ms'"))
    with session(before) as somebody:
        somebody("BEGIN; LOCK TABLE users IN ACCESS SHARE MODE")
        done = run("db", "upgrade", later.column, url=before)
    assert (done.exit_code, "run the command again at a quieter time" in done.stderr) == (1, True)
    assert migrations.current(before) != later.column


def test_another_deployer_is_waited_for_and_told_of(before: str, later: Later, impatient: None) -> None:
    with session(before) as somebody:
        somebody(f"SELECT pg_advisory_lock({running._DEPLOYER})")
        done = run("db", "upgrade", later.column, url=before)
        assert done.exit_code == 1
        assert "Another upgrade of this database is running; waiting for its end." in done.stdout
        assert "run the command again" in done.stderr
        assert migrations.current(before) != later.column
    assert run("db", "upgrade", later.column, url=before).exit_code == 0


def test_no_revision_keeps_writes_waiting_for_longer_than_operators_are_told(before: str) -> None:
    told = re.search(r"`lock_timeout` (\d+) ms, `statement_timeout` (\d+) s", PAGE.text)
    assert told is not None
    # A write that waits longer than a second is what must not be.
    assert int(told[1]) < 1_000
    found: list[str] = []

    def use(connection: Connection) -> None:
        def run() -> None:
            found.extend(connection.execute(text(f"SHOW {name}_timeout")).scalar_one() for name in names)

        running.patiently(connection, run, print)

    names = ("lock", "statement")
    migrations.with_connection(before, use)
    assert found == [f"{told[1]}ms", f"{told[2]}s"]


def test_whose_connection_goes_on_is_no_deployer_any_more(before: str) -> None:
    def use(connection: Connection) -> int:
        running.patiently(connection, lambda: None, print)
        held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
        return int(connection.execute(text(held)).scalar_one())

    assert migrations.with_connection(before, use) == 0


def test_who_waits_for_a_deployer_does_not_hold_up_the_index_that_it_builds(before: str, later: Later) -> None:
    """An index built online waits for every transaction that is older than itself."""
    command = (sys.executable, "-W", "error", "-c", _UPGRADE, str(scripts.folder()), before, later.index)
    workers = [subprocess.Popen(command, cwd=CHECKOUT, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for worker in workers:
        _, complaint = worker.communicate(timeout=60)
        assert worker.returncode == 0, complaint
    assert migrations.current(before) == later.index
    assert invalid(before) == []


def invalid(url: str) -> list[str]:
    def use(connection: Connection) -> list[str]:
        found = connection.execute(text("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid"))
        return list(found.scalars())

    return migrations.with_connection(url, use)


def test_an_index_whose_building_was_interrupted_is_built_anew(
    before: str, later: Later, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrations.upgrade(before, later.column)
    monkeypatch.setattr(online, "LEISURE", ("SET lock_timeout = '100ms'", "SET statement_timeout = 0"))
    with session(before) as somebody:
        # It writes to the table, so that the index must wait for its end.
        somebody("BEGIN; LOCK TABLE users IN ROW EXCLUSIVE MODE")
        assert run("db", "upgrade", later.index, url=before).exit_code == 1
        assert invalid(before) == ["ix_users_later"]
        assert migrations.current(before) == later.column
    assert run("db", "upgrade", later.index, url=before).exit_code == 0
    assert invalid(before) == []
    assert migrations.current(before) == later.index


def test_long_work_shows_how_far_it_is(before: str, later: Later, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_EVERY_SECONDS", 0.02)
    migrations.upgrade(before, later.column)
    with session(before) as somebody:
        somebody("BEGIN; LOCK TABLE users IN ROW EXCLUSIVE MODE")
        with upgrading(before, later.index) as upgrade:
            assert upgrade.heard.wait(60)
            somebody("COMMIT")
    assert upgrade.told[0].startswith("  ix_users_later on users: waiting for writers before build")
    assert migrations.current(before) == later.index


def test_an_index_comes_and_goes_online_on_both_databases(new_database_url: str, later: Later) -> None:
    migrations.upgrade(new_database_url, later.index)
    assert not [line for line in migrations.lacking(new_database_url) if "ix_" in line]
    migrations.downgrade(new_database_url, later.column)
    migrations.upgrade(new_database_url, later.index)
    assert migrations.current(new_database_url) == later.index
