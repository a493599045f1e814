"""How a replica learns of what has ended: without the database, with clocks that differ, from the start on."""

import asyncio

import pytest

from broker.indices import BLOCK, Indices
from broker.oauth.status_list import SIZE
from broker.store import statuses
from broker.store.database import Database
from tests.by_hand import execute
from tests.journeys.proxy import proxied
from tests.journeys.test_database_away import postgres_copy
from tests.stage import WEB, WEB_REDIRECT, WEB_SECRET, HeldClock, Stage, answer_in, running_stage
from tests.status.reading import claims_of, marked, place_of, told
from tests.tokens.test_replicas import replica

__all__ = ["postgres_copy"]


async def revoke(stage: Stage, token: str) -> None:
    answer = await stage.http.post("/revoke", data={"token": token}, auth=(WEB, WEB_SECRET))
    assert answer.status_code == 200


async def test_with_the_database_away_the_lists_stay_and_then_go_on_by_themselves(
    postgres_copy: str, clock: HeldClock, capfd: pytest.CaptureFixture[str]
) -> None:
    async with proxied(postgres_copy) as proxy, running_stage(proxy.url, clock) as stage:
        first, second = await stage.sign_in(), await stage.sign_in()
        tokens = {"first": first["access_token"], "second": second["access_token"]}
        await revoke(stage, first["access_token"])
        await told(stage, [stage.http], tokens, lambda name: name == "first")
        before = (await stage.http.get("/status/0")).content
        await proxy.cut()
        clock.advance(3600)
        async with asyncio.timeout(10):
            while "status.waiting" not in (said := capfd.readouterr().err):
                assert (await stage.http.get("/status/0")).content == before, said
        await proxy.mend()
        clock.advance(-3600)
        async with asyncio.timeout(10):
            while (await stage.http.get("/readyz")).status_code != 200:
                pass
        await revoke(stage, second["access_token"])
        await told(stage, [stage.http], tokens, lambda _: True)


@pytest.mark.parametrize("seconds", [-29, 29])
async def test_the_clocks_of_replicas_may_differ_by_half_a_minute(stage: Stage, seconds: int) -> None:
    """Whoever ends the grant writes down its own time."""
    tokens = await stage.sign_in()
    grant = claims_of(tokens["access_token"])["jti"].partition(".")[0]
    await execute(stage.database, f"UPDATE grants SET ended_at = {stage.clock() + seconds} WHERE id = '{grant}'")
    await told(stage, [stage.http], {"it": tokens["access_token"]}, lambda _: True)


async def test_what_a_slow_clock_hid_is_found_within_a_minute(stage: Stage) -> None:
    tokens = {"it": (await stage.sign_in())["access_token"]}
    await execute(stage.database, f"UPDATE grants SET ended_at = {stage.clock() - 200}")
    stage.clock.advance(60)
    await told(stage, [stage.http], tokens, lambda _: True)


async def test_after_a_clock_was_set_back_a_minute_is_a_minute_again(stage: Stage) -> None:
    tokens = {"first": (await stage.sign_in())["access_token"], "second": (await stage.sign_in())["access_token"]}
    stage.clock.advance(-3600)
    await revoke(stage, tokens["first"])
    await told(stage, [stage.http], tokens, lambda name: name == "first")
    await execute(stage.database, f"UPDATE grants SET ended_at = {stage.clock() - 200} WHERE ended_at IS NULL")
    stage.clock.advance(60)
    await told(stage, [stage.http], tokens, lambda _: True)


async def test_a_replica_that_starts_knows_everything_before_it_answers(stage: Stage) -> None:
    tokens = {"it": (await stage.sign_in())["access_token"]}
    await revoke(stage, tokens["it"])
    stage.clock.advance(599)
    async with replica(stage) as fresh:
        assert await marked(fresh, stage, tokens) == {"it"}


