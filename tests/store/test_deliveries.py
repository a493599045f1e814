"""A webhook delivery is taken once, with its work; a removed authorization wins whatever race it is in."""

from dataclasses import replace
from typing import Any

import pytest

from broker.store import deliveries, sign_ins_at_once
from broker.store.database import Database, Transaction
from broker.store.deauthorization import Deauthorized
from broker.store.deliveries import Arrival
from broker.store.grant_rows import Refused, Spent
from broker.store.sign_ins import SessionOver, TakenBack
from tests.by_hand import execute
from tests.store.rows import NOW, add_client, record, redeem, rotate, row, sign_in
from tests.store.test_deauthorization import count, deauthorize
from tests.store.test_races import processes, race
from tests.store.test_sessions_end import continuation, live

pytestmark = pytest.mark.usefixtures("patient")

ARRIVAL = Arrival(b"digest", "default", "authorization.removed", "o1", NOW - 5)
WORK = {"registration": "default"}
ROUNDS = 40


async def test_it_is_kept_for_longer_than_it_can_be_repeated(database: Database) -> None:
    assert await database.transact(deliveries.take, ARRIVAL, None, now=NOW)
    kept = await row(database, "SELECT * FROM webhook_deliveries")
    assert kept.pop("expires_at") - NOW > 2 * 72 * 3600 + 600
    assert kept == {
        "digest": b"digest",
        "registration": "default",
        "event": "authorization.removed",
        "open_id": "o1",
        "occurred_at": NOW - 5,
        "received_at": NOW,
    }
    assert await count(database, "outbox") == 0
    assert "o1" not in repr(ARRIVAL)


@pytest.mark.parametrize("replicas", [1, 3])
async def test_of_a_thousand_copies_one_is_taken_and_its_work_put_down_once(
    database_url: str, replicas: int
) -> None:
    async with processes(database_url, replicas) as databases:
        taken = await race(
            databases, lambda database, _: database.transact(deliveries.take, ARRIVAL, WORK, now=NOW)
        )
        assert sum(taken) == 1
        assert await count(databases[0], "webhook_deliveries") == 1
        assert await count(databases[0], "outbox WHERE kind = 'tiktok_event'") == 1


async def test_without_its_work_it_is_not_taken(database: Database) -> None:
    """One transaction: otherwise the repetition would find it taken, and nobody would do the work."""

    async def interrupted(tx: Transaction) -> None:
        await deliveries.take(tx, ARRIVAL, WORK, now=NOW)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.transact(interrupted)
    assert await database.transact(deliveries.take, ARRIVAL, WORK, now=NOW)


async def test_once_it_is_removed_no_refresh_gets_through(database_url: str) -> None:
    over = False

    async def attempt(database: Database, number: int) -> tuple[bool, Any]:
        nonlocal over
        if number == ROUNDS // 2:
            assert isinstance(await deauthorize(database, now=NOW), Deauthorized)
            over = True
            return False, None
        return over, await rotate(database, refresh_kid=f"{number:08x}")

    async with processes(database_url, 3) as databases:
        await add_client(databases[0])
        await record(databases[0])
        await redeem(databases[0])
        outcomes = await race(databases, attempt, ROUNDS)
        assert all(isinstance(outcome, Refused) for after, outcome in outcomes if after)
        assert isinstance(await rotate(databases[0], 1), Refused)


async def test_whichever_is_first_a_code_leaves_nothing_alive(database_url: str) -> None:
    async def attempt(database: Database, number: int) -> Any:
        return await (deauthorize(database, now=NOW) if number == 1 else redeem(database))

    async with processes(database_url, 3) as databases:
        await add_client(databases[0])
        for number in range(10):
            name = f"digest {number}".encode()
            signed = sign_in(session=f"ses_{number}", id=f"grant{number}", login_digest=name)
            await record(databases[0], signed)
            outcomes = await race(databases, attempt, 3)
            assert sum(isinstance(outcome, Spent) for outcome in outcomes) <= 1
            assert isinstance(await rotate(databases[1], grant_id=f"grant{number}"), Refused)
            assert await count(databases[1], "grants WHERE ended_at IS NULL") == 0
            # The next one begins with the same code.
            await execute(databases[0], "UPDATE grants SET code_digest = login_digest")


async def test_a_code_that_a_session_is_just_getting_ends_with_it(database_url: str) -> None:
    async with processes(database_url, 3) as databases:
        await add_client(databases[0])
        await record(databases[0])
        session = await live(databases[0])

        async def attempt(database: Database, number: int) -> bool:
            if number == ROUNDS // 2:
                assert isinstance(await deauthorize(database, now=NOW), Deauthorized)
                return True
            try:
                await database.run(sign_ins_at_once.resume, continuation(session, number), now=NOW)
            except SessionOver:
                return False
            return True

        outcomes = await race(databases, attempt, ROUNDS)
        assert await count(databases[0], "grants") == sum(outcomes)
        assert await count(databases[0], "grants WHERE ended_at IS NULL") == 0
        assert await count(databases[0], "sessions WHERE ended_at IS NULL") == 0


@pytest.mark.parametrize("erase", [False, True])
async def test_sign_ins_in_the_same_moment_are_wholly_before_it_or_wholly_after(
    database_url: str, erase: bool
) -> None:
    """Before it nothing is left of them, after it nothing is missing; and nobody waits for the other forever."""

    async def attempt(database: Database, number: int) -> None:
        if number % 10 == 5:
            await deauthorize(database, erase=erase, now=NOW)
            return
        name = f"digest {number}".encode()
        grant: dict[str, Any] = {"id": f"grant{number}", "login_digest": name, "code_digest": name}
        await record(database, sign_in(session=f"ses_{number}", **grant))

    async with processes(database_url, 3) as databases:
        await add_client(databases[0])
        await race(databases, attempt, 100)
        joined = "grants g JOIN sessions s ON s.id = g.session_id"
        assert await count(databases[0], joined) == 90
        assert await count(databases[0], f"{joined} WHERE (g.ended_at IS NULL) <> (s.ended_at IS NULL)") == 0
        living = await count(databases[0], "grants WHERE ended_at IS NULL") > 0
        assert await count(databases[0], "accounts WHERE sealed_tokens IS NOT NULL") == living
        await deauthorize(databases[0], now=NOW)
        assert await count(databases[0], "grants WHERE ended_at IS NULL") == 0


@pytest.mark.parametrize(
    ("changes", "received", "written"),
    [
        ({}, NOW + 1, False),
        ({"occurred_at": NOW - 59}, NOW + 1, False),
        ({"occurred_at": NOW - 60}, NOW + 1, True),
        ({}, NOW, True),
        ({"event": "video.publish.completed"}, NOW + 1, True),
        ({"registration": "other"}, NOW + 1, True),
        ({"open_id": "O1"}, NOW + 1, True),
    ],
)
async def test_a_consent_that_was_taken_back_while_tiktok_was_asked_lets_nobody_in(
    database: Database, changes: dict[str, Any], received: int, written: bool
) -> None:
    """In doubt is what came in from the second after `NOW` on."""
    await add_client(database)
    await database.transact(deliveries.take, replace(ARRIVAL, **changes), WORK, now=received)
    if written:
        await record(database, now=NOW + 2)
    else:
        with pytest.raises(TakenBack):
            await record(database, now=NOW + 2)
    for table in ("users", "accounts", "sessions", "grants", "audit_events"):
        assert await count(database, table) == written
