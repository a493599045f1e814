"""How far `broker db upgrade` goes, and on which revisions a release runs."""

import asyncio
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from broker.cli.serve import _prepare
from broker.opaque import Secret
from broker.store import migrations, revision
from broker.store.database import connect
from tests.by_hand import execute, execute_at
from tests.cli.running import run, serving, settings
from tests.cli.test_serve_database import ready
from tests.migrations.later import Later
from tests.stage import HeldClock, running_stage


def put(url: str, id_: str) -> None:
    """Write down another revision than the database is at."""
    execute_at(url, f"UPDATE alembic_version SET version_num = '{id_}'")


@contextlib.contextmanager
def a_broker(url: str, head: str) -> Iterator[None]:
    """The release whose newest revision is `head` has the database open."""
    before = revision.HEAD
    with asyncio.Runner() as runner, pytest.MonkeyPatch.context() as patch:
        patch.setattr(revision, "HEAD", head)
        database = runner.run(connect(url))
        patch.setattr(revision, "HEAD", before)
        yield
        runner.run(database.close())


@pytest.mark.parametrize(
    ("head", "oldest", "found", "runs"),
    [
        ("0004", "0004", None, False),
        ("0004", "0004", "0003", False),
        ("0004", "0004", "0004", True),
        ("0004", "0004", "0005", True),
        ("0004", "0004", "0007", True),
        ("0004", "0004", "0005b", False),
        ("0004", "0004", "0007b", False),
        ("0006b", "0005", "0004", False),
        ("0006b", "0005", "0005", True),
        ("0006b", "0005", "0006b", True),
        ("0006b", "0005", "0007b", True),
        ("0006b", "0005", "0007", False),
        ("0006b", "0005", "0007c", False),
        ("0004", "0004", "0005 ", False),
        ("0004", "0004", "a1b2c3", False),
    ],
)
def test_a_release_runs_on_what_only_added_to_its_own(
    head: str, oldest: str, found: str | None, runs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revision, "HEAD", head)
    monkeypatch.setattr(revision, "OLDEST", oldest)
    assert revision.runs_on(found) is runs


def test_an_upgrade_stops_before_what_the_release_that_runs_still_needs(
    own_database_url: str, later: Later
) -> None:
    done = run("db", "upgrade", url=own_database_url)
    assert done.exit_code == 0
    assert f"The database is at revision {later.index}." in done.stdout
    assert f"Held back: {later.contract}" in done.stdout
    checked = run("db", "check", url=own_database_url)
    assert (checked.exit_code, "only takes away" in checked.stdout) == (0, True)
    assert "Held back" in run("db", "upgrade", url=own_database_url).stdout


def test_a_contract_asks_first(own_database_url: str, later: Later) -> None:
    asked = run("db", "upgrade", "--contract", url=own_database_url)
    assert asked.exit_code == 1
    assert f"This runs {later.contract} on " in asked.stderr
    assert "--yes" in asked.stderr
    assert migrations.current(own_database_url) == migrations.history()[-4].id
    done = run("db", "upgrade", "--contract", "--yes", url=own_database_url)
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (
        0,
        f"The database is at revision {later.contract}.",
    )


def test_a_new_database_is_brought_up_to_the_head_at_once(new_database_url: str, later: Later) -> None:
    done = run("db", "upgrade", url=new_database_url)
    assert done.stdout.splitlines()[-1] == f"The database is at revision {later.contract}."


def test_an_upgrade_goes_no_further_than_it_is_told(own_database_url: str, later: Later) -> None:
    for told, reached in ((later.column, later.column), ("+1", later.index)):
        assert run("db", "upgrade", told, url=own_database_url).exit_code == 0
        assert migrations.current(own_database_url) == reached


def test_what_every_connected_broker_does_without_is_taken_away(
    postgres_template: str, postgres_url: str, later: Later
) -> None:
    migrations.upgrade(postgres_url, later.index)
    earlier = f"{int(later.contract[:4]) - 3:04}"
    with a_broker(postgres_url, later.contract):
        with a_broker(postgres_url, earlier):
            held = run("db", "upgrade", url=postgres_url)
            assert f"newest revisions are {earlier}, {later.contract}" in held.stdout
            assert migrations.current(postgres_url) == later.index
        with asyncio.Runner() as runner:
            stranger = runner.run(asyncpg.connect(postgres_url))
            held = run("db", "upgrade", url=postgres_url)
            assert "1 connections of the same database user do not say what they are" in held.stdout
            assert migrations.current(postgres_url) == later.index
            runner.run(stranger.close())
        done = run("db", "upgrade", url=postgres_url)
        assert (done.exit_code, "Held back" in done.stdout) == (0, False)
        assert migrations.current(postgres_url) == later.contract


