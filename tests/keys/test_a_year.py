"""A year of keys under a clock of its own: no verifier ever misses a key, and nothing is published too long."""

from dataclasses import replace

from broker.keys.schedule import SPREAD_SECONDS
from broker.store.database import Database
from tests.emptied import empty_database_url as database_url
from tests.keys.made import DAY, NOW, RULES
from tests.keys.replicas import ALG, STEP, World
from tests.web.front import on_sqlite

# A database emptied before each test.
__all__ = ["database_url"]

OFFS = (-25, 0, 25)
FORTNIGHT = replace(RULES, lifetime=14 * DAY)


async def go(world: World, until: int) -> None:
    """Let time pass, and look at every published set after every step."""
    while world.time.now < until:
        kids = {row.kid for row in world.rows}
        await world.step()
        for replica in world.replicas:
            expected = set(world.expected(replica))
            # What was made in this very step is published by all with the next one.
            new = expected - kids
            assert replica.published - new == expected - new, world.time.now - NOW
        for ring in ("sig", "refresh"):
            its = [row for row in world.rows if row.use == ring]
            following = [row for row in its if row.signs_from > world.time.now]
            just_now = its[-1].signs_from > world.time.now - max(OFFS) - STEP
            assert following or just_now, "the next key is always announced"
    assert world.failures == []


@on_sqlite
async def test_a_year_in_which_clocks_differ_settings_change_and_operators_rotate(database: Database) -> None:
    world = World(database, FORTNIGHT, OFFS)
    await world.begin()
    await go(world, NOW + 100 * DAY)
    # The first key was made by the first replica, in its own second.
    first = NOW + OFFS[0]
    planned = [first + n * 14 * DAY for n in range(9)]
    there = sorted(row.signs_from for row in world.rows if row.alg == ALG)
    assert there == planned[-len(there) :]
    asked_at = world.time.now
    assert await world.rotate()
    await go(world, asked_at + 3_600)
    assert asked_at < max(world.signed_since.values()) <= asked_at + STEP
    await go(world, NOW + 200 * DAY)
    for replica in world.replicas:
        # One after the other, as a deployment does.
        await world.restart(replica, token_life=7_200, lifetime=10 * DAY)
        await go(world, world.time.now + 900)
    await go(world, NOW + 365 * DAY)
    assert len(world.signed_since) > 27
    assert {verifier.astonished for verifier in world.verifiers} == {0}, "nobody ever had to ask anew"


@on_sqlite
async def test_a_day_of_an_operator_who_rotates_as_soon_as_it_is_possible(database: Database) -> None:
    """Then each key signs as early as it ever may, and clocks that differ cost the margin and no verifier."""
    world = World(database, replace(RULES, refresh_life=600), OFFS)
    await world.begin()
    while world.time.now < NOW + DAY // 8:
        await world.rotate()
        await go(world, world.time.now + 60)
    assert len(world.signed_since) > 12
    assert {verifier.astonished for verifier in world.verifiers} == {0}


@on_sqlite
async def test_a_cache_on_the_way_may_double_the_age_of_the_set(database: Database) -> None:
    world = World(database, replace(RULES, lifetime=661, refresh_life=600), (0, 0, 0), shared=True)
    await world.begin()
    await go(world, NOW + DAY // 8)
    assert len(world.signed_since) > 12
    assert {verifier.astonished for verifier in world.verifiers} == {0}
    for kid, signed in list(world.signed_since.items())[1:]:
        assert signed - world.everywhere_since[kid] >= 2 * RULES.kept_for
        assert signed - world.everywhere_since[kid] <= 2 * RULES.kept_for + SPREAD_SECONDS + STEP
