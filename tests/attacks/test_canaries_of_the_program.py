"""What commands print: no secret but a new one, once, whatever is planted in settings and tables."""

import asyncio
import json
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner, Result

from broker import sealing, settings
from broker.cli.main import broker
from broker.store.database import connect
from tests.attacks.attacker import pushed, signed_in
from tests.client_auth.signing import jwk, key
from tests.journeys.tables import Contents, contents
from tests.stage import (
    PUBLIC,
    SECRET_KEY,
    VERIFIER,
    WEB,
    WEB_SECRET,
    HeldClock,
    answer_in,
    environment,
    running_stage,
)

REDIRECT = "https://app.example/callback"
CANARY = "canary0a1b2c3d4e5f60718"
SECRET = re.compile(r"brs_\w{40,}")


TABLE = '[[clients]]\nclient_id = "mine"\nredirect_uri = "https://other.example/"\n'


class Program:
    """Commands in this process, under settings full of secrets; nothing of `canaries` may be printed."""

    def __init__(self, database_url: str, folder: Path) -> None:
        registrations = folder / "registrations.toml"
        registrations.write_text(
            f'[[registrations]]\nname = "two"\nclient_key = "sbawkey"\nclient_secret = "{CANARY}-two"\n'
        )
        further = sealing.new_secret_key()
        self.canaries = {further, SECRET_KEY, CANARY}
        self.environ = environment(
            "http://127.0.0.1:8000",
            database_url,
            "http://127.0.0.1:8001",
            BROKER_SECRET_KEYS=f"{SECRET_KEY},{further}",
            BROKER_TIKTOK_CLIENT_SECRET=f"{CANARY}-one",
            BROKER_TIKTOK_REGISTRATIONS=str(registrations),
        )
        if password := urlsplit(database_url).password:
            self.canaries.add(password)

    def run(self, *arguments: str, given: str | None = None, **changes: str | None) -> Result:
        result = CliRunner().invoke(
            broker, arguments, input=given, env={**self.environ, **changes}, prog_name="broker"
        )
        assert result.exception is None or isinstance(result.exception, SystemExit), arguments
        for canary in self.canaries:
            assert canary not in result.output, (arguments, canary[:12])
        return result

    def told_once(self, *arguments: str) -> str:
        """The new secret that this command prints, once; from now on nothing may show it."""
        result = self.run(*arguments)
        (secret,) = SECRET.findall(result.output)
        assert secret in result.stdout
        self.canaries.add(secret)
        return str(secret)


@pytest.fixture
def program(file_url: str, tmp_path: Path) -> Program:
    """On a database in which there are keys, and nothing else."""
    return Program(file_url, tmp_path)


@pytest.fixture
def used(database_url: str, tmp_path: Path) -> Program:
    """Its database has seen a sign-in, a pushed request and a code used twice."""
    ready = Program(database_url, tmp_path)
    ready.canaries |= asyncio.run(live(database_url))
    return ready


async def live(database_url: str) -> set[str]:
    """A day in the life of the database; the secrets that were handed out meanwhile."""
    async with running_stage(database_url, HeldClock()) as stage:
        browser, tokens = await signed_in(stage)
        code = answer_in((await stage.authorize(browser, stage.question())).headers["location"])["code"]
        handed = {tokens[name] for name in ("access_token", "refresh_token", "id_token")}
        handed |= {code, browser.cookies["broker_session"], await pushed(stage)}
        handed |= {*stage.world.grants._by_access_token, *stage.world.grants._by_refresh_token}
        await stage.redeem(code)
        await stage.redeem(code)
    return handed | {WEB_SECRET, VERIFIER}


async def everything(url: str) -> Contents:
    database = await connect(url)
    try:
        return await contents(database)
    finally:
        await database.close()


def columns(kept: Contents) -> Iterator[tuple[str, bytes]]:
    """Every value of every column of every row, by table and column."""
    for table, rows in kept.items():
        for row in rows:
            for column, value in row.items():
                yield f"{table}.{column}", value if isinstance(value, bytes) else str(value).encode()


