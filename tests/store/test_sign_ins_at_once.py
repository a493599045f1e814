"""On PostgreSQL a sign-in is one statement, when it is as nearly all are; any other goes the way of many steps."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from broker.store import clients, deliveries, sign_ins_at_once
from broker.store.database import Database, Row, Transaction
from broker.store.deauthorization import Deauthorized, deauthorize
from broker.store.sign_ins import LoginSpent, SessionOver, SignIn, SomebodyElse, TakenBack, Written
from tests.by_hand import execute
from tests.emptied import Emptied
from tests.store.rows import APP, NOW, add_client, authorization, profile, record, sign_in
from tests.store.test_deauthorization import count
from tests.store.test_deliveries import ARRIVAL, WORK
from tests.store.test_sessions_end import continuation, live
from tests.store.watching import Statements

pytestmark = pytest.mark.usefixtures("patient")
AT_ONCE = ["WITH"]
LINK = "https://p16-sign-va.tiktokcdn.com/tos/one.jpeg?x-expires=1"
WAITING = (
    "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)
IMPORTED = """
INSERT INTO imported_people (sub, union_id, imported_at) VALUES ('usr_promised', 'u1', 1)
"""


@pytest.fixture(params=["postgresql"])
def database_url(request: pytest.FixtureRequest, emptied_postgres: Emptied) -> str:
    """PostgreSQL only: SQLite refuses a WITH that writes."""
    return emptied_postgres.empty(keys=False)


def again(**changes: Any) -> SignIn:
    """The same person once more, in another browser."""
    return replace(sign_in(session="ses_2", id="g2", login_digest=b"l2", code_digest=b"c2"), **changes)


async def test_it_is_one_statement_for_somebody_new_and_for_somebody_known(
    statements: Statements, database: Database
) -> None:
    await add_client(database)
    person = profile(display_name='Ada "the first"', avatar_url=LINK)
    for signed, new in ((sign_in(person=person), True), (again(profile=person), False)):
        statements.clear()
        written = await record(database, replace(signed, copy_avatar=True))
        assert statements.kinds == AT_ONCE
        assert isinstance(written, Written)
        assert (written.new_avatar is not None) is new
    assert await count(database, "outbox WHERE kind = 'avatar'") == 1


async def rows(tx: Transaction, sql: str) -> list[Row]:
    """What a query of the test's own finds."""
    return await tx.all(text(sql))


async def blocked(database: Database) -> None:
    await execute(database, "UPDATE users SET blocked_at = 1")


async def disconnected(database: Database) -> None:
    await execute(database, "UPDATE accounts SET sealed_tokens = NULL")


async def disabled(database: Database) -> None:
    await database.run(clients.disable, APP, now=NOW)


async def ended(database: Database) -> None:
    await execute(database, "UPDATE sessions SET ended_at = 1")


async def promised(database: Database) -> None:
    await execute(database, IMPORTED)


async def nothing(database: Database) -> None:
    pass


@pytest.mark.parametrize(
    ("before", "changes"),
    [
        (blocked, {}),
        (disconnected, {}),
        (disabled, {}),
        (promised, {}),
        (nothing, {"expected_user": "usr_somebody_else"}),
        (nothing, {"authorization": authorization(registration="second")}),
        (nothing, {"grant": sign_in(id="g2", code_digest=b"c2").grant}),
    ],
)
async def test_anything_else_writes_nothing_at_once_and_goes_step_by_step(
    statements: Statements,
    signed_in: Database,
    before: Callable[[Database], Awaitable[None]],
    changes: dict[str, Any],
) -> None:
    await before(signed_in)
    statements.clear()
    with contextlib.suppress(LoginSpent, SomebodyElse):
        await record(signed_in, again(**changes))
    assert statements.kinds[:2] == [*AT_ONCE, "BEGIN"]


async def test_so_is_one_from_a_session_that_lives(statements: Statements, signed_in: Database) -> None:
    session = await live(signed_in)
    statements.clear()
    await signed_in.run(sign_ins_at_once.resume, continuation(session, 1), now=NOW)
    assert statements.kinds == AT_ONCE
    assert await count(signed_in, "audit_events WHERE event = 'sign_in' AND reason = 'session'") == 1
    for over, refusal in ((disabled, LoginSpent), (ended, SessionOver)):
        await over(signed_in)
        statements.clear()
        with pytest.raises(refusal):
            await signed_in.run(sign_ins_at_once.resume, continuation(session, 2), now=NOW)
        assert statements.kinds[:2] == [*AT_ONCE, "BEGIN"]
    assert await count(signed_in, "grants") == 2


async def test_a_consent_taken_back_while_the_statement_waits_is_seen(signed_in: Database) -> None:
    """It began to look before there was word of it, and comes to the account after the pair has gone."""
    signing_in: asyncio.Task[Any] | None = None

    async def take_back(tx: Transaction) -> object:
        nonlocal signing_in
        await rows(tx, "SELECT id FROM users FOR UPDATE")
        signing_in = asyncio.create_task(record(signed_in, again(), now=NOW + 2))
        while not await signed_in.read(rows, WAITING):
            pass
        assert await signed_in.transact(deliveries.take, ARRIVAL, WORK, now=NOW + 1)
        asked: dict[str, Any] = {
            "registration": "default",
            "open_id": "o1",
            "occurred_at": NOW,
            "reason": "disconnected",
        }
        return await deauthorize(tx, **asked, erase=False, now=NOW + 1)

    assert isinstance(await signed_in.transact(take_back), Deauthorized)
    assert signing_in is not None
    with pytest.raises(TakenBack):
        await signing_in
    assert await count(signed_in, "accounts WHERE sealed_tokens IS NOT NULL") == 0
    assert await count(signed_in, "sessions WHERE ended_at IS NULL") == 0
