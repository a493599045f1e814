"""`broker db` on both databases."""

import json
from pathlib import Path

import pytest
from sqlalchemy import text

from broker.store import migrations, revision
from tests.by_hand import execute_at
from tests.cli.running import rows, run
from tests.postgres import PostgresServer
from tests.stage import free_port

CANARY = "canary-password"


def test_upgrade_makes_the_schema_and_shows_each_step(new_database_url: str) -> None:
    result = run("db", "upgrade", url=new_database_url)
    assert (result.exit_code, result.stderr) == (0, "")
    steps, last = result.stdout.strip().rsplit("\n", 1)
    assert steps.startswith("upgrade base -> 0001, ")
    assert last == f"The database is at revision {revision.HEAD}."
    assert run("db", "check", url=new_database_url).exit_code == 0


def test_a_second_upgrade_does_nothing_and_says_where_it_is(database_url: str) -> None:
    result = run("db", "upgrade", url=database_url)
    assert (result.exit_code, result.output) == (0, f"The database is at revision {revision.HEAD}.\n")


def test_down_and_up_again(own_database_url: str) -> None:
    down = run("db", "downgrade", "base", "--yes", url=own_database_url)
    assert (down.exit_code, down.stderr) == (0, "")
    assert "0001 -> base, " in down.stdout
    assert down.stdout.endswith("The database is empty.\n")
    assert run("db", "upgrade", url=own_database_url).exit_code == 0
    assert run("db", "check", url=own_database_url).exit_code == 0


def test_one_step_down_is_written_with_a_minus(own_database_url: str) -> None:
    assert run("db", "downgrade", "-1", "--yes", url=own_database_url).exit_code == 0
    assert run("db", "current", url=own_database_url).stdout == f"{migrations.history()[-2].id}\n"


def test_downgrade_asks_and_does_nothing_where_nobody_can_answer(database_url: str) -> None:
    result = run("db", "downgrade", "base", url=database_url)
    assert result.exit_code == 1
    assert "--yes" in result.stderr
    assert result.stderr.count("\n") == 1
    assert "postgres" not in database_url or "***@" in result.stderr
    assert run("db", "check", url=database_url).exit_code == 0


def test_a_mistyped_option_of_downgrade_is_wrong_usage(database_url: str) -> None:
    assert run("db", "downgrade", "--yess", url=database_url).exit_code == 2
    assert run("db", "downgrade", url=database_url).exit_code == 2


@pytest.mark.parametrize("arguments", [("upgrade", "nope"), ("downgrade", "nope", "--yes")])
def test_a_revision_that_there_is_not_is_one_sentence(database_url: str, arguments: tuple[str, ...]) -> None:
    result = run("db", *arguments, url=database_url)
    assert result.exit_code == 1
    assert "broker db history" in result.stderr
    assert result.stderr.count("\n") == 1


def test_current_tells_the_revision(database_url: str) -> None:
    assert run("db", "current", url=database_url).stdout == f"{revision.HEAD} (head)\n"
    assert json.loads(run("db", "current", "--json", url=database_url).stdout) == {
        "revision": revision.HEAD,
        "head": revision.HEAD,
    }


def test_history_needs_no_database() -> None:
    unreachable = f"postgresql://broker@127.0.0.1:{free_port()}/broker"
    listed = run("db", "history", url=unreachable)
    assert (listed.exit_code, listed.stdout.split()[0]) == (0, "0001")
    (first, *_) = json.loads(run("db", "history", "--json", url=unreachable).stdout)
    assert list(first) == ["revision", "previous", "kind", "summary"]
    assert first["previous"] is None


@pytest.mark.parametrize("as_json", [False, True])
def test_check_of_an_empty_database_says_behind(new_database_url: str, as_json: bool) -> None:
    result = run("db", "check", *(["--json"] if as_json else []), url=new_database_url)
    assert result.exit_code == 1
    if as_json:
        assert json.loads(result.stdout) == {
            "state": "behind",
            "revision": None,
            "head": revision.HEAD,
            "can_run": False,
            "differences": [],
        }
    else:
        assert "broker db upgrade" in result.stderr


def test_check_prints_what_differs(own_database_url: str) -> None:
    execute_at(own_database_url, "ALTER TABLE users ADD COLUMN by_hand TEXT", "DROP INDEX ix_audit_events_at")
    result = run("db", "check", url=own_database_url)
    assert result.exit_code == 4
    assert "by_hand" in result.stdout
    assert "ix_audit_events_at" in result.stdout
    told = json.loads(run("db", "check", "--json", url=own_database_url).stdout)
    assert told["state"] == "drifted"
    assert len(told["differences"]) == 2


def test_a_database_of_a_later_release_is_left_alone(own_database_url: str) -> None:
    execute_at(own_database_url, "UPDATE alembic_version SET version_num = '9999b'")
    for *arguments, code in (("upgrade", 1), ("plan", 1), ("downgrade", "base", "--yes", 1), ("check", 3)):
        result = run("db", *arguments, url=own_database_url)
        assert result.exit_code == code
        assert "revision 9999b, which this release does not know" in result.stderr
        assert result.stderr.count("\n") == 1
    assert json.loads(run("db", "check", "--json", url=own_database_url).stdout)["state"] == "ahead"
    assert [
        row["version_num"] for row in rows(own_database_url, text("SELECT version_num FROM alembic_version"))
    ] == ["9999b"]


def test_asking_makes_no_sqlite_file(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/broker.db"
    assert run("db", "current", url=url).stdout == "none\n"
    assert run("db", "check", url=url).exit_code == 1
    assert run("db", "downgrade", "base", "--yes", url=url).exit_code == 1
    assert list(tmp_path.iterdir()) == []


def test_without_a_setting_the_database_is_a_file_in_this_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("db", "upgrade").exit_code == 0
    assert (tmp_path / "broker.db").exists()


@pytest.mark.parametrize("command", [("upgrade",), ("current",), ("check",), ("downgrade", "base", "--yes")])
def test_a_database_that_is_not_there_is_one_sentence(tmp_path: Path, command: tuple[str, ...]) -> None:
    not_a_database = tmp_path / "letter.txt"
    not_a_database.write_text("Dear reader, " * 1000)
    urls = [f"postgresql://broker:{CANARY}@127.0.0.1:{free_port()}/broker", f"sqlite:///{not_a_database}"]
    if command == ("upgrade",):
        urls.append(f"sqlite:///{tmp_path}/no/such/folder/broker.db")
    for url in urls:
        result = run("db", *command, url=url)
        assert result.exit_code == 1
        assert result.stderr.startswith("Error: The database cannot be used (")
        assert result.stderr.count("\n") == 1
        assert CANARY not in result.output


def test_a_wrong_password_is_one_sentence_without_it(postgres: PostgresServer, postgres_url: str) -> None:
    result = run("db", "upgrade", url=postgres_url.replace(postgres.password, CANARY))
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "password authentication failed" in result.stderr
    assert CANARY not in result.output


def test_a_user_who_may_not_make_tables_is_told_so(postgres: PostgresServer, postgres_url: str) -> None:
    postgres.run("DROP SCHEMA public", postgres_url.rpartition("/")[2])
    result = run("db", "upgrade", url=postgres_url)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: The database cannot be used (")
    assert result.stderr.count("\n") == 1


def test_a_bad_address_is_named_and_not_quoted() -> None:
    result = run("db", "current", url=f"mysql://broker:{CANARY}@host/broker")
    assert result.exit_code == 1
    assert "BROKER_DATABASE_URL must start with" in result.stderr
    assert CANARY not in result.output
