"""`broker clients apply`: the clients become those of the file, all or none, and no secret is printed."""

import contextlib
import io
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import Result
from sqlalchemy import select

from broker import opaque
from broker.cli import clients_file
from broker.cli.clients_add import add
from broker.oauth import client_metadata
from broker.store import client_applying
from broker.store.client_applying import ClientChange, Overtaken
from broker.store.database import Database
from broker.store.schema import audit_events, clients
from tests.cli.running import rows, run
from tests.client_auth.signing import jwk, key
from tests.documentation import ROOT, Page
from tests.journeys.tables import contents
from tests.operators.people import on

SECRET = "canary-0123456789abcdef0123456789abcdef"
WEB = """
[[clients]]
client_id = "web"
name = "Web app"
redirect_uri = "https://app.example/callback"
audience = ["https://api.example"]
client_secret_file = "web.secret"
"""
PHONE = """
[[clients]]
client_id = "phone"
client_name = "Phone app"
redirect_uris = ["https://phone.example/callback", "com.example.phone:/callback"]
public = true
scope = ["openid", "profile"]
"""
Apply = Callable[..., Result]


@pytest.fixture
def apply(database_url: str, tmp_path: Path) -> Apply:
    """`broker clients apply` of a file with this content."""
    (tmp_path / "web.secret").write_text(SECRET + "\n")

    def applied(content: str, *arguments: str) -> Result:
        file = tmp_path / "clients.toml"
        file.write_text(content)
        result = run("clients", "apply", str(file), *arguments, url=database_url)
        assert isinstance(result.exception, SystemExit | None), result.exception
        assert SECRET not in result.output
        assert "brs_" not in result.output
        return result

    return applied


def kept(url: str) -> dict[str, Any]:
    return {row["client_id"]: row for row in rows(url, select(clients))}


def events(url: str) -> list[str]:
    return sorted(f"{row['event']} {row['client_id']}" for row in rows(url, select(audit_events)))


def test_the_file_is_made_true_and_the_second_time_changes_nothing(database_url: str, apply: Apply) -> None:
    first = apply(WEB + PHONE)
    assert first.exit_code == 0, first.output
    there = kept(database_url)
    assert bytes(there["web"]["secret_digest"]) == opaque.digest(SECRET)
    assert there["phone"]["secret_digest"] is None
    phone = json.loads(there["phone"]["client_metadata"])
    assert (phone["token_endpoint_auth_method"], phone["scope"]) == ("none", "openid profile")
    assert phone["redirect_uris"] == ["https://phone.example/callback", "com.example.phone:/callback"]
    # What `clients add` would have kept.
    web = json.loads(there["web"]["client_metadata"])
    given = {
        "client_name": "Web app",
        "redirect_uris": ["https://app.example/callback"],
        "audience": ["https://api.example"],
    }
    assert web == client_metadata.complete(given)
    assert events(database_url) == ["client.added phone", "client.added web"]
    before = on(database_url, contents)
    second = apply(WEB + PHONE)
    assert (second.exit_code, second.stdout, second.stderr) == (0, "", "Nothing to change.\n")
    assert on(database_url, contents) == before


def test_the_file_on_the_page_does_what_the_page_says(database_url: str, apply: Apply, tmp_path: Path) -> None:
    (content,) = Page(ROOT / "docs/operations/clients.md").blocks("toml")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/web").write_text(SECRET)
    assert apply(content, "--check").exit_code == 1
    assert apply(content).exit_code == 0
    assert set(kept(database_url)) == {"web", "phone"}
    assert apply(content, "--check").exit_code == 0


def test_the_difference_is_told_first_and_a_dry_run_ends_there(database_url: str, apply: Apply) -> None:
    apply(WEB + PHONE)
    changed = WEB.replace("Web app", "Shop").replace('["https://api.example"]', '["https://two.example"]')
    before = on(database_url, contents)
    for option, code in (("--dry-run", 0), ("--check", 1)):
        tried = apply(changed, option)
        assert tried.exit_code == code
        assert tried.stdout.splitlines() == [
            "~ web (Shop)",
            "    client_name: Web app → Shop",
            "    audience: - https://api.example",
            "    audience: + https://two.example",
        ]
        assert "left alone without --prune: phone." in tried.stderr
    told = json.loads(apply(changed, "--dry-run", "--json").stdout)
    assert told == {
        "differences": [
            {
                "client_id": "web",
                "kind": "change",
                "names": {
                    "client_name": {"before": "Web app", "after": "Shop"},
                    "audience": {"before": ["https://api.example"], "after": ["https://two.example"]},
                },
                "secret": None,
                "disabled": None,
            }
        ],
        "not_in_file": ["phone"],
        "applied": False,
    }
    assert on(database_url, contents) == before
    done = apply(changed)
    assert (done.exit_code, done.stdout) == (0, tried.stdout)
    assert "Done: 0 added, 1 changed, 0 removed.\n" in done.stderr
    assert (kept(database_url)["web"]["version"], apply(changed, "--check").exit_code) == (2, 0)


