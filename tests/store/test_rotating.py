"""Spending refresh tokens: the generation moves on by one, and a genuine old one ends the grant."""

import pytest

from broker.store import clients
from broker.store.database import Database
from broker.store.grant_rows import Refused, Spent, StaleClient
from tests.by_hand import execute
from tests.store.rows import (
    APP,
    GRANT_TTL,
    NOW,
    REFRESH_TTL,
    SESSION_TTL,
    add_client,
    grant_row,
    record,
    redeem,
    rotate,
    sign_in,
)


@pytest.fixture
async def redeemed(signed_in: Database) -> Database:
    """The code has been redeemed: refresh token 0 is current."""
    assert isinstance(await redeem(signed_in), Spent)
    return signed_in


async def generation_of(database: Database) -> int:
    generation: int = (await grant_row(database))["generation"]
    return generation


async def test_every_use_moves_the_generation_on(redeemed: Database) -> None:
    for generation in range(5):
        outcome = await rotate(redeemed, generation)
        assert isinstance(outcome, Spent)
        assert (outcome.repeated, outcome.grant.generation) == (False, generation + 1)


async def test_a_repeat_within_the_grace_gets_the_same_successor(redeemed: Database) -> None:
    first = await rotate(redeemed, refresh_kid="00000001")
    again = await rotate(redeemed, now=NOW + 59, refresh_kid="00000002")
    assert isinstance(first, Spent)
    assert isinstance(again, Spent)
    assert again.repeated
    assert again.grant == first.grant
    assert await generation_of(redeemed) == 1


async def test_the_grace_is_over_in_its_very_second_and_the_grant_ends(redeemed: Database) -> None:
    await rotate(redeemed)
    outcome = await rotate(redeemed, now=NOW + 60)
    assert isinstance(outcome, Refused)
    assert outcome.ended
    ended = await grant_row(redeemed)
    assert (ended["ended_at"], ended["ended_reason"]) == (NOW + 60, "refresh_token_reuse")
    assert isinstance(await rotate(redeemed, 1, now=NOW + 60), Refused)


async def test_without_grace_a_repeat_ends_the_grant_also_where_the_clock_is_behind(redeemed: Database) -> None:
    await rotate(redeemed, grace=0)
    outcome = await rotate(redeemed, grace=0, now=NOW - 1)
    assert isinstance(outcome, Refused)
    assert outcome.ended


async def test_a_token_two_generations_old_ends_the_grant_even_at_once(redeemed: Database) -> None:
    await rotate(redeemed, 0)
    await rotate(redeemed, 1)
    outcome = await rotate(redeemed, 0)
    assert isinstance(outcome, Refused)
    assert outcome.ended


async def test_a_generation_not_reached_yet_is_refused_and_ends_nothing(redeemed: Database) -> None:
    outcome = await rotate(redeemed, 1)
    assert isinstance(outcome, Refused)
    assert not outcome.ended
    assert isinstance(await rotate(redeemed, 0), Spent)


async def test_nothing_refreshes_before_the_code_was_redeemed(signed_in: Database) -> None:
    assert isinstance(await rotate(signed_in), Refused)
    await execute(signed_in, f"UPDATE grants SET refresh_expires_at = {NOW + REFRESH_TTL}")
    assert isinstance(await rotate(signed_in), Refused)
    assert await generation_of(signed_in) == 0


async def test_another_client_neither_refreshes_nor_ends(redeemed: Database) -> None:
    await add_client(redeemed, "cli_other")
    await rotate(redeemed)
    outcome = await rotate(redeemed, client_id="cli_other", now=NOW + 60)
    assert isinstance(outcome, Refused)
    assert (await grant_row(redeemed))["ended_at"] is None


async def test_a_refresh_token_is_void_in_the_very_second_in_which_it_expires(redeemed: Database) -> None:
    assert isinstance(await rotate(redeemed, now=NOW + REFRESH_TTL), Refused)
    assert (await grant_row(redeemed))["ended_at"] is None
    assert isinstance(await rotate(redeemed, now=NOW + REFRESH_TTL - 1), Spent)


