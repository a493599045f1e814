"""Each change of a key is one statement, and of several that saw the same one makes it."""

from typing import Any

from broker.store import key_changes, keys
from broker.store.database import Database
from tests.keys.made import NOW, facts, key_row

ANNOUNCED: dict[str, Any] = {"number": 2, "ready_at": NOW + 605, "signs_from": NOW + 9_000}


async def times(database: Database, kid: str) -> tuple[int, int, int]:
    """`ready_at`, `signs_from` and `token_life`."""
    (row,) = [row for row in await database.read(keys.look) if row.kid == kid]
    return row.ready_at, row.signs_from, row.token_life


async def test_a_key_is_kept_as_it_was_made_and_its_number_once(database: Database) -> None:
    assert await database.run(keys.add, key_row("a"))
    assert not await database.run(keys.add, key_row("b"))
    assert await database.read(keys.look) == [facts("a")]
    assert await database.read(keys.every) == [key_row("a")]


async def test_a_key_is_hastened_and_never_put_off_by_that(database: Database) -> None:
    await database.run(keys.add, key_row("a", **ANNOUNCED))
    assert await database.run(keys.hasten, "a", at=NOW + 700)
    assert not await database.run(keys.hasten, "a", at=NOW + 700)
    assert not await database.run(keys.hasten, "a", at=NOW + 800)
    assert await times(database, "a") == (NOW + 605, NOW + 700, 600)


async def test_a_key_is_put_off_until_it_is_ready_unless_it_was_made_to_sign(database: Database) -> None:
    await database.run(keys.add, key_row("a", **ANNOUNCED))
    assert await database.run(keys.defer, "a", ready_at=NOW + 8_000)
    assert await times(database, "a") == (NOW + 8_000, NOW + 9_000, 600)
    assert await database.run(keys.defer, "a", ready_at=NOW + 10_000)
    assert not await database.run(keys.defer, "a", ready_at=NOW + 9_999)
    assert await times(database, "a") == (NOW + 10_000, NOW + 10_000, 600)
    await database.run(keys.hasten, "a", at=NOW + 1)
    assert not await database.run(keys.defer, "a", ready_at=NOW + 20_000)
    assert await times(database, "a") == (NOW + 10_000, NOW + 1, 600)


async def test_the_life_of_what_a_key_signs_grows_only_and_a_key_is_forgotten_with_the_one_that_was_seen(
    database: Database,
) -> None:
    await database.run(keys.add, key_row("a"))
    assert await database.run(keys.prolong, "a", token_life=7_200)
    assert not await database.run(keys.prolong, "a", token_life=7_199)
    assert not await database.run(keys.forget, "a", token_life=600)
    assert await database.run(keys.forget, "a", token_life=7_200)
    assert await database.read(keys.look) == []


async def test_a_signing_key_without_a_next_one_is_followed_by_the_spare(database: Database) -> None:
    await database.run(keys.add, key_row("a"))
    spare = key_row("s", number=2)
    revoked = await database.transact(key_changes.revoke, "a", spare=spare, now=NOW)
    assert revoked == key_changes.Revoked("sig", "ES256", "s")
    assert [row.kid for row in await database.read(keys.look)] == ["s"]


async def test_a_retained_key_is_revoked_and_nothing_else_changes(database: Database) -> None:
    for key in (key_row("a"), key_row("b", number=2), key_row("c", number=3, signs_from=NOW + 9_000)):
        await database.run(keys.add, key)
    revoked = await database.transact(key_changes.revoke, "a", spare=key_row("s", number=2), now=NOW)
    assert revoked == key_changes.Revoked("sig", "ES256", None)
    assert [(row.kid, row.signs_from) for row in await database.read(keys.look)] == [
        ("b", NOW),
        ("c", NOW + 9_000),
    ]


async def test_the_announced_key_takes_over_from_the_one_that_signs(database: Database) -> None:
    for key in (key_row("a"), key_row("b", number=2), key_row("c", number=3, signs_from=NOW + 9_000)):
        await database.run(keys.add, key)
    revoked = await database.transact(key_changes.revoke, "b", spare=key_row("s", number=3), now=NOW + 1)
    assert revoked == key_changes.Revoked("sig", "ES256", "c")
    assert [(row.kid, row.signs_from) for row in await database.read(keys.look)] == [("a", NOW), ("c", NOW + 1)]
    assert await database.transact(key_changes.revoke, "b", spare=key_row("s", number=3), now=NOW + 1) is None


async def test_the_key_of_another_ring_never_takes_over(database: Database) -> None:
    await database.run(keys.add, key_row("a"))
    await database.run(keys.add, key_row("other", alg="EdDSA", number=2, signs_from=NOW + 9_000))
    revoked = await database.transact(key_changes.revoke, "a", spare=key_row("s", number=2), now=NOW)
    assert revoked is not None
    assert revoked.successor == "s"
    assert (await times(database, "other"))[1] == NOW + 9_000
