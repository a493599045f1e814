"""What `broker doctor` sees in a database: each fault sown and found, with what to do about it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from broker import opaque, sealing
from broker.cli.doctor import clocks
from broker.clock import system_clock
from broker.store import clients
from broker.store.database import connect
from broker.store.revision import HEAD
from tests.by_hand import execute_at
from tests.cli.examining import examine
from tests.stage import SECRET_KEY, HeldClock, free_port

DAY = 86_400


def register(url: str, client_id: str = "cli_app", **metadata: Any) -> None:
    """An app, kept past the rules of registration."""
    given = {"redirect_uris": ["https://app.example/callback"], **metadata}

    async def add() -> None:
        database = await connect(url)
        await database.transact(clients.add, client_id, given, opaque.digest("brs_x"), now=HeldClock().now)
        await database.close()

    asyncio.run(add())


def test_a_good_database_has_nothing_wrong(database_url: str) -> None:
    register(database_url)
    findings = examine(database_url)
    on_postgresql = database_url.startswith("postgresql")
    # The tests' own server does not wait for its disk.
    doubtful = ["issuer", *(["durability"] if on_postgresql else [])]
    assert [check for check, finding in findings.items() if finding.outcome != "ok"] == doubtful
    assert findings["revision"].found.startswith(HEAD)
    # SQLite has no clock of its own.
    assert ("clock" in findings) is on_postgresql


def test_a_server_that_is_not_there_is_a_fault() -> None:
    findings = examine(f"postgresql://broker:canary@127.0.0.1:{free_port()}/broker")
    finding = findings["database"]
    assert finding.outcome == "fault"
    assert finding.found.startswith("The database cannot be used (")
    assert "Check BROKER_DATABASE_URL" in (finding.remedy or "")
    assert "canary" not in str(findings)


def test_a_missing_file_is_a_warning_and_is_not_made(tmp_path: Path) -> None:
    finding = examine(f"sqlite:///{tmp_path}/none.db")["database"]
    assert (finding.outcome, "no file at" in finding.found) == ("warning", True)
    assert "`broker serve` makes it" in (finding.remedy or "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("sown", "words", "remedy"),
    [
        ("UPDATE alembic_version SET version_num = '0001'", "revision 0001", "Run `broker db upgrade`."),
        ("UPDATE alembic_version SET version_num = '9999b'", "revision 9999b", "Run the release that made it"),
        ("DROP TABLE alembic_version", "no tables yet", "Run `broker db upgrade`."),
    ],
)
def test_another_revision_is_a_fault_and_nothing_more_is_asked(
    own_database_url: str, sown: str, words: str, remedy: str
) -> None:
    execute_at(own_database_url, sown)
    findings = examine(own_database_url)
    assert findings["revision"].outcome == "fault"
    assert words in findings["revision"].found
    assert remedy in (findings["revision"].remedy or "")
    assert "tables" not in findings
    assert "signing keys" not in findings


def test_tables_changed_by_hand_are_a_fault(own_database_url: str) -> None:
    execute_at(own_database_url, "ALTER TABLE users ADD COLUMN by_hand TEXT")
    finding = examine(own_database_url)["tables"]
    assert (finding.outcome, finding.found) == ("fault", "not as the program's: remove_column users users.by_hand")
    assert "`broker db check`" in (finding.remedy or "")
    execute_at(own_database_url, "ALTER TABLE users ADD COLUMN by_foot TEXT")
    assert examine(own_database_url)["tables"].found.endswith(", and 1 more")


@pytest.mark.parametrize(
    ("ahead", "outcome", "words"),
    [
        (0, "ok", "agrees"),
        (30, "warning", "ahead of that of the database"),
        (-30, "warning", "behind that of the database"),
        (600, "fault", "600 s ahead"),
    ],
)
def test_the_clock_is_held_against_postgresqls(
    postgres_template: str, ahead: int, outcome: str, words: str
) -> None:
    finding = examine(postgres_template, clock=lambda: system_clock() + ahead)["clock"]
    assert finding.outcome == outcome
    assert words.replace("600", "") in finding.found.replace("600", "").replace("601", "").replace("599", "")
    assert outcome == "ok" or "NTP" in (finding.remedy or "")


@pytest.mark.parametrize(("apart", "outcome"), [(5, "ok"), (6, "warning"), (60, "warning"), (61, "fault")])
@pytest.mark.parametrize("sign", [1, -1])
def test_how_far_clocks_may_be_apart(apart: int, sign: int, outcome: str) -> None:
    assert clocks.compared("clock", "x", theirs=1000, ours=1000 + sign * apart).outcome == outcome


def test_keys_that_do_not_open_are_a_fault(database_url: str) -> None:
    finding = examine(database_url, BROKER_SECRET_KEYS=sealing.new_secret_key())["signing keys"]
    assert finding.outcome == "fault"
    assert "do not open with BROKER_SECRET_KEYS" in finding.found
    assert "Add the secret key under which they were sealed" in (finding.remedy or "")


def test_an_older_secret_key_may_be_behind_the_first(database_url: str) -> None:
    finding = examine(database_url, BROKER_SECRET_KEYS=f"{sealing.new_secret_key()},{SECRET_KEY}")["signing keys"]
    assert (finding.outcome, "must stay in the list" in finding.found) == ("ok", True)


def test_a_damaged_key_is_a_fault(database_url: str) -> None:
    execute_at(database_url, "UPDATE signing_keys SET kid = 'other' WHERE alg = 'ES256' AND number = 1")
    finding = examine(database_url)["signing keys"]
    assert (finding.outcome, "damaged" in finding.found) == ("fault", True)
    assert "from a backup" in (finding.remedy or "")


def test_no_keys_yet_is_well(database_url: str) -> None:
    execute_at(database_url, "DELETE FROM signing_keys")
    findings = examine(database_url)
    assert findings["signing keys"].outcome == "ok"
    assert "key ages" not in findings


def test_a_key_older_than_its_lifetime_is_a_warning(database_url: str) -> None:
    """Which happens only where no broker has run to announce the next."""
    execute_at(database_url, "DELETE FROM signing_keys WHERE number = 2")
    clock = HeldClock()
    clock.advance(90 * DAY)
    assert examine(database_url, clock=clock)["key ages"].outcome == "ok"
    clock.advance(DAY)
    finding = examine(database_url, clock=clock)["key ages"]
    assert finding.outcome == "warning"
    assert finding.found == (
        "older than BROKER_KEY_LIFETIME (90d): "
        "refresh tokens (91d), ES256 (91d), EdDSA (91d), PS256 (91d), RS256 (91d)"
    )
    assert "start `broker serve`" in (finding.remedy or "")
    assert examine(database_url, clock=clock, BROKER_KEY_LIFETIME="100d")["key ages"].outcome == "ok"


def test_the_age_is_that_of_the_key_that_signs(database_url: str) -> None:
    clock = HeldClock()
    clock.advance(91 * DAY)
    assert examine(database_url, clock=clock)["key ages"].outcome == "ok"


def test_tiktok_tokens_that_do_not_open_are_a_fault(database_url: str) -> None:
    stranger = sealing.Sealer([sealing.SecretKey(sealing.new_secret_key())]).seal(b"x", purpose="x", row="x")
    blob = f"X'{stranger.hex()}'" if database_url.startswith("sqlite") else f"'\\x{stranger.hex()}'"
    execute_at(
        database_url,
        "INSERT INTO users (id, union_id, created_at, updated_at) VALUES ('usr_1', 'u', 1, 1)",
        "INSERT INTO accounts (id, user_id, registration, open_id, granted_scope, sealed_tokens, authorized_at, "
        f"created_at) VALUES ('a', 'usr_1', 'default', 'o', 'user.info.basic', {blob}, 1, 1)",
    )
    finding = examine(database_url)["TikTok tokens"]
    assert (finding.outcome, finding.found) == ("fault", "1 of 1 looked at do not open with BROKER_SECRET_KEYS")
    assert "Add the secret key" in (finding.remedy or "")


def test_no_app_is_a_warning(database_url: str) -> None:
    finding = examine(database_url)["apps"]
    assert (finding.outcome, finding.remedy) == ("warning", "Register one with `broker clients add`.")


@pytest.mark.parametrize(
    ("metadata", "outcome", "words", "remedy"),
    [
        ({"registration": "gone"}, "fault", "registration gone, which is not configured", "BROKER_TIKTOK_REGIST"),
        (
            {"required_tiktok_scopes": ["user.info.stats"]},
            "warning",
            "requires user.info.stats, which the registration default does not ask for",
            "Add it to the registration's scopes",
        ),
        (
            {"backchannel_logout_uri": "https://10.0.0.7/logout"},
            "fault",
            "may not call its backchannel_logout_uri: 10.0.0.7 points into a private network",
            "BROKER_ALLOW_PRIVATE_CALLBACKS=on",
        ),
        (
            {"jwks_uri": "http://keys.example/jwks"},
            "fault",
            "may not call its jwks_uri: keys.example must be called by https",
            "Correct jwks_uri with `broker clients update`",
        ),
    ],
)
def test_an_app_that_cannot_work_is_named(
    database_url: str, metadata: dict[str, Any], outcome: str, words: str, remedy: str
) -> None:
    register(database_url, **metadata)
    findings = examine(database_url)
    finding = findings["app cli_app"]
    assert finding.outcome == outcome
    assert words in finding.found
    assert remedy in (finding.remedy or "")
    assert "apps" not in findings
    execute_at(database_url, "UPDATE clients SET disabled_at = 1")
    assert "app cli_app" not in examine(database_url)