def test_what_the_file_does_not_say_goes_back_but_not_who_is_disabled(database_url: str, apply: Apply) -> None:
    apply(WEB)
    run("clients", "disable", "web", url=database_url)
    run("clients", "update", "web", "--no-pkce", "--audience", "https://other.example", url=database_url)
    assert "no_pkce: true" in apply(WEB).stdout
    assert "no_pkce" not in kept(database_url)["web"]["client_metadata"]
    assert kept(database_url)["web"]["disabled_at"] is not None
    assert "enabled again" in apply(f"{WEB}disabled = false").stdout
    assert kept(database_url)["web"]["disabled_at"] is None
    assert "    disabled\n" in apply(f"{WEB}disabled = true").stdout
    assert apply(f"{WEB}disabled = true").stdout == ""


def test_a_secret_that_must_be_made_goes_to_a_file_and_nowhere_else(
    database_url: str, apply: Apply, tmp_path: Path
) -> None:
    content = WEB.replace('client_secret_file = "web.secret"', "")
    refused = apply(content)
    assert (refused.exit_code, "--secrets-to FILE" in refused.stderr) == (1, True)
    assert kept(database_url) == {}
    file = tmp_path / "made.json"
    assert "secret: made by the broker" in apply(content, "--secrets-to", str(file)).stdout
    made = json.loads(file.read_text())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert bytes(kept(database_url)["web"]["secret_digest"]) == opaque.digest(made["web"])
    # It stays, and is not made again; nor is a file that is there written over.
    assert apply(content).stderr == "Nothing to change.\n"
    again = apply(content.replace('"web"', '"more"'), "--secrets-to", str(file))
    assert (again.exit_code, "is there already" in again.stderr) == (1, True)
    assert json.loads(file.read_text()) == made
    assert set(kept(database_url)) == {"web"}


def test_a_secret_is_replaced_through_its_file(database_url: str, apply: Apply, tmp_path: Path) -> None:
    apply(WEB)
    (tmp_path / "web.secret").write_text(SECRET[::-1])
    result = apply(WEB, "--keep", "24h")
    assert result.stdout.splitlines() == ["~ web (Web app)", "    secret: another one"]
    row = kept(database_url)["web"]
    assert bytes(row["secret_digest"]) == opaque.digest(SECRET[::-1])
    assert bytes(row["previous_secret_digest"]) == opaque.digest(SECRET)
    assert row["previous_secret_until"] == row["updated_at"] + 86_400
    assert "client.secret_rotated web" in events(database_url)


def test_nobody_is_removed_without_prune_and_a_yes(database_url: str, apply: Apply) -> None:
    apply(WEB + PHONE)
    asked = apply(WEB, "--prune")
    assert asked.exit_code == 1
    assert "- phone (Phone app)\n" in asked.stdout
    assert "This deletes phone and their grants (0)" in asked.stderr
    assert "--yes" in asked.stderr
    assert set(kept(database_url)) == {"web", "phone"}
    assert apply(WEB, "--prune", "--yes").exit_code == 0
    assert set(kept(database_url)) == {"web"}
    assert "client.removed phone" in events(database_url)


