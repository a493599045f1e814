"""A thousand racing attempts: one success. Several opened databases stand for several processes."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from broker.store import clients, keys, sign_ins
from broker.store.database import Database, connect
from broker.store.grant_rows import Refused, Spent
from tests.keys.made import key_row
from tests.store.rows import (
    APP,
    NOW,
    add_client,
    authorization,
    grant_row,
    profile,
    record,
    redeem,
    rotate,
    row,
    sign_in,
)

pytestmark = pytest.mark.usefixtures("patient")
RACERS = 1_000
AT_ONCE = 64


@contextlib.asynccontextmanager
async def processes(url: str, count: int) -> AsyncIterator[list[Database]]:
    """The same database opened `count` times, each with connections of its own."""
    async with contextlib.AsyncExitStack() as stack:
        opened = [await connect(url, pool_size=5) for _ in range(count)]
        for database in opened:
            stack.push_async_callback(database.close)
        yield opened


async def race(
    databases: list[Database],
    attempt: Callable[[Database, int], Coroutine[Any, Any, Any]],
    racers: int = RACERS,
) -> list[Any]:
    """All attempts, spread over the databases, more at once than there are connections; what each came to."""
    lanes = asyncio.Semaphore(AT_ONCE)

    async def run(number: int) -> Any:
        async with lanes:
            return await attempt(databases[number % len(databases)], number)

    return await asyncio.gather(*(run(number) for number in range(racers)))


@pytest.mark.parametrize("count", [1, 3])
async def test_of_a_thousand_correct_redemptions_one_succeeds_and_the_others_end_the_grant(
    database_url: str, count: int
) -> None:
    async with processes(database_url, count) as databases:
        await add_client(databases[0])
        await record(databases[0])
        outcomes = await race(databases, lambda database, _: redeem(database))
        assert Counter(type(outcome) for outcome in outcomes) == {Spent: 1, Refused: RACERS - 1}
        assert sum(isinstance(outcome, Refused) and outcome.ended for outcome in outcomes) == 1
        assert (await grant_row(databases[0]))["ended_reason"] == "code_reuse"


async def test_wrong_presentations_in_a_race_never_hurt_the_correct_one(database_url: str) -> None:
    async with processes(database_url, 2) as databases:
        await add_client(databases[0])
        await record(databases[0])

        def attempt(database: Database, number: int) -> Coroutine[Any, Any, Any]:
            return redeem(database) if number == RACERS // 2 else redeem(database, code_challenge="A" * 43)

        outcomes = await race(databases, attempt)
        assert Counter(type(outcome) for outcome in outcomes) == {Spent: 1, Refused: RACERS - 1}
        assert (await grant_row(databases[0]))["ended_at"] is None


@pytest.mark.parametrize("count", [1, 3])
async def test_of_a_thousand_refreshes_one_rotates_and_the_others_get_its_successor(
    database_url: str, count: int
) -> None:
    async with processes(database_url, count) as databases:
        await add_client(databases[0])
        await record(databases[0])
        await redeem(databases[0])
        outcomes = await race(databases, lambda database, number: rotate(database, refresh_kid=f"{number:08x}"))
        assert Counter(outcome.repeated for outcome in outcomes) == {False: 1, True: RACERS - 1}
        successors = {(outcome.grant.generation, outcome.grant.refresh_kid) for outcome in outcomes}
        assert len(successors) == 1
        standing = await grant_row(databases[0])
        assert {(standing["generation"], standing["refresh_kid"])} == successors
        assert (standing["generation"], standing["ended_at"]) == (1, None)


async def test_without_grace_one_of_a_thousand_refreshes_succeeds_and_the_grant_ends(database_url: str) -> None:
    async with processes(database_url, 3) as databases:
        await add_client(databases[0])
        await record(databases[0])
        await redeem(databases[0])
        outcomes = await race(databases, lambda database, _: rotate(database, grace=0))
        assert Counter(type(outcome) for outcome in outcomes) == {Spent: 1, Refused: RACERS - 1}
        assert (await grant_row(databases[0]))["ended_reason"] == "refresh_token_reuse"


@pytest.mark.parametrize("count", [1, 3])
async def test_of_a_thousand_answers_to_one_login_one_signs_in(database_url: str, count: int) -> None:
    """That insert spends the login; the others leave nothing behind, not even a session."""

    async def attempt(database: Database, number: int) -> bool:
        signed = sign_in(session=f"ses_{number}", id=f"{number:032}", code_digest=f"code {number}".encode())
        try:
            await record(database, signed)
        except sign_ins.LoginSpent:
            return False
        return True

    async with processes(database_url, count) as databases:
        await add_client(databases[0])
        assert sum(await race(databases, attempt)) == 1
        left = "SELECT (SELECT count(*) FROM sessions) AS sessions, (SELECT count(*) FROM audit_events) AS events"
        assert await row(databases[0], left) == {"sessions": 1, "events": 1}


async def test_strangers_signing_in_at_once_with_one_union_id_become_one_user(database_url: str) -> None:
    async def attempt(database: Database, number: int) -> str:
        signed = sign_in(
            person=profile(display_name=f"Name {number}"),
            account=authorization(registration=f"app{number % 7}", open_id=f"o{number % 7}"),
            session=f"ses_{number}",
            id=f"{number:032}",
            code_digest=f"code {number}".encode(),
            login_digest=f"login {number}".encode(),
        )
        outcome = await record(database, signed)
        assert isinstance(outcome, sign_ins.Written)
        return outcome.user_id

    async with processes(database_url, 3) as databases:
        await add_client(databases[0])
        assert len(set(await race(databases, attempt, racers=200))) == 1
        counted = await row(databases[0], "SELECT count(*) AS accounts FROM accounts")
        assert counted == {"accounts": 7}


async def test_of_many_who_take_one_client_id_one_gets_it(database_url: str) -> None:
    async def attempt(database: Database, number: int) -> bool:
        return await database.transact(clients.add, APP, {"client_name": str(number)}, None, now=NOW)

    async with processes(database_url, 2) as databases:
        assert sum(await race(databases, attempt)) == 1


async def test_of_many_replicas_that_make_the_first_key_one_keeps_it(database_url: str) -> None:
    async def attempt(database: Database, number: int) -> bool:
        return await database.run(keys.add, key_row(f"kid{number}"))

    async with processes(database_url, 2) as databases:
        assert sum(await race(databases, attempt)) == 1
        assert len(await databases[1].read(keys.every)) == 1