def test_no_command_shows_a_secret_but_the_new_one_once_and_no_column_holds_any(used: Program) -> None:
    run, new = used.run, used.told_once
    first = new("clients", "add", "Mine", "--redirect-uri", REDIRECT, "--client-id", "mine")
    new("clients", "add", "Yours", "--redirect-uri", REDIRECT, "--client-id", "yours", "--json")
    assert first != new("clients", "rotate-secret", "mine", "--keep", "24h")
    new("clients", "rotate-secret", "mine", "--json")
    run("clients", "add", "Tab", "--public", "--redirect-uri", "http://127.0.0.1/cb", "--client-id", "tab")
    new("clients", "update", "tab", "--auth-method", "client_secret_post")
    (somebody,) = asyncio.run(everything(used.environ["BROKER_DATABASE_URL"]))["users"]
    sub, union_id = somebody["id"], somebody["union_id"]
    assert run("users", "import", "-", "--format", "csv", given="open_id,blocked\nopen-old,yes\n").exit_code == 0
    assert run("clients", "apply", "-", "--dry-run", "--prune", given=TABLE).exit_code == 0
    for arguments, code in (
        (("users", "list"), 0),
        (("users", "list", "--waiting", "--json"), 0),
        (("users", "export", "open-old"), 0),
        (("explain", "mine"), 0),
        (("explain", WEB, "--json"), 0),
        (("users", "list", "--json"), 0),
        (("users", "show", sub), 0),
        (("users", "show", union_id, "--json"), 0),
        (("users", "export", sub), 0),
        (("users", "erase", sub), 1),
        (("users", "show", "nobody"), 1),
        (("users", "block", sub, "--yes"), 0),
        (("users", "unblock", sub), 0),
        # The pair waits for TikTok in the outbox, sealed.
        (("users", "disconnect", sub, "--yes"), 0),
        (("audit",), 0),
        (("audit", "--user", union_id, "--json"), 0),
        (("purge", "--json"), 0),
        (("clients", "update", WEB, "--name", "Web"), 0),
        (("clients", "update", PUBLIC, "--name", "Device"), 0),
        (("clients", "list"), 0),
        (("clients", "list", "--json"), 0),
        (("clients", "show", "mine"), 0),
        (("clients", "show", WEB, "--json"), 0),
        (("clients", "update", "mine", "--name", "Ours", "--json"), 0),
        (("clients", "update", "tab", "--name", "Tabs"), 0),
        (("clients", "disable", "yours"), 0),
        (("clients", "enable", "yours"), 0),
        (("clients", "remove", "yours"), 1),
        (("clients", "remove", "yours", "--yes"), 0),
        (("clients", "show", "nobody"), 1),
        (("db", "current", "--json"), 0),
        (("db", "check"), 0),
        (("db", "check", "--json"), 0),
        (("db", "history"), 0),
        (("db", "upgrade"), 0),
        (("db", "downgrade", "base"), 1),
        (("serve", "--port", "0", "--workers", "0"), 2),
        (("secret",), 0),
    ):
        assert run(*arguments, given="no\n").exit_code == code, arguments
    kept = asyncio.run(everything(used.environ["BROKER_DATABASE_URL"]))
    unused = ("spent_ids", "avatars", "webhook_deliveries", "deleted_grants", "imported_people", "leases")
    assert all(rows for table, rows in kept.items() if table not in unused)
    for where, value in columns(kept):
        for canary in used.canaries:
            assert canary.encode() not in value, (where, canary[:12])


