"""TikTok's token pairs: refreshed once, stored before they are used, and given up only when they are lost."""

import asyncio
from dataclasses import replace
from typing import cast

import pytest

from broker.simulator.world import Fault
from broker.store.database import Database
from tests.by_hand import execute
from tests.stage import Stage
from tests.tiktok.exchanging import (
    TIKTOK_LIFE,
    exchange,
    refreshes,
    signed_in,
)
from tests.tiktok.vaulting import Shaky, audited, dying, near_the_end, replica, row_of, tiktok_knows, vault_stage

# The fixtures of another module that every test here may ask for.
__all__ = ["vault_stage"]


async def test_it_is_refreshed_when_less_than_two_minutes_remain(vault_stage: Stage) -> None:
    """Lifetimes come from TikTok's answer only."""
    tokens = await signed_in(vault_stage)
    first = (await exchange(vault_stage, tokens["access_token"])).json()
    fresh = await near_the_end(vault_stage, tokens, left=120)
    again = (await exchange(vault_stage, fresh)).json()
    assert (again["access_token"], again["expires_in"]) == (first["access_token"], 120)
    vault_stage.clock.advance(1)
    renewed = (await exchange(vault_stage, fresh)).json()
    assert renewed["access_token"] != first["access_token"]
    assert renewed["expires_in"] == TIKTOK_LIFE
    assert refreshes(vault_stage) == 1
    assert await tiktok_knows(vault_stage, renewed["access_token"])
    # What is stored is the new pair: the next refresh works, too.
    vault_stage.clock.advance(TIKTOK_LIFE)
    tokens = await signed_in(vault_stage, person="p1")
    assert (await exchange(vault_stage, tokens["access_token"])).status_code == 200


@pytest.mark.usefixtures("patient")
async def test_of_fifty_callers_one_refreshes_and_all_get_the_new_token(vault_stage: Stage) -> None:
    tokens = await signed_in(vault_stage)
    fresh = await near_the_end(vault_stage, tokens)
    answers = await asyncio.gather(*(exchange(vault_stage, fresh) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["access_token"] for answer in answers}) == 1
    assert refreshes(vault_stage) == 1
    assert len(await audited(vault_stage, "tiktok_token.handed_out")) == 50