async def test_no_sign_in_waits_for_a_block_and_none_is_given_twice(database: Database) -> None:
    two = [Indices(database, listed=True) for _ in range(2)]
    for indices in two:
        await indices.stock()
    given = [await indices.take() for _ in range(BLOCK // 2) for indices in two]
    assert sorted(each for each in given if each is not None) == [
        *range(BLOCK // 2),
        *range(BLOCK, BLOCK + BLOCK // 2),
    ]
    # Half of a block is left, and that is enough.
    await two[0].stock()
    assert await database.run(statuses.reserve, many=BLOCK) == 2 * BLOCK
    await two[0].take()
    await two[0].stock()
    assert await database.run(statuses.reserve, many=BLOCK) == 4 * BLOCK


async def test_more_than_a_block_at_once_are_given_once_each(database: Database) -> None:
    indices = Indices(database, listed=True)
    given = await asyncio.gather(*(indices.take() for _ in range(BLOCK + 1)))
    assert sorted(each for each in given if each is not None) == list(range(BLOCK + 1))
    assert (await database.read(statuses.in_use)).reserved == 2 * BLOCK
    indices.put_back(5)
    assert await indices.take() == 5


async def test_nothing_of_a_list_that_may_be_dropped_is_given(database: Database) -> None:
    indices = Indices(database, listed=True)
    assert await indices.take() == 0
    await execute(database, f"UPDATE counters SET next = {SIZE}")
    indices.begin_with(1)
    indices.put_back(0)
    assert await indices.take() == SIZE


async def test_without_lists_there_are_no_places(database: Database) -> None:
    indices = Indices(database, listed=False)
    assert await indices.take() is None
    indices.put_back(None)
    assert await indices.take() is None
    assert (await database.read(statuses.in_use)).reserved == 0


async def test_a_place_in_use_is_not_given_again_however_old_the_counter(stage: Stage) -> None:
    """A standby may have been promoted that missed the counter's last steps."""
    await stage.sign_in()
    for counter in ("UPDATE counters SET next = 0", "DELETE FROM counters"):
        await execute(stage.database, "UPDATE grants SET status_index = 3000")
        await execute(stage.database, counter)
        assert await stage.database.run(statuses.reserve, many=BLOCK) == 3 * BLOCK
    await execute(stage.database, "INSERT INTO deleted_grants VALUES (9000, 1, 2)")
    assert await stage.database.run(statuses.reserve, many=BLOCK) == 9 * BLOCK
    await execute(stage.database, "DELETE FROM deleted_grants")
    assert await stage.database.run(statuses.reserve, many=BLOCK) == 10 * BLOCK


async def test_places_that_a_standby_has_given_to_others_cost_nobody_anything(stage: Stage) -> None:
    """It was promoted so quickly that no look failed; another process reserves what this one has reserved."""
    browser = await stage.browser()
    tokens = {}

    async def signed_in(name: str, **changes: str) -> None:
        answer = await stage.authorize(browser, stage.question(**changes))
        location = answer.headers["location"]
        if not location.startswith(WEB_REDIRECT):
            location = (await browser.get(await stage.consent(browser, location))).headers["location"]
        tokens[name] = (await stage.redeem(answer_in(location)["code"])).json()

    async def others_are_first() -> None:
        """The grant of the newest of the places takes the one that would be given next."""
        await execute(
            stage.database,
            "UPDATE grants SET status_index = status_index + 1"
            " WHERE status_index = (SELECT max(status_index) FROM grants)",
        )

    await signed_in("first")
    await others_are_first()
    await signed_in("from TikTok", prompt="login")
    await others_are_first()
    await signed_in("from the session", prompt="none")
    await execute(
        stage.database,
        "UPDATE grants SET status_index = NULL WHERE status_index = (SELECT min(status_index) FROM grants)",
    )
    await others_are_first()
    tokens["refreshed"] = (await stage.refresh(tokens["first"]["refresh_token"])).json()
    places = [place_of(stage, each["access_token"]).index for each in tokens.values()]
    assert places == [0, BLOCK, 2 * BLOCK, 3 * BLOCK]


async def test_what_was_reserved_before_the_database_went_away_is_given_to_nobody(
    postgres_copy: str, clock: HeldClock, capfd: pytest.CaptureFixture[str]
) -> None:
    """The one that comes back may have given it to another replica."""

    async def place(stage: Stage) -> int:
        token: str = (await stage.sign_in())["access_token"]
        found: int = claims_of(token)["status"]["status_list"]["idx"]
        return found

    async with proxied(postgres_copy) as proxy, running_stage(proxy.url, clock) as stage:
        before = await place(stage)
        await proxy.cut()
        async with asyncio.timeout(10):
            while "status.waiting" not in capfd.readouterr().err:
                await stage.http.get("/readyz")
        await proxy.mend()
        async with asyncio.timeout(10):
            while (await stage.http.get("/readyz")).status_code != 200:
                pass
        assert await place(stage) // BLOCK > before // BLOCK