def test_nobody_connected_proves_nothing(postgres_url: str, later: Later) -> None:
    migrations.upgrade(postgres_url, later.index)
    assert "no broker is connected" in run("db", "upgrade", url=postgres_url).stdout
    assert migrations.current(postgres_url) == later.index


def test_a_release_that_needs_the_contract_says_that_it_cannot_start(own_database_url: str, latest: Later) -> None:
    done = run("db", "upgrade", url=own_database_url)
    assert done.exit_code == 1
    assert done.stderr.startswith(f"Error: This release cannot start before {latest.contract} is done")
    assert run("db", "check", url=own_database_url).exit_code == 1
    assert run("db", "upgrade", "--contract", "--yes", url=own_database_url).exit_code == 0
    assert migrations.current(own_database_url) == latest.after


def test_a_database_to_which_a_later_release_added_is_ahead_and_good_to_run_on(own_database_url: str) -> None:
    ahead = f"{int(revision.HEAD[:4]) + 1:04}{revision.HEAD[4:]}"
    put(own_database_url, ahead)
    checked = run("db", "check", "--json", url=own_database_url)
    assert checked.exit_code == 3
    assert json.loads(checked.stdout) == {
        "state": "ahead",
        "revision": ahead,
        "head": revision.HEAD,
        "can_run": True,
        "differences": [],
    }
    assert "can run on it" in run("db", "check", url=own_database_url).stderr
    upgraded = run("db", "upgrade", url=own_database_url)
    assert (upgraded.exit_code, "can run on it as it is" in upgraded.stdout) == (0, True)
    assert run("clients", "list", url=own_database_url).exit_code == 0


def test_a_database_from_which_a_later_release_took_away_is_refused(own_database_url: str) -> None:
    put(own_database_url, f"{int(revision.HEAD[:4]) + 1:04}z")
    assert json.loads(run("db", "check", "--json", url=own_database_url).stdout)["can_run"] is False
    listed = run("clients", "list", url=own_database_url)
    assert (listed.exit_code, "which this release does not know" in listed.stderr) == (1, True)


def test_what_is_missing_is_drift_in_a_database_that_is_ahead(own_database_url: str) -> None:
    execute_at(
        own_database_url,
        "ALTER TABLE users DROP COLUMN username",
        "ALTER TABLE users ADD COLUMN later TEXT",
    )
    put(own_database_url, f"{int(revision.HEAD[:4]) + 1:04}{revision.HEAD[4:]}")
    checked = run("db", "check", "--json", url=own_database_url)
    assert checked.exit_code == 4
    (found,) = json.loads(checked.stdout)["differences"]
    assert "username" in found


def test_serve_starts_on_a_database_to_which_a_later_release_added(own_database_url: str, tmp_path: Path) -> None:
    put(own_database_url, f"{int(revision.HEAD[:4]) + 1:04}{revision.HEAD[4:]}")
    with serving("--migrate", environ=settings(own_database_url), cwd=tmp_path) as broker:
        assert ready(broker)


def test_a_start_that_migrates_takes_nothing_away(own_database_url: str, later: Later) -> None:
    """Nobody is there to be asked, and replicas of the release before may still run."""
    _prepare(Secret(own_database_url), migrate=True)
    assert migrations.current(own_database_url) == later.index


async def test_a_running_broker_stays_ready_until_something_is_taken_away(
    own_database_url: str, clock: HeldClock
) -> None:
    number, letter = int(revision.HEAD[:4]), revision.HEAD[4:]
    async with running_stage(own_database_url, clock) as stage:
        for found, status in ((f"{number + 1:04}{letter}", 200), (f"{number + 2:04}z", 503)):
            await execute(stage.database, f"UPDATE alembic_version SET version_num = '{found}'")
            assert (await stage.http.get("/readyz")).status_code == status
