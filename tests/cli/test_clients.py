"""`broker clients`: list, show, rotate-secret, disable, enable, remove."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from broker import opaque
from broker.store import migrations
from broker.store.schema import audit_events, clients, grants
from tests.by_hand import execute_at
from tests.cli.running import rows, run
from tests.stage import free_port

REDIRECT = "https://app.example/callback"
CANARY = "canary-password"


@pytest.fixture
def client(database_url: str) -> dict[str, Any]:
    """A confidential client, as `clients add --json` told of it."""
    result = run(
        "clients", "add", "My app", "--redirect-uri", REDIRECT, "--client-id", "mine", "--json", url=database_url
    )
    response: dict[str, Any] = json.loads(result.stdout)
    return response


def kept(url: str) -> Any:
    (row,) = rows(url, select(clients))
    return row


def events(url: str) -> list[tuple[str, str, str]]:
    found = rows(url, select(audit_events))
    return sorted((event["event"], event["actor"].partition(":")[0], event["client_id"]) for event in found)


def test_list_is_an_aligned_table_without_secrets(database_url: str, client: dict[str, Any]) -> None:
    later = ("--public", "--redirect-uri", REDIRECT, "--client-id", "yours")
    run("clients", "add", "A longer name", *later, url=database_url)
    run("clients", "disable", "mine", url=database_url)
    result = run("clients", "list", url=database_url)
    assert (result.exit_code, result.stderr) == (0, "")
    head, first, second = result.stdout.splitlines()
    assert first.startswith("mine ")
    assert first[head.index("NAME") :].startswith("My app ")
    assert second[head.index("NAME") :].startswith("A longer name ")
    assert first[head.index("STATE") :].startswith("disabled")
    assert second[head.index("STATE") :].startswith("enabled")
    assert client["client_secret"] not in result.output


def test_list_as_json_has_the_metadata_of_each(database_url: str, client: dict[str, Any]) -> None:
    (listed,) = json.loads(run("clients", "list", "--json", url=database_url).stdout)
    del client["client_secret"], client["client_secret_expires_at"]
    assert listed == {**client, "disabled_at": None}


def test_no_client_is_an_empty_list_and_a_hint(database_url: str) -> None:
    assert json.loads(run("clients", "list", "--json", url=database_url).stdout) == []
    result = run("clients", "list", url=database_url)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "broker clients add" in result.stderr


def test_show_tells_everything_but_the_secret(database_url: str, client: dict[str, Any]) -> None:
    result = run("clients", "show", "mine", url=database_url)
    assert result.exit_code == 0
    for word in ("mine", "My app", REDIRECT, "client_secret_basic", "authorization_code", "enabled"):
        assert word in result.stdout
    assert client["client_secret"] not in result.stdout
    shown = json.loads(run("clients", "show", "mine", "--json", url=database_url).stdout)
    assert [shown] == json.loads(run("clients", "list", "--json", url=database_url).stdout)


def test_names_cannot_move_the_terminals_cursor(database_url: str) -> None:
    name = "\x1b[2Jevil\nname\u202e"
    run("clients", "add", name, "--redirect-uri", REDIRECT, "--client-id", "evil", url=database_url)
    for arguments in (("list",), ("show", "evil"), ("remove", "evil")):
        result = run("clients", *arguments, url=database_url)
        assert not set("\x1b\u202e") & set(result.output)
        assert r"\x1b[2Jevil\nname\u202e" in result.output


@pytest.mark.parametrize("as_json", [False, True])
def test_rotate_secret_prints_the_new_one_and_voids_the_old(
    database_url: str, client: dict[str, Any], as_json: bool
) -> None:
    before = kept(database_url)
    result = run("clients", "rotate-secret", "mine", *(["--json"] if as_json else []), url=database_url)
    assert result.exit_code == 0
    if as_json:
        told = json.loads(result.stdout)
        assert list(told) == ["client_id", "client_secret", "client_secret_expires_at"]
        secret = told["client_secret"]
    else:
        secret = dict(line.split() for line in result.stdout.splitlines())["client_secret"]
        assert "old secret is void" in result.stderr
    assert secret not in (client["client_secret"], result.stderr)
    after = kept(database_url)
    assert bytes(after["secret_digest"]) == opaque.digest(secret)
    assert after["version"] == before["version"] + 1
    assert ("client.secret_rotated", "operator", "mine") in events(database_url)


def test_a_public_client_has_no_secret_to_rotate(database_url: str) -> None:
    run("clients", "add", "Tab", "--public", "--redirect-uri", REDIRECT, "--client-id", "tab", url=database_url)
    result = run("clients", "rotate-secret", "tab", url=database_url)
    assert result.exit_code == 1
    assert "public client" in result.stderr
    assert kept(database_url)["secret_digest"] is None


def test_disable_and_enable_hold_at_once_and_say_when_nothing_changed(
    database_url: str, client: dict[str, Any]
) -> None:
    version = kept(database_url)["version"]
    for command, word, disabled in (("disable", "disabled", True), ("enable", "enabled", False)):
        first = run("clients", command, "mine", url=database_url)
        assert (first.exit_code, first.stdout) == (0, f"mine is {word}.\n")
        assert (kept(database_url)["disabled_at"] is not None) is disabled
        again = run("clients", command, "mine", url=database_url)
        assert (again.exit_code, again.stdout) == (0, f"mine was {word} already.\n")
    assert kept(database_url)["version"] == version + 2
    assert events(database_url) == [
        ("client.added", "operator", "mine"),
        ("client.disabled", "operator", "mine"),
        ("client.enabled", "operator", "mine"),
    ]


def with_a_grant(url: str) -> None:
    """One person signed in to the client."""
    statements = (
        "INSERT INTO users (id, union_id, created_at, updated_at) VALUES ('u', 'union', 1, 1)",
        "INSERT INTO accounts (id, user_id, registration, open_id, granted_scope, authorized_at, created_at)"
        " VALUES ('a', 'u', 'default', 'open', '', 1, 1)",
        "INSERT INTO grants (id, client_id, user_id, account_id, login_digest, code_digest, code_expires_at,"
        " redirect_uri, scope, resources, offline, auth_time, created_at, expires_at, generation)"
        " SELECT 'g', client_id, 'u', 'a', secret_digest, secret_digest, 1, 'r', '', '', 0, 1, 1, 1, 0"
        " FROM clients",
    )
    execute_at(url, *statements)


def test_remove_says_what_it_ends_and_needs_a_yes(database_url: str, client: dict[str, Any]) -> None:
    with_a_grant(database_url)
    asked = run("clients", "remove", "mine", url=database_url)
    assert asked.exit_code == 1
    assert "its grants (1)" in asked.stderr
    assert "--yes" in asked.stderr
    assert asked.stderr.count("\n") == 1
    assert kept(database_url)["client_id"] == client["client_id"]
    done = run("clients", "remove", "mine", "--yes", url=database_url)
    assert (done.exit_code, done.output) == (0, "mine is removed.\n")
    assert rows(database_url, select(clients)) == rows(database_url, select(grants)) == []
    assert ("client.removed", "operator", "mine") in events(database_url)


@pytest.mark.parametrize("command", ["show", "rotate-secret", "disable", "enable", "remove"])
def test_an_unknown_client_is_one_sentence(database_url: str, command: str) -> None:
    result = run("clients", command, "no\x1bbody", url=database_url)
    assert result.exit_code == 1
    assert result.stderr == (
        r"Error: There is no client no\x1bbody; `broker clients list` shows those that there are." "\n"
    )
    assert events(database_url) == []


@pytest.mark.parametrize("command", [("list",), ("show", "x"), ("add", "My app", "--redirect-uri", REDIRECT)])
def test_no_database_no_tables_or_no_server_are_one_sentence(tmp_path: Path, command: tuple[str, ...]) -> None:
    other = tmp_path / "other.db"
    migrations.upgrade(f"sqlite:///{other}")
    migrations.downgrade(f"sqlite:///{other}", "base")
    for url, words in (
        (f"sqlite:///{tmp_path}/missing.db", "make it with `broker db upgrade`"),
        (f"sqlite:///{other}", "has no tables yet; run `broker db upgrade`"),
        (f"postgresql://broker:{CANARY}@127.0.0.1:{free_port()}/broker", "check BROKER_DATABASE_URL"),
    ):
        result = run("clients", *command, url=url)
        assert result.exit_code == 1
        assert words in result.stderr
        assert result.stderr.count("\n") == 1
        assert CANARY not in result.output
    assert not (tmp_path / "missing.db").exists()
