"""What `broker serve` does about the database before it serves."""

import contextlib
import http.client
import signal
from pathlib import Path

import pytest
from sqlalchemy import text

from broker.store import migrations, revision
from tests.by_hand import execute_at
from tests.cli.running import PATIENCE, Serving, ended, listening, rows, run, serving, settings, starting
from tests.stage import free_port

CANARY = "canary-password"


def get(broker: Serving, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", broker.port, timeout=PATIENCE)
    with contextlib.closing(connection):
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()


def ready(broker: Serving) -> bool:
    return get(broker, "/readyz")[0] == 200


def keys(broker: Serving) -> bytes:
    return get(broker, "/.well-known/jwks.json")[1]


def revisions(url: str) -> list[str]:
    return [row["version_num"] for row in rows(url, text("SELECT version_num FROM alembic_version"))]


@pytest.mark.parametrize("empty_file", [False, True])
def test_a_missing_sqlite_file_is_made_and_migrated(tmp_path: Path, empty_file: bool) -> None:
    """Without a word about it: the database's default is a file in the folder one is in."""
    environ = settings("")
    if empty_file:
        (tmp_path / "broker.db").touch()
    with serving(environ=environ, cwd=tmp_path) as broker:
        assert ready(broker)
        # The log of writes and its index, too. Who made the file before has said who may read it.
        files = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.glob("broker.db*")}
        assert len(files) == 3
        assert empty_file or set(files.values()) == {0o600}
        broker.stop(signal.SIGTERM)
    assert "upgrade base -> 0001" in broker.announced
    assert run("db", "check", url=f"sqlite:///{tmp_path}/broker.db").exit_code == 0


def test_two_first_starts_at_once_make_one_sqlite_file(tmp_path: Path) -> None:
    environ = settings(f"sqlite:///{tmp_path}/broker.db")
    with (
        starting(environ=environ, cwd=tmp_path, name="one.log") as one,
        starting(environ=environ, cwd=tmp_path, name="two.log") as two,
    ):
        brokers = [listening(one), listening(two)]
        assert all(ready(broker) for broker in brokers)
        assert keys(brokers[0]) == keys(brokers[1])
    assert revisions(environ["BROKER_DATABASE_URL"]) == [revision.HEAD]


def test_an_unmigrated_database_is_refused_and_the_command_named(postgres_url: str, tmp_path: Path) -> None:
    done = ended("serve", "--port", "0", environ=settings(postgres_url), cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "Error: The database has no tables yet; run `broker db upgrade`.\n"
    assert done.stdout == ""


@pytest.mark.parametrize("migrate", [False, True])
def test_a_database_of_a_later_release_is_refused(tmp_path: Path, migrate: bool) -> None:
    database_url = f"sqlite:///{tmp_path}/broker.db"
    migrations.upgrade(database_url)

    execute_at(database_url, "UPDATE alembic_version SET version_num = '9999b'")
    arguments = ["--migrate"] if migrate else []
    done = ended("serve", "--port", "0", *arguments, environ=settings(database_url), cwd=tmp_path)
    assert done.returncode == 1
    assert "revision 9999b, which this release does not know" in done.stderr
    assert done.stderr.count("\n") == 1
    assert revisions(database_url) == ["9999b"]


def test_an_older_database_is_refused_and_the_command_named(postgres_url: str, tmp_path: Path) -> None:
    migrations.upgrade(postgres_url)
    execute_at(postgres_url, "UPDATE alembic_version SET version_num = '0000'")
    done = ended("serve", "--port", "0", environ=settings(postgres_url), cwd=tmp_path)
    assert done.returncode == 1
    assert f"needs {revision.HEAD}; run `broker db upgrade`" in done.stderr


def test_migrate_upgrades_first_and_next_time_has_nothing_to_do(postgres_url: str, tmp_path: Path) -> None:
    environ = settings(postgres_url)
    with serving("--migrate", environ=environ, cwd=tmp_path) as broker:
        assert ready(broker)
        assert "upgrade base -> 0001" in broker.announced
        broker.stop(signal.SIGTERM)
    assert "alembic" not in broker.log.read_text()
    # Alembic takes half a second to import, which a start without need for it does not spend.
    with serving("--migrate", environ=environ, cwd=tmp_path, python=("-X", "importtime")) as broker:
        assert ready(broker)
        assert "upgrade" not in broker.announced
        assert "alembic" not in broker.log.read_text()


def test_two_that_migrate_at_once_do_it_once(postgres_url: str, tmp_path: Path) -> None:
    environ = settings(postgres_url)
    with (
        starting("--migrate", environ=environ, cwd=tmp_path, name="one.log") as one,
        starting("--migrate", environ=environ, cwd=tmp_path, name="two.log") as two,
    ):
        brokers = [listening(one), listening(two)]
        assert all(ready(broker) for broker in brokers)
        assert keys(brokers[0]) == keys(brokers[1])
    assert sum("upgrade base -> 0001" in broker.announced for broker in brokers) <= 1
    assert revisions(postgres_url) == [revision.HEAD]


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        ([], "postgresql://broker:{CANARY}@127.0.0.1:{port}/broker"),
        (["--workers", "2", "--migrate"], "postgresql://broker:{CANARY}@127.0.0.1:{port}/broker"),
        ([], "sqlite:///no/such/folder/broker.db"),
    ],
)
def test_a_database_that_cannot_be_reached_is_one_sentence(
    tmp_path: Path, arguments: list[str], place: str
) -> None:
    url = place.format(CANARY=CANARY, port=free_port())
    done = ended("serve", "--port", "0", *arguments, environ=settings(url), cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: The database cannot be used (")
    assert done.stderr.count("\n") == 1
    assert CANARY not in done.stderr + done.stdout