def test_secrets_in_a_file_of_metadata_are_neither_printed_nor_kept(program: Program) -> None:
    """An operator may feed it a registration response, or the wrong half of a key."""
    private: dict[str, Any] = jwk(key("ES256"), secret=True)
    program.canaries.add(private["d"])
    keys = {"redirect_uris": [REDIRECT], "token_endpoint_auth_method": "private_key_jwt"}
    response = {"client_name": "App", "redirect_uris": [REDIRECT], "client_secret": f"brs_{CANARY}"}
    program.run("clients", "add", "--client-id", "fed", "--metadata", "-", "--json", given=json.dumps(response))
    for jwks in ({"keys": [private]}, {"keys": private}, {"keys": [{"kty": "oct", "k": CANARY}]}):
        given = json.dumps({"client_name": "App", **keys, "jwks": jwks})
        assert program.run("clients", "add", "--metadata", "-", given=given).exit_code == 1
    given = '{"client_name": "App", "client_secret": "' + CANARY
    assert program.run("clients", "add", "--metadata", "-", given=given).exit_code != 0
    for where, value in columns(asyncio.run(everything(program.environ["BROKER_DATABASE_URL"]))):
        assert CANARY.encode() not in value, where


BAD: dict[str, dict[str, str | None]] = {
    "another database": {"BROKER_DATABASE_URL": f"mysql://ann:{CANARY}@host/broker"},
    "no port": {"BROKER_DATABASE_URL": f"postgresql://ann:pass@host:{CANARY}/broker"},
    "an unquoted #": {"BROKER_DATABASE_URL": f"postgresql://ann:{CANARY}#{CANARY}@host/broker"},
    "an unquoted /": {"BROKER_DATABASE_URL": f"postgresql://ann:{CANARY}/{CANARY}@host/broker"},
    "an unquoted [": {"BROKER_DATABASE_URL": f"postgresql://ann:{CANARY}[{CANARY}@host/broker"},
    "an unquoted @": {"BROKER_DATABASE_URL": f"postgresql://ann:{CANARY}@{CANARY}@127.0.0.1:1/broker"},
    "nobody there": {"BROKER_DATABASE_URL": f"postgresql://ann:{CANARY}@127.0.0.1:1/broker"},
    "in the query": {"BROKER_DATABASE_URL": f"postgresql://127.0.0.1:1/broker?user=ann&password={CANARY}"},
    "a short key": {"BROKER_SECRET_KEYS": CANARY},
    "a second bad key": {"BROKER_SECRET_KEYS": f"{SECRET_KEY},{CANARY}"},
    "another key": {"BROKER_SECRET_KEYS": sealing.new_secret_key()},
    "a secret with a space": {"BROKER_TIKTOK_CLIENT_SECRET": f"{CANARY} {CANARY}"},
    "twice": {"BROKER_TIKTOK_CLIENT_SECRET_FILE": f"/nowhere/{secrets.token_hex(4)}"},
    "an unknown name": {"BROKER_TIKTOK_SECRET": CANARY},
    "a secret as key": {"BROKER_TIKTOK_CLIENT_KEY": f"{CANARY}\n"},
    "a secret as issuer": {"BROKER_ISSUER": f"https://ann:{CANARY}@id.example.com"},
}


@pytest.mark.parametrize("bad", BAD)
def test_what_cannot_be_used_is_named_and_not_quoted(program: Program, bad: str) -> None:
    """Of whatever is wrong the message says which setting it is; a traceback would have no mercy."""
    changes = BAD[bad]
    (name,) = changes
    commands: list[tuple[str, ...]] = [("serve", "--port", "0")]
    if name == "BROKER_DATABASE_URL":
        commands += [("clients", "list"), ("db", "current"), ("db", "upgrade")]
    for command in commands:
        result = program.run(*command, **changes)
        assert result.exit_code == 1
        assert name.removesuffix("_FILE") in result.stderr
        assert "Traceback" not in result.output


def test_settings_in_effect_are_shown_masked(program: Program) -> None:
    loaded = settings.load(program.environ)
    shown = repr(settings.effective(loaded)) + repr(loaded) + str(loaded)
    for canary in program.canaries:
        assert canary not in shown, canary[:12]
    assert "***" in shown