@pytest.mark.parametrize(
    ("content", "faults"),
    [
        ("", ["It must hold [[clients]] tables and nothing else."]),
        ("clients = []", ["It holds no [[clients]] table."]),
        ('[[client]]\nclient_id = "x"', ["It must hold [[clients]] tables and nothing else."]),
        ("[[clients]\n", ["It is not valid TOML at line 1; mend it."]),
        ('[[clients]]\nname = "x"', ["client 1: client_id is missing"]),
        (
            '[[clients]]\nclient_id = "usr_x"\npublic = 3',
            ["usr_x: client_id must not", "usr_x: disabled and public"],
        ),
        (f'{WEB}client_secret = "{SECRET}"', ["web: client_secret must not stand here"]),
        (f"{WEB}{WEB}", ["web: it stands there twice."]),
        (f'{WEB}client_name = "y"', ["web: client_name is given twice"]),
        (f"{WEB}public = true\nauth_method = 'client_secret_post'", ["web: public means the auth method none"]),
        (f"{WEB}public = true", ["web: client_secret_file is of no use"]),
        (WEB.replace("web.secret", "missing"), ["web: client_secret_file names"]),
        (WEB.replace("web.secret", "clients.toml"), ["web: client_secret_file must hold 32 to 255 random"]),
        (f'{WEB}jwks = "web.secret"', ["web: jwks names"]),
        (f"{WEB}scope = 7\nfrobnicate = 1", ["web: frobnicate is not a name", "web: scope has a value of"]),
        (
            WEB.replace("https://app", "http://app") + PHONE + "no_pkce = true",
            ["web: The redirect URI must use https", "phone: PKCE can be waived"],
        ),
        (f'{WEB}backchannel_logout_uri = "https://10.0.0.1/x"', ["web: ", "BROKER_ALLOW_PRIVATE_CALLBACKS"]),
    ],
)
def test_every_fault_is_told_and_nothing_is_done(
    database_url: str, apply: Apply, content: str, faults: list[str]
) -> None:
    result = apply(content)
    assert result.exit_code == 1
    for fault in faults:
        assert fault in result.stderr
    assert kept(database_url) == {}


def test_a_file_without_an_end_is_not_read_to_it(apply: Apply, monkeypatch: pytest.MonkeyPatch) -> None:
    given = io.BytesIO(b"#" * 3_000_000)
    monkeypatch.setattr(click, "open_file", lambda *_: contextlib.nullcontext(given))
    result = apply(WEB)
    assert (result.exit_code, "larger than 1 MiB" in result.stderr) == (1, True)
    assert given.tell() < 1_100_000


def test_keys_may_lie_beside_the_file(database_url: str, apply: Apply, tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text(json.dumps(jwk(key("ES256"))))
    bank = WEB.replace('client_secret_file = "web.secret"', 'auth_method = "private_key_jwt"\njwks = "keys.json"')
    assert apply(bank).exit_code == 0
    assert json.loads(kept(database_url)["web"]["client_metadata"])["jwks"] == {"keys": [jwk(key("ES256"))]}


def test_every_option_of_add_has_a_name_in_the_file() -> None:
    spelled = {
        option.opts[0].removeprefix("--").replace("-", "_"): option.name
        for option in add.params
        if isinstance(option, click.Option)
    }
    # A file of its own, output, and what the table says itself.
    for elsewhere in ("metadata", "json", "client_id", "public"):
        del spelled[elsewhere]
    named = client_metadata.with_defaults({})
    assert {name: clients_file.OPTIONS.get(name, name) for name in spelled} == spelled
    assert set(spelled.values()) <= set(named)


async def test_somebody_else_was_quicker_and_nothing_is_done(database: Database) -> None:
    metadata = {"redirect_uris": ["https://app.example/callback"]}
    changes = [ClientChange("a", None, metadata), ClientChange("b", None, metadata)]
    await database.transact(client_applying.apply, changes, old_until=1, now=1)
    for late in (
        ClientChange("b", None, metadata),
        ClientChange("b", 2, removed=True),
        ClientChange("gone", 1, metadata),
    ):
        with pytest.raises(Overtaken, match=late.client_id):
            await database.transact(
                client_applying.apply, [ClientChange("a", 1, disabled=True), late], old_until=1, now=2
            )
    assert [row["version"] for row in (await contents(database))["clients"]] == [1, 1]


def test_secrets_of_nobody_are_taken_away_again(
    database_url: str, apply: Apply, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def overtaken(*_: object, **_more: object) -> None:
        raise Overtaken("web")

    monkeypatch.setattr(client_applying, "apply", overtaken)
    file = tmp_path / "made.json"
    result = apply(WEB.replace('client_secret_file = "web.secret"', ""), "--secrets-to", str(file))
    assert (result.exit_code, file.exists()) == (1, False)
    assert "web was changed by somebody else meanwhile; nothing was changed." in result.stderr
    assert kept(database_url) == {}
