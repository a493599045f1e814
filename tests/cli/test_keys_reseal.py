"""`broker keys reseal`: everything sealed moves to a new secret key, or the command says that it has not."""

import asyncio
import json

import pytest
from sqlalchemy import select

from broker.clock import system_clock
from broker.opaque import Secret
from broker.sealing import Sealer, SecretKey, new_secret_key
from broker.store import resealing, revocations
from broker.store.database import Transaction, connect
from broker.store.revocations import Revocation
from broker.store.schema import accounts, outbox, signing_keys
from broker.upstream.connector import TokenPair
from broker.vault import Vault
from tests.cli.keys_there import keys, one_algorithm, url
from tests.cli.running import rows
from tests.keys.made import DAY
from tests.stage import SECRET_KEY
from tests.store.rows import add_client, authorization, record, sign_in

# Fixtures of this module.
__all__ = ["one_algorithm", "url"]

FAR = 365 * DAY


def sealed_everywhere(url: str, secret: str, many: int = 1) -> None:
    """Pairs of TikTok's tokens of so many people, and one that waits to be revoked, sealed under `secret`."""

    async def fill() -> None:
        database = await connect(url)
        vault = Vault(database, Sealer([SecretKey(secret)]), {}, system_clock)
        await add_client(database)
        pair = TokenPair(
            access_token=Secret("act.canary"),
            refresh_token=Secret("rft.canary"),
            access_expires_at=FAR,
            refresh_expires_at=FAR,
            scopes=("user.info.basic",),
        )
        for number in range(many):
            open_id = f"open{number}"
            account = authorization(open_id=open_id, sealed_tokens=vault.seal(pair, "default", open_id))
            await record(
                database,
                sign_in(
                    account=account,
                    session=f"ses_{number}",
                    id=f"grant{number}",
                    login_digest=b"%d" % number,
                    code_digest=b"%d" % number,
                ),
            )
        revocation = Revocation("rev", "default", "gone", vault.seal(pair, "default", "gone"), FAR, FAR)
        await database.transact(revocations.ask, revocation, now=1)
        await database.close()

    asyncio.run(fill())


def pair_in(sealer: Sealer, sealed: bytes, row: str) -> set[str]:
    return set(json.loads(sealer.open(sealed, purpose="tiktok tokens", row=row)))


def opened(url: str, secret: str) -> set[str]:
    """What the TikTok tokens of everybody are, by this secret key alone."""
    sealer = Sealer([SecretKey(secret)])
    found = set()
    for row in rows(url, select(accounts)):
        found |= pair_in(sealer, bytes(row["sealed_tokens"]), f"{row['registration']} {row['open_id']}")
    for row in rows(url, select(outbox).where(outbox.c.kind == revocations.TIKTOK_REVOCATION)):
        asked = Revocation.of(json.loads(row["payload"]))
        assert asked.access_expires_at == FAR
        found |= pair_in(sealer, asked.sealed_tokens, f"{asked.registration} {asked.open_id}")
    return found


def test_reseal_moves_everything_in_batches_to_the_first_secret_key(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.cli.keys_reseal._BATCH", 2)
    sealed_everywhere(url, SECRET_KEY, many=5)
    new = new_secret_key()
    result = keys(url, "reseal", "--json", BROKER_SECRET_KEYS=f"{new},{SECRET_KEY}")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == {
        "signing_keys": {"moved": 4, "left": 0, "unsealable": 0},
        "accounts": {"moved": 5, "left": 0, "unsealable": 0},
        "outbox": {"moved": 1, "left": 0, "unsealable": 0},
    }
    assert opened(url, new) == {"act.canary", "rft.canary"}
    sealer = Sealer([SecretKey(new)])
    assert all(sealer.is_current(bytes(row["sealed_key"])) for row in rows(url, select(signing_keys)))
    # The old key can go: the next key is made, and everything opens, without it.
    assert keys(url, "rotate", BROKER_SECRET_KEYS=new).exit_code == 0
    again = keys(url, "reseal", "--json", BROKER_SECRET_KEYS=new)
    assert {count["moved"] for count in json.loads(again.stdout).values()} == {0}


def test_reseal_refuses_to_finish_while_something_is_under_a_key_that_is_not_given(url: str) -> None:
    sealed_everywhere(url, SECRET_KEY)
    result = keys(url, "reseal", BROKER_SECRET_KEYS=new_secret_key())
    assert result.exit_code == 1
    assert result.stdout.splitlines()[1:] == [
        "signing_keys  0      4",
        "accounts      0      1",
        "outbox        0      1",
    ]
    assert result.stderr.startswith("Error: Some of it does not open with BROKER_SECRET_KEYS; add the secret key")
    assert opened(url, SECRET_KEY) == {"act.canary", "rft.canary"}


def test_reseal_refuses_to_finish_while_somebody_seals_under_the_old_key(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that has not been restarted with the new key renews a pair whenever it is looked at."""
    sealed_everywhere(url, SECRET_KEY)
    replace = resealing.replace

    async def overtaken(tx: Transaction, table: str, one: resealing.Sealed, value: bytes) -> bool:
        return False if table == resealing.ACCOUNTS else await replace(tx, table, one, value)

    monkeypatch.setattr(resealing, "replace", overtaken)
    result = keys(url, "reseal", BROKER_SECRET_KEYS=f"{new_secret_key()},{SECRET_KEY}")
    assert result.exit_code == 1
    assert "let every broker process have the new key first" in result.stderr
    assert "accounts      0      1" in result.stdout


def test_what_changed_under_its_hands_is_moved_when_it_looks_again(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed_everywhere(url, SECRET_KEY, many=3)
    replace, overtaken = resealing.replace, set[str]()

    async def once(tx: Transaction, table: str, one: resealing.Sealed, value: bytes) -> bool:
        if one.key not in overtaken:
            overtaken.add(one.key)
            return False
        return await replace(tx, table, one, value)

    monkeypatch.setattr(resealing, "replace", once)
    new = new_secret_key()
    result = keys(url, "reseal", BROKER_SECRET_KEYS=f"{new},{SECRET_KEY}")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[1:] == [
        "signing_keys  4      0",
        "accounts      3      0",
        "outbox        1      0",
    ]
    assert opened(url, new) == {"act.canary", "rft.canary"}


def test_a_pair_that_was_renewed_meanwhile_is_not_overwritten(url: str) -> None:
    sealed_everywhere(url, SECRET_KEY)

    async def race() -> None:
        database = await connect(url)
        for table in resealing.TABLES:
            (one, *_) = await database.read(resealing.batch, table, secret_key=b"none", after="", most=9)
            assert await database.run(resealing.replace, table, one, b"renewed")
            assert not await database.run(resealing.replace, table, one, b"resealed")
        await database.close()

    asyncio.run(race())
