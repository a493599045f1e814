"""The ring: made once however many replicas start, the same after a restart, sealed to its row."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import text

from broker.keys import ring
from broker.keys.ring import Ring
from broker.sealing import Sealer, SecretKey, Unsealable, new_secret_key
from broker.store import keys
from broker.store.database import Database, Transaction, connect
from tests.keys.made import NOW, refresh_key, signing_key

SEALER = Sealer([SecretKey(new_secret_key())])


async def load(database: Database, sealer: Sealer = SEALER, *, now: int = NOW) -> Ring:
    """The ring as `serve` loads it."""
    return await ring.load(database, sealer, ["ES256"], now=now)


async def test_the_first_start_makes_one_key_to_sign_and_one_for_refresh_tokens(database: Database) -> None:
    made = await load(database)
    assert [key.alg for key in made.signing] == ["ES256"]
    assert len(made.refresh) == 1
    assert len(made.refresh[0].secret) == 32
    assert made.signer("ES256", now=NOW) is made.signing[0]
    assert made.refresher(now=NOW) is made.refresh[0]


async def test_a_restart_finds_the_same_keys(database: Database) -> None:
    first, again = await load(database), await load(database, now=NOW + 1_000_000)
    assert again.jwks() == first.jwks()
    assert again.refresh == first.refresh
    assert again.signing[0].signs_from == NOW


async def test_replicas_that_start_at_once_agree(database_url: str) -> None:
    databases = [await connect(database_url) for _ in range(3)]
    rings = await asyncio.gather(*(load(database) for database in databases * 4))
    assert {made.signing[0].kid for made in rings} == {rings[0].signing[0].kid}
    assert {made.refresh[0].secret for made in rings} == {rings[0].refresh[0].secret}
    assert all(len(made.signing) == len(made.refresh) == 1 for made in rings)
    for database in databases:
        await database.close()


async def test_an_algorithm_asked_for_later_gets_a_key_beside_the_first(database: Database) -> None:
    first = await load(database)
    wider = await ring.load(database, SEALER, ["EdDSA", "ES256"], now=NOW + 5)
    assert {key.alg for key in wider.signing} == {"ES256", "EdDSA"}
    assert wider.signer("ES256", now=NOW + 5).kid == first.signing[0].kid
    assert len(wider.jwks()["keys"]) == 2


async def test_with_another_secret_key_the_ring_does_not_open(database: Database) -> None:
    await load(database)
    other = SecretKey(new_secret_key())
    with pytest.raises(Unsealable):
        await load(database, Sealer([other]))


async def test_rows_hold_nothing_that_signs(database: Database) -> None:
    made = await load(database)
    for row in await database.read(keys.every):
        public = row.public_jwk or ""
        assert '"d"' not in public
        assert made.refresh[0].secret not in row.sealed_key
        assert row.public_jwk is not None or row.use == "refresh"


async def test_a_sealed_key_opens_in_no_other_row(database: Database) -> None:
    """So that whoever can write the table cannot make an old or foreign key sign under a name we trust."""

    async def rename(tx: Transaction) -> None:
        await tx.run(text("UPDATE signing_keys SET kid = 'another' WHERE \"use\" = 'sig'"))

    await load(database)
    await database.transact(rename)
    with pytest.raises(Unsealable):
        await load(database)


def test_published_are_public_halves_only() -> None:
    made = Ring((signing_key("ES256"), signing_key("RS256"), signing_key("EdDSA")), (refresh_key(),))
    published = made.jwks()["keys"]
    assert [key["alg"] for key in published] == ["ES256", "RS256", "EdDSA"]
    private = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
    assert not any(private & key.keys() for key in published)


def test_a_key_signs_from_its_second_on_and_until_a_younger_one_does() -> None:
    old, new = signing_key(signs_from=NOW), signing_key(signs_from=NOW + 10)
    made = Ring((old, signing_key("EdDSA"), new), (refresh_key(1), refresh_key(2, signs_from=NOW + 10)))
    for now, key, kid in ((NOW, old, "00000001"), (NOW + 9, old, "00000001"), (NOW + 10, new, "00000002")):
        assert made.signer("ES256", now=now) is key
        assert made.refresher(now=now).kid == kid
    assert len(made.jwks()["keys"]) == 3


def test_a_replica_whose_clock_is_behind_uses_the_first_key_all_the_same() -> None:
    made = Ring((signing_key(), signing_key(signs_from=NOW + 10)), (refresh_key(),))
    assert made.signer("ES256", now=NOW - 30) is made.signing[0]
    assert made.refresher(now=NOW - 30) is made.refresh[0]


def test_a_ring_without_the_key_says_so() -> None:
    made = Ring((signing_key("EdDSA"),), ())
    with pytest.raises(LookupError):
        made.signer("ES256", now=NOW)
    with pytest.raises(LookupError):
        made.refresher(now=NOW)


def test_no_key_shows_itself() -> None:
    key = replace(refresh_key(), secret=b"canary" * 6)
    made = Ring((signing_key(),), (key,))
    assert "canary" not in repr(made)
    assert "private" not in repr(made)
