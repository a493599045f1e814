"""Migrations make the schema, models and database agree, and two deployers at once do no harm."""

import asyncio
import contextlib
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Connection

from broker.store import migrations, revision
from broker.store.database import connect
from tests.by_hand import execute_at

ROOT = Path(__file__).parents[2]
UPGRADE = "import sys; from broker.store import migrations; migrations.upgrade(sys.argv[1])"
BY_HAND = ("ALTER TABLE users ADD COLUMN stray TEXT", "ALTER TABLE grants DROP COLUMN ended_reason")


async def served_revision(url: str) -> str | None:
    """The revision as the running service reads it."""
    database = await connect(url)
    try:
        return await database.read(revision.current)
    finally:
        await database.close()


def test_this_release_is_written_for_its_newest_migration() -> None:
    assert migrations.head() == revision.HEAD
    assert [one.id for one in migrations.history()][-1] == revision.HEAD


def test_every_migration_says_what_it_does_and_follows_the_one_before() -> None:
    history = migrations.history()
    assert all(one.summary for one in history)
    assert [one.previous for one in history] == [None, *(one.id for one in history[:-1])]


def test_after_the_upgrade_models_and_database_agree(new_database_url: str) -> None:
    assert migrations.current(new_database_url) is None
    assert migrations.differences(new_database_url) != []
    migrations.upgrade(new_database_url)
    assert migrations.current(new_database_url) == revision.HEAD
    assert migrations.differences(new_database_url) == []


def test_up_down_and_up_again_leads_to_the_same(new_database_url: str) -> None:
    migrations.upgrade(new_database_url)
    migrations.downgrade(new_database_url, "base")
    assert migrations.current(new_database_url) is None
    assert asyncio.run(served_revision(new_database_url)) is None
    migrations.upgrade(new_database_url)
    migrations.upgrade(new_database_url)
    assert migrations.current(new_database_url) == revision.HEAD
    assert migrations.differences(new_database_url) == []


def test_a_revision_that_there_is_not_is_named(new_database_url: str) -> None:
    with pytest.raises(migrations.NoSuchRevision, match="4711"):
        migrations.upgrade(new_database_url, "4711")
    migrations.upgrade(new_database_url)
    with pytest.raises(migrations.NoSuchRevision, match="-99"):
        migrations.downgrade(new_database_url, "-99")
    assert migrations.current(new_database_url) == revision.HEAD


def test_a_column_too_many_or_too_few_is_a_difference(new_database_url: str) -> None:
    migrations.upgrade(new_database_url)
    for sql in BY_HAND:
        execute_at(new_database_url, sql)
    found = " ".join(migrations.differences(new_database_url))
    assert "stray" in found
    assert "ended_reason" in found


def test_a_column_of_another_type_is_a_difference(postgres_url: str) -> None:
    """SQLite knows no column whose type could be changed."""
    migrations.upgrade(postgres_url)
    execute_at(postgres_url, "ALTER TABLE users ALTER COLUMN created_at TYPE INTEGER")
    (found,) = migrations.differences(postgres_url)
    assert "created_at" in found


def test_an_upgrade_of_sqlite_keeps_others_from_writing_before_it_looks(tmp_path: Path) -> None:
    """Else two of them could find the same work to do, and one would fail."""
    file = tmp_path / "broker.db"

    def use(connection: Connection) -> None:
        with (
            connection.begin(),
            contextlib.closing(sqlite3.connect(file, timeout=0)) as other,
            pytest.raises(sqlite3.OperationalError, match="locked"),
        ):
            other.execute("BEGIN IMMEDIATE")

    migrations.with_connection(f"sqlite:///{file}", use)


def test_two_processes_that_upgrade_at_once_do_the_work_once(new_database_url: str) -> None:
    command = (sys.executable, "-W", "error", "-c", UPGRADE, new_database_url)
    processes = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for process in processes:
        _, complaint = process.communicate(timeout=60)
        assert process.returncode == 0, complaint
    assert migrations.differences(new_database_url) == []
