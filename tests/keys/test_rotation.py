"""The keeping of the ring: made once however many replicas look, noticed everywhere, sealed to its rows."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import orjson
import pytest

from broker.keys import making
from broker.keys.ring import Ring
from broker.keys.rotation import Rotation
from broker.keys.schedule import Rules
from broker.sealing import Sealer, SecretKey, Unsealable, new_secret_key
from broker.store import keys
from broker.store.database import Database, connect
from tests.by_hand import execute
from tests.emptied import empty_database_url as database_url
from tests.keys.made import DAY, NOW, RULES, ring_in, signing_key
from tests.stage import HeldClock

# Databases emptied before each test.
__all__ = ["database_url"]

T = TypeVar("T")
SEALER = Sealer([SecretKey(new_secret_key())])
ALGS = ("ES256",)


def rotation(database: Database, clock: HeldClock | None = None, **changes: Any) -> Rotation:
    """A keeper as `serve` has one."""
    known: dict[str, Any] = {"sealer": SEALER, "algs": ALGS, "rules": RULES, "clock": clock or HeldClock(NOW)}
    return Rotation(database, **known | changes)


async def test_the_first_start_makes_a_key_to_sign_and_one_for_refresh_tokens_and_the_next_of_each(
    database: Database,
) -> None:
    made = await rotation(database).begin()
    assert [key.alg for key in made.signing] == ["ES256", "ES256"]
    assert [len(key.secret) for key in made.refresh] == [32, 32]
    for its in (made.signing, made.refresh):
        assert [key.signs_from for key in its] == [NOW, NOW + 90 * DAY]
    assert made.signer("ES256", now=NOW + 90 * DAY - 1) is made.signing[0]
    assert made.signer("ES256", now=NOW + 90 * DAY) is made.signing[1]
    assert made.refresher(now=NOW) is made.refresh[0]
    assert len(made.jwks()["keys"]) == 2


async def test_a_look_makes_one_key_so_that_the_next_is_not_late(database: Database) -> None:
    keeper = rotation(database)
    for there in (1, 2, 3, 4, 4):
        await keeper.look()
        assert len(await database.read(keys.look)) == there


async def test_keys_are_made_and_opened_away_from_the_loop_that_answers_requests(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []

    def noting(function: Callable[..., T]) -> Callable[..., T]:
        def noted(*args: Any, **more: Any) -> T:
            threads.append(threading.get_ident())
            return function(*args, **more)

        return noted

    monkeypatch.setattr("broker.keys.rotation.made", noting(making.made))
    monkeypatch.setattr("broker.keys.rotation.opened", noting(making.opened))
    await rotation(database).look()
    await rotation(database).begin()
    assert len(threads) > 4
    assert threading.get_ident() not in threads


async def test_a_restart_finds_the_same_keys(database: Database) -> None:
    first = await rotation(database).begin()
    again = await rotation(database, HeldClock(NOW + DAY)).begin()
    assert (again.jwks(), again.refresh) == (first.jwks(), first.refresh)
    assert again.signing[0].signs_from == NOW


async def test_replicas_that_start_at_once_agree(database_url: str) -> None:
    databases = [await connect(database_url) for _ in range(3)]
    rings = await asyncio.gather(*(rotation(database).begin() for database in databases * 4))
    assert {made.signing[0].kid for made in rings} == {rings[0].signing[0].kid}
    assert {made.refresh[0].secret for made in rings} == {rings[0].refresh[0].secret}
    assert all(len(made.signing) == len(made.refresh) == 2 for made in rings)
    assert all(made.jwks() == rings[0].jwks() for made in rings)
    for database in databases:
        await database.close()


async def test_of_replicas_that_rotate_at_once_one_announces(database_url: str) -> None:
    databases = [await connect(database_url) for _ in range(3)]
    clock = HeldClock(NOW)
    keepers = [rotation(database, clock) for database in databases * 3]
    await keepers[0].begin()
    for keeper in keepers:
        await keeper.begin()
    clock.advance(90 * DAY)
    for _ in range(4):
        await asyncio.gather(*(keeper.look() for keeper in keepers))
    rows = await databases[0].read(keys.look)
    assert [(row.alg, row.number) for row in rows] == [
        (alg, number) for alg in ("HS256", "ES256") for number in (1, 2, 3)
    ]
    assert len({tuple(key.kid for key in keeper.ring.signing) for keeper in keepers}) == 1
    for database in databases:
        await database.close()


async def test_a_replica_learns_at_its_next_look_and_tells_its_followers(database: Database) -> None:
    clock = HeldClock(NOW)
    here, there = rotation(database, clock), rotation(database, clock)
    await here.begin()
    await there.begin()
    told: list[Ring] = []
    there.followers.append(told.append)
    await there.look()
    assert told == []
    announced = here.ring.signing[1]
    assert await database.run(keys.hasten, announced.kid, at=NOW)
    await there.look()
    assert [ring.signer("ES256", now=NOW).kid for ring in told] == [announced.kid]


async def test_time_alone_takes_a_key_out_and_at_last_its_row(database: Database) -> None:
    clock = HeldClock(NOW)
    keeper = rotation(database, clock)
    await keeper.begin()
    first, second = keeper.ring.signing
    await keeper.begin()
    clock.now = NOW + 90 * DAY + 600 + 299
    await keeper.look()
    assert first.kid in {key.kid for key in keeper.ring.signing}
    clock.advance(1)
    await keeper.look()
    assert [key.kid for key in keeper.ring.past] == [first.kid]
    assert keeper.ring.signing[0].kid == second.kid
    clock.advance(30 * DAY - 1)
    await keeper.look()
    assert first.kid in {row.kid for row in await database.read(keys.look)}
    clock.advance(1)
    await keeper.look()
    await keeper.look()
    assert keeper.ring.past == ()
    assert first.kid not in {row.kid for row in await database.read(keys.look)}


async def test_with_the_database_away_the_ring_goes_on_with_time(database_url: str) -> None:
    database = await connect(database_url)
    clock = HeldClock(NOW)
    keeper = rotation(database, clock)
    await keeper.begin()
    first, second = keeper.ring.signing
    await execute(database, "ALTER TABLE signing_keys RENAME TO elsewhere")
    try:
        clock.advance(90 * DAY + 900)
        with pytest.raises(Exception, match="signing_keys"):
            await keeper.look()
        assert keeper.ring.signer("ES256", now=clock()).kid == second.kid
        assert first.kid not in {key.kid for key in keeper.ring.signing}
    finally:
        await execute(database, "ALTER TABLE elsewhere RENAME TO signing_keys")
        await database.close()


async def test_a_longer_life_of_tokens_is_known_before_the_first_of_them_is_signed(database: Database) -> None:
    await rotation(database).begin()
    longer = Rules(max_age=300, lifetime=90 * DAY, token_life=7_200, refresh_life=60 * DAY, hint_life=30 * DAY)
    await rotation(database, rules=longer).begin()
    # Whoever knows only the shorter life keeps the keys for the longer one, too.
    await rotation(database).begin()
    lives = {(row.use, row.token_life) for row in await database.read(keys.look)}
    assert lives == {("sig", 7_200), ("refresh", 60 * DAY)}


async def test_an_algorithm_asked_for_later_gets_a_key_beside_the_first(database: Database) -> None:
    first = await rotation(database).begin()
    wider = await rotation(database, HeldClock(NOW + 5), algs=("EdDSA", "ES256")).begin()
    assert {key.alg for key in wider.signing} == {"ES256", "EdDSA"}
    assert wider.signer("ES256", now=NOW + 5).kid == first.signing[0].kid
    assert len(wider.jwks()["keys"]) == 4


async def test_with_another_secret_key_the_ring_does_not_open(database: Database) -> None:
    await rotation(database).begin()
    with pytest.raises(Unsealable):
        await rotation(database, sealer=Sealer([SecretKey(new_secret_key())])).begin()


async def test_a_key_that_comes_later_and_does_not_open_leaves_the_others_as_they_are(database: Database) -> None:
    keeper = rotation(database)
    before = await keeper.begin()
    await rotation(database, sealer=Sealer([SecretKey(new_secret_key())]), algs=("EdDSA",)).look()
    await keeper.look()
    assert [key.kid for key in keeper.ring.signing] == [key.kid for key in before.signing]
    assert "EdDSA" not in {key.alg for key in keeper.ring.signing}


async def test_rows_hold_nothing_that_signs(database: Database) -> None:
    made = await rotation(database).begin()
    for row in await database.read(keys.every):
        public = row.public_jwk or ""
        assert '"d"' not in public
        assert made.refresh[0].secret not in row.sealed_key
        assert row.public_jwk is not None or row.use == "refresh"


async def test_what_is_published_is_made_of_what_is_sealed(database: Database) -> None:
    """So that whoever can write the table cannot have a key of theirs published as ours."""
    made = await rotation(database).begin()
    theirs = orjson.dumps({**signing_key().public_jwk, "kid": made.signing[0].kid}).decode()
    await execute(
        database, f"UPDATE signing_keys SET public_jwk = '{theirs}' WHERE use = 'sig'".replace(":", "\\:")
    )
    assert (await rotation(database).begin()).jwks() == made.jwks()


async def test_a_sealed_key_opens_in_no_other_row(database: Database) -> None:
    """So that whoever can write the table cannot make an old or foreign key sign under a name we trust."""
    await rotation(database).begin()
    await execute(database, "UPDATE signing_keys SET kid = 'another' WHERE alg = 'ES256' AND number = 1")
    with pytest.raises(Unsealable):
        await rotation(database).begin()
    with pytest.raises(Unsealable):
        await ring_in(database, SEALER, now=NOW)
