"""`broker db backup`: a sound copy of a SQLite file in use, and never anything else under its name."""

import asyncio
import contextlib
import os
import re
import shlex
import shutil
import sqlite3
import stat
from pathlib import Path

import pytest

from broker.store import copying
from broker.store.database import DatabaseUnavailable, connect
from tests.cli.running import run
from tests.deploy.restoring import RUNBOOK
from tests.store.rows import add_client

CANARY = "canary-password"


@pytest.fixture
def source(sqlite_template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(sqlite_template, tmp_path / "broker.db"))


def url(file: Path) -> str:
    return f"sqlite:///{file}"


def clients_in(file: Path) -> int:
    with contextlib.closing(sqlite3.connect(file)) as connection:
        (found,) = connection.execute("SELECT count(*) FROM clients").fetchone()
    return int(found)


def others(source: Path) -> set[str]:
    """Files beside the database that are none of its own."""
    return {file.name for file in source.parent.iterdir() if not file.name.startswith(source.name)}


def test_what_is_only_in_the_write_ahead_log_is_in_the_copy_and_nobody_waits(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody has the database open, with a commit not yet in the file itself and another transaction begun."""
    copy = tmp_path / "copy.db"

    async def back_up_meanwhile() -> None:
        database = await connect(url(source))
        await add_client(database)
        with contextlib.closing(sqlite3.connect(source, isolation_level=None)) as writer:
            writer.execute("BEGIN IMMEDIATE")
            writer.execute("UPDATE clients SET version = 9")
            done = await asyncio.to_thread(run, "db", "backup", str(copy), url=url(source))
            assert (done.exit_code, done.stderr) == (0, "")
            assert done.stdout.startswith(f"{copy} is a sound copy of {source} (")
            writer.execute("COMMIT")
        await database.close()

    asyncio.run(back_up_meanwhile())
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert clients_in(copy) == 1
    with contextlib.closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT version FROM clients").fetchone() == (1,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert others(source) == {"copy.db"}, "one file, without a log beside it"
    assert run("db", "check", url=url(copy)).exit_code == 0


def test_a_file_that_is_there_is_left_alone(source: Path, tmp_path: Path) -> None:
    there = tmp_path / "kept"
    there.write_text("something else")
    for taken in (there, source):
        before = taken.read_bytes()
        done = run("db", "backup", str(taken), url=url(source))
        assert done.exit_code == 1
        assert done.stderr == f"Error: {taken} is there already; name a file that is not.\n"
        assert taken.read_bytes() == before


def test_a_damaged_database_makes_no_copy(source: Path, tmp_path: Path) -> None:
    with source.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(os.urandom(4096 * 8))
    done = run("db", "backup", str(tmp_path / "copy.db"), url=url(source))
    assert done.exit_code == 1
    assert f"Error: The database in {source} is damaged (" in done.stderr
    assert "restore the newest backup" in done.stderr
    assert done.stderr.count("\n") == 1
    assert others(source) == set()


def test_rows_that_refer_to_nothing_are_damage(source: Path, tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(source)) as connection:
        connection.execute("INSERT INTO avatars VALUES ('a', 'usr_gone', 'v', 'image/png', X'00', 1)")
        connection.commit()
    with pytest.raises(copying.Damaged, match="a row of avatars refers to one of users that is not there"):
        copying.copy(source, tmp_path / "copy.db")
    assert others(source) == set()


def test_a_copy_that_is_interrupted_leaves_nothing(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_file: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(copying, "_check", interrupted)
    with pytest.raises(KeyboardInterrupt):
        copying.copy(source, tmp_path / "copy.db")
    assert others(source) == set()


def test_what_is_no_database_is_not_copied(tmp_path: Path) -> None:
    letter = tmp_path / "broker.db"
    letter.write_text("Dear reader, " * 1000)
    with pytest.raises(DatabaseUnavailable):
        copying.copy(letter, tmp_path / "copy.db")
    assert others(letter) == set()


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    done = run("db", "backup", str(tmp_path / "copy.db"), url=f"sqlite:///{tmp_path}/none.db")
    assert done.exit_code == 1
    assert done.stderr.startswith(f"Error: There is no database at {tmp_path}/none.db yet; ")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_one_sentence(source: Path, tmp_path: Path) -> None:
    done = run("db", "backup", str(tmp_path / "no" / "copy.db"), url=url(source))
    assert done.exit_code == 1
    assert "cannot be written (No such file or directory); correct the path" in done.stderr
    assert done.stderr.count("\n") == 1


def test_for_postgresql_it_says_what_to_run() -> None:
    """The runbook's own line, for this database."""
    done = run(
        "db", "backup", "b.dump", url=f"postgresql://broker:{CANARY}@db.example:5433/broker?sslmode=require"
    )
    assert done.exit_code == 1
    told = re.fullmatch("Error: This database is PostgreSQL's: back it up with `(.+)`\\.\n", done.stderr)
    assert told is not None
    *flags, file, database = shlex.split(told[1])
    assert (file, database) == (
        "--file=b.dump",
        "--dbname=postgresql://broker@db.example:5433/broker?sslmode=require",
    )
    (line,) = (words for words in RUNBOOK.command_lines() if words[:2] == ["pg_dump", "--format=custom"])
    assert flags == line[:-2]


def test_a_copy_is_on_the_disk_with_its_name_when_the_command_says_so(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: forced.append(os.fstat(descriptor).st_ino))
    copy = tmp_path / "folder" / "copy.db"
    copy.parent.mkdir()
    copying.copy(source, copy)
    assert forced == [copy.stat().st_ino, copy.parent.stat().st_ino]