async def test_a_new_token_is_used_however_short_tiktok_lets_it_live(vault_stage: Stage) -> None:
    """Each request costs TikTok one refresh at most, and each takes the pair as the one before left it."""
    vault_stage.world.switches = replace(vault_stage.world.switches, access_token_lifetime=60)
    tokens = await signed_in(vault_stage)
    told = (await exchange(vault_stage, tokens["access_token"])).json()
    assert (told.get("expires_in"), refreshes(vault_stage)) == (60, 1)
    answers = await asyncio.gather(*(exchange(vault_stage, tokens["access_token"]) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert refreshes(vault_stage) <= 21
    assert await audited(vault_stage, "tiktok_tokens.lost") == []


async def test_the_new_pair_is_stored_before_anybody_uses_it(
    vault_stage: Stage,
) -> None:
    """What an app holds is in the database already, whatever happens to the process next."""
    tokens = await signed_in(vault_stage)
    fresh = await near_the_end(vault_stage, tokens)
    before = await row_of(vault_stage.database)
    told = (await exchange(vault_stage, fresh)).json()
    after = await row_of(vault_stage.database)
    assert after["sealed_tokens"] != before["sealed_tokens"]
    assert (after["refresh_lease"], after["refresh_lease_until"]) == (None, None)
    assert told["access_token"].encode() not in after["sealed_tokens"]


@pytest.mark.parametrize(
    ("fault", "kept"),
    [
        (Fault("token", "rate_limit", times=None), True),
        (Fault("token", "html", times=None), True),
        (Fault("token", "error", error="invalid_client", times=None), True),
        (Fault("token", "error", error="something_new", times=None), True),
        (Fault("token", "reset", times=None), False),
        (Fault("token", "not_json", times=None), False),
        (Fault("token", "error", error="invalid_grant", times=None), False),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else "",
)
async def test_a_pair_is_kept_only_where_tiktok_has_certainly_not_renewed_it(
    vault_stage: Stage, fault: Fault, kept: bool
) -> None:
    """While the old token is good it is handed out; one that may be dead is never tried again."""
    tokens = await signed_in(vault_stage)
    fresh = await near_the_end(vault_stage, tokens)
    vault_stage.world.faults.add(fault)
    answer = await exchange(vault_stage, fresh)
    row = await row_of(vault_stage.database)
    assert (row["sealed_tokens"] is not None) is kept
    assert row["refresh_lease"] is None
    vault_stage.world.faults.clear()
    if kept:
        assert answer.status_code in (200, 400, 503)
        assert (await exchange(vault_stage, fresh)).status_code == 200
    else:
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
        assert "new sign-in" in answer.json()["error_description"]
        calls = vault_stage.world.counters["token"]["calls"]
        assert (await exchange(vault_stage, fresh)).json()["error"] == "invalid_grant"
        assert vault_stage.world.counters["token"]["calls"] == calls
        (event,) = await audited(vault_stage, "tiktok_tokens.lost")
        assert event["actor"] == "broker"
        # Their sessions and grants go on; and a new sign-in brings new tokens.
        tokens = await signed_in(vault_stage)
        assert (await exchange(vault_stage, tokens["access_token"])).status_code == 200


async def test_while_tiktok_is_down_an_expired_token_is_not_handed_out(vault_stage: Stage) -> None:
    tokens = await signed_in(vault_stage)
    fresh = await near_the_end(vault_stage, tokens, left=0)
    vault_stage.world.faults.add(Fault("token", "html", times=None))
    answer = await exchange(vault_stage, fresh)
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert "retry-after" in answer.headers
    assert await audited(vault_stage, "tiktok_token.handed_out") == []


async def test_whoever_comes_meanwhile_waits_for_what_is_being_stored(vault_stage: Stage) -> None:
    tokens = await signed_in(vault_stage)
    fresh = await near_the_end(vault_stage, tokens)
    died = await dying(vault_stage)
    waiting = asyncio.create_task(exchange(vault_stage, fresh))
    await vault_stage.http.get("/healthz")
    assert not waiting.done()
    await died.store_after_all()
    answer = await waiting
    assert answer.status_code == 200
    assert await tiktok_knows(vault_stage, answer.json()["access_token"])
    assert refreshes(vault_stage) == 1


async def test_a_crash_between_answer_and_storing_is_found_and_told(vault_stage: Stage) -> None:
    """The lease of whoever died runs out: the pair is dead, and is not tried again blindly."""
    tokens = await signed_in(vault_stage)
    fresh = await near_the_end(vault_stage, tokens)
    await dying(vault_stage)
    vault_stage.clock.advance(45)
    answer = await exchange(vault_stage, fresh)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert "new sign-in" in answer.json()["error_description"]
    assert refreshes(vault_stage) == 1
    (event,) = await audited(vault_stage, "tiktok_tokens.lost")
    assert event["reason"] == "abandoned"
    row = await row_of(vault_stage.database)
    assert (row["sealed_tokens"], row["refresh_lease"]) == (None, None)
    # The person's session and grant have nothing to do with it.
    assert (await vault_stage.userinfo(fresh)).status_code == 200


async def test_a_new_sign_in_beats_a_refresh_that_is_under_way(vault_stage: Stage) -> None:
    """What the refresh brings later is for the pair before, and is not stored over the newer one."""
    tokens = await signed_in(vault_stage)
    await near_the_end(vault_stage, tokens)
    died = await dying(vault_stage)
    tokens = await signed_in(vault_stage)
    row = await row_of(vault_stage.database)
    assert (row["refresh_lease"], row["refresh_lease_until"]) == (None, None)
    assert not await died.store_after_all()
    assert (await row_of(vault_stage.database))["sealed_tokens"] == row["sealed_tokens"]
    told = (await exchange(vault_stage, tokens["access_token"])).json()
    assert await tiktok_knows(vault_stage, told["access_token"])


async def test_a_database_that_fails_at_the_storing_is_given_time(vault_stage: Stage) -> None:
    """TikTok has killed the old pair, so the new one is worth some waiting."""
    tokens = await signed_in(vault_stage)
    await near_the_end(vault_stage, tokens)
    shaky = Shaky(vault_stage.database, failures=3)
    waited: list[float] = []

    async def pause(seconds: float) -> None:
        waited.append(seconds)

    live = await replica(vault_stage, cast("Database", shaky), pause)
    assert waited == [1, 1, 1]
    assert await tiktok_knows(vault_stage, live.access_token.reveal())
    assert live == await replica(vault_stage, vault_stage.database)
    assert refreshes(vault_stage) == 1


async def test_the_tokens_of_somebody_else_are_not_stored(vault_stage: Stage) -> None:
    tokens = await signed_in(vault_stage)
    fresh = await near_the_end(vault_stage, tokens)
    vault_stage.world.faults.add(Fault("token", "different_open_id"))
    answer = await exchange(vault_stage, fresh)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert (await row_of(vault_stage.database))["sealed_tokens"] is None


async def test_a_pair_that_does_not_open_is_left_as_it_is(vault_stage: Stage) -> None:
    """The secret key that it needs may come back."""
    tokens = await signed_in(vault_stage)
    fresh = await near_the_end(vault_stage, tokens)
    await execute(vault_stage.database, "UPDATE accounts SET registration = 'default', open_id = 'moved'")
    before = await row_of(vault_stage.database)
    answer = await exchange(vault_stage, fresh)
    assert (answer.status_code, answer.json()["error"]) == (500, "server_error")
    assert await row_of(vault_stage.database) == before
    assert vault_stage.world.counters["token"]["refresh_token"] == 0