async def test_the_refresh_life_slides_inside_the_life_of_the_grant(redeemed: Database) -> None:
    now = NOW
    for generation in range(5):
        now += REFRESH_TTL - 1
        await rotate(redeemed, generation, now=now)
        assert (await grant_row(redeemed))["refresh_expires_at"] == min(now + REFRESH_TTL, NOW + GRANT_TTL)
    assert isinstance(await rotate(redeemed, 5, now=NOW + GRANT_TTL - 1), Spent)
    assert isinstance(await rotate(redeemed, 6, now=NOW + GRANT_TTL), Refused)


async def test_nobody_unwelcome_refreshes_or_repeats(redeemed: Database) -> None:
    """The repeat makes every check again, and what was refused by them ends nothing by itself."""
    await rotate(redeemed)
    for table, change, undo in (
        ("users", f"blocked_at = {NOW}", "blocked_at = NULL"),
        ("grants", f"ended_at = {NOW}", "ended_at = NULL"),
        ("grants", "refresh_expires_at = NULL", f"refresh_expires_at = {NOW + REFRESH_TTL}"),
    ):
        await execute(redeemed, f"UPDATE {table} SET {change}")
        before = await grant_row(redeemed)
        for generation in (0, 1):
            outcome = await rotate(redeemed, generation)
            assert isinstance(outcome, Refused), change
            assert not outcome.ended, change
        assert await grant_row(redeemed) == before, change
        await execute(redeemed, f"UPDATE {table} SET {undo}")
    assert isinstance(await rotate(redeemed, 1), Spent)


async def test_offline_access_outlives_the_session(redeemed: Database) -> None:
    await execute(redeemed, f"UPDATE sessions SET ended_at = {NOW}")
    assert isinstance(await rotate(redeemed, 0), Spent)
    await execute(redeemed, "DELETE FROM sessions")
    assert isinstance(await rotate(redeemed, 1), Spent)


async def test_without_offline_access_the_end_of_the_session_ends_refreshing_and_repeating(
    database: Database,
) -> None:
    await add_client(database)
    await record(database, sign_in(offline=False))
    await redeem(database)
    await rotate(database)
    for ending in (f"UPDATE sessions SET ended_at = {NOW}", "DELETE FROM sessions"):
        await execute(database, ending)
        assert isinstance(await rotate(database, 0), Refused)
        assert isinstance(await rotate(database, 1), Refused)


async def test_a_session_carries_a_grant_until_the_second_before_it_expires(database: Database) -> None:
    await add_client(database)
    await record(database, sign_in(offline=False))
    await redeem(database, refresh_expires_at=NOW + GRANT_TTL)
    assert isinstance(await rotate(database, now=NOW + SESSION_TTL), Refused)
    assert isinstance(await rotate(database, now=NOW + SESSION_TTL - 1), Spent)


async def test_a_stale_copy_of_the_client_neither_rotates_nor_repeats_nor_ends(redeemed: Database) -> None:
    await rotate(redeemed)
    await redeemed.transact(clients.set_secret, APP, b"another digest", now=NOW)
    before = await grant_row(redeemed)
    for generation, now in ((1, NOW), (0, NOW), (0, NOW + 60)):
        assert await rotate(redeemed, generation, now=now) == StaleClient()
    assert await grant_row(redeemed) == before


async def test_a_disabled_client_does_not_refresh(redeemed: Database) -> None:
    await redeemed.transact(clients.disable, APP, now=NOW)
    for version in (1, 2):
        assert await rotate(redeemed, client_version=version) == StaleClient()
    assert await generation_of(redeemed) == 0


async def test_a_grant_that_is_gone_is_refused(redeemed: Database) -> None:
    assert isinstance(await rotate(redeemed, grant_id="h" * 32), Refused)
