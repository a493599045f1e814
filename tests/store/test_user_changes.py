"""What an operator does to a person: everything ends in one transaction, whoever is just signing in."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from sqlalchemy import text

from broker.store import clients, endings, everybody, leaving, sessions, sign_ins_at_once, user_changes
from broker.store.database import Database, Row, Transaction, connect
from broker.store.endings import Standing
from broker.store.sign_ins import SessionOver, SignIn, Written
from tests.by_hand import execute
from tests.store.rows import (
    APP,
    GRANT,
    NOW,
    REDIRECT,
    record,
    redeem,
    row,
    sign_in,
    sign_in_of_another,
)
from tests.store.test_sessions_end import continuation, live
from tests.store.watching import Statements

EAR = "https://app.example/logged-out"
Change = Callable[..., Coroutine[Any, Any, Any]]
CHANGES: dict[str, Change] = {
    "sign out": user_changes.sign_out,
    "block": user_changes.block,
    "disconnect": leaving.disconnect,
    "erase": leaving.erase,
    "sign out all": lambda tx, _, now: everybody.sign_out(tx, after="", most=endings.MOST, now=now),
}


async def all_of(database: Database, sql: str) -> list[Row]:
    async def ask(tx: Transaction) -> list[Row]:
        return await tx.all(text(sql))

    return await database.read(ask)


async def person(database: Database) -> str:
    found: str = (await row(database, "SELECT id FROM users"))["id"]
    return found


def again(number: int, **grant: Any) -> SignIn:
    """The same person, in another browser."""
    name = f"n{number}"
    return sign_in(session=f"ses_{name}", id=name, login_digest=name.encode(), code_digest=name.encode(), **grant)


async def test_everything_ends_with_its_events_and_each_listening_app_is_told_of_each_session(
    signed_in: Database,
) -> None:
    metadata = {"redirect_uris": [REDIRECT], "backchannel_logout_uri": EAR}
    await signed_in.transact(clients.set_metadata, APP, metadata, now=NOW)
    await redeem(signed_in, client_version=2)
    await record(signed_in, again(2))
    await record(signed_in, again(3))
    await record(signed_in, again(4))
    sub = await person(signed_in)
    # One session is over already, with a grant for offline use that goes on; one has expired, and its code has; of
    # one that is alive only the code has.
    by_the_app: Any = {"reason": "sign_out", "client_id": APP, "request_id": None}
    await signed_in.transact(sessions.end, "ses_1", **by_the_app, now=NOW)
    await execute(signed_in, f"UPDATE sessions SET expires_at = {NOW} WHERE id = 'ses_n3'")
    await execute(signed_in, f"UPDATE grants SET code_expires_at = {NOW} WHERE id IN ('n3', 'n4')")
    await execute(signed_in, "DELETE FROM outbox")
    assert await signed_in.read(endings.standing, sub, now=NOW) == Standing(2, 2)
    assert await signed_in.transact(user_changes.sign_out, sub, now=NOW) == Standing(2, 2)
    assert await signed_in.read(endings.standing, sub, now=NOW) == Standing(0, 0)
    told = await all_of(signed_in, "SELECT payload FROM outbox")
    assert sorted(each["payload"] for each in told) == [
        f'{{"client_id":"{APP}","sub":"{sub}","sid":"{sid}"}}' for sid in ("ses_1", "ses_n2", "ses_n4")
    ]
    events = await all_of(signed_in, "SELECT * FROM audit_events WHERE actor = 'operator'")
    assert sorted((each["event"], each["session_id"], each["grant_id"], each["reason"]) for each in events) == [
        ("grant.ended", "ses_1", GRANT, "signed_out"),
        ("grant.ended", "ses_n2", "n2", "signed_out"),
        ("session.ended", "ses_n2", None, "signed_out"),
        ("session.ended", "ses_n4", None, "signed_out"),
        ("user.signed_out", None, None, None),
    ]
    ended = await all_of(signed_in, "SELECT ended_at FROM grants UNION ALL SELECT ended_at FROM sessions")
    assert {each["ended_at"] for each in ended} == {NOW}


async def test_of_many_at_once_each_ends_under_their_own_name_and_it_costs_no_more_statements(
    statements: Statements, signed_in: Database
) -> None:
    metadata = {"redirect_uris": [REDIRECT], "backchannel_logout_uri": EAR}
    await signed_in.transact(clients.set_metadata, APP, metadata, now=NOW)
    await record(signed_in, sign_in_of_another())
    subs = {row["union_id"]: row["id"] for row in await all_of(signed_in, "SELECT * FROM users")}
    statements.clear()
    batch = await signed_in.transact(everybody.sign_out, after="", most=endings.MOST, now=NOW)
    kinds = [kind for index, kind in enumerate(statements.kinds) if kind != statements.kinds[index - 1]]
    assert kinds == ["BEGIN", "SELECT", "UPDATE", "INSERT", "SELECT", "INSERT", "COMMIT"]
    assert batch == everybody.Batch(2, Standing(2, 2), max(subs.values()))
    assert sorted(each["payload"] for each in await all_of(signed_in, "SELECT payload FROM outbox")) == sorted(
        f'{{"client_id":"{APP}","sub":"{subs[union_id]}","sid":"{sid}"}}'
        for union_id, sid in (("u1", "ses_1"), ("u2", "ses_2"))
    )
    events = await all_of(signed_in, "SELECT * FROM audit_events WHERE actor = 'operator'")
    assert {(each["event"], each["user_id"], each["session_id"], each["grant_id"]) for each in events} == {
        ("grant.ended", subs["u1"], "ses_1", GRANT),
        ("grant.ended", subs["u2"], "ses_2", "g2"),
        ("session.ended", subs["u1"], "ses_1", None),
        ("session.ended", subs["u2"], "ses_2", None),
        ("user.signed_out", subs["u1"], None, None),
        ("user.signed_out", subs["u2"], None, None),
    }
    assert len(events) == 6


async def test_more_than_may_be_ended_at_once_are_refused_and_not_overlooked(signed_in: Database) -> None:
    subs = [await person(signed_in)] * (endings.MOST + 1)
    with pytest.raises(ValueError, match="longer"):
        await signed_in.transact(endings.end_all, subs, reason="signed_out", now=NOW)


async def test_what_is_rolled_back_has_not_happened(signed_in: Database) -> None:
    """Ends, events, notices and the revocation at TikTok are of one transaction."""

    class ChangedMind(Exception):
        pass

    async def change_and_fail(tx: Transaction, change: Change, sub: str) -> None:
        assert await change(tx, sub, now=NOW) is not None
        raise ChangedMind

    for change in CHANGES.values():
        with pytest.raises(ChangedMind):
            await signed_in.transact(change_and_fail, change, await person(signed_in))
        assert await live(signed_in)
        assert (await row(signed_in, "SELECT sealed_tokens FROM accounts"))["sealed_tokens"] is not None
        assert await all_of(signed_in, "SELECT id FROM outbox") == []
        assert await all_of(signed_in, "SELECT id FROM audit_events WHERE actor = 'operator'") == []


@pytest.mark.parametrize("name", CHANGES)
async def test_whoever_is_just_signing_in_is_ended_refused_or_came_afterwards(
    database_url: str, signed_in: Database, name: str
) -> None:
    """From two processes, by TikTok and from the session: nobody waits for ever, and no code of before lives."""
    other = await connect(database_url, pool_size=5)
    session, sub = await live(signed_in), await person(signed_in)
    changed = False
    afterwards: set[str] = set()

    async def resume(number: int) -> None:
        database = (signed_in, other)[number % 2]
        try:
            await database.run(sign_ins_at_once.resume, continuation(session, number), now=NOW)
        except SessionOver:
            return

    async def arrive(number: int) -> None:
        late = changed
        outcome = await (signed_in, other)[number % 2].run(sign_ins_at_once.record, again(number), now=NOW)
        if isinstance(outcome, Written):
            afterwards.add(f"n{number}")
        assert not (late and name == "block" and isinstance(outcome, Written))

    async def change() -> Any:
        nonlocal changed
        for _ in range(5):
            await other.read(sessions.find, b"ses_1", now=NOW)
        outcome = await other.transact(CHANGES[name], sub, now=NOW)
        changed = True
        return outcome

    try:
        async with asyncio.timeout(30):
            *_, outcome = await asyncio.gather(
                *(resume(number) for number in range(20)), *(arrive(number) for number in range(20, 40)), change()
            )
    finally:
        await other.close()
    assert outcome is not None
    # Of the session there was before nothing lives; what lives was written after the change.
    living = await all_of(signed_in, "SELECT id, user_id, session_id FROM grants WHERE ended_at IS NULL")
    assert {grant["id"] for grant in living} <= afterwards
    dead = await all_of(
        signed_in,
        "SELECT g.id FROM grants g JOIN sessions s ON s.id = g.session_id"
        " WHERE g.ended_at IS NULL AND s.ended_at IS NOT NULL",
    )
    assert dead == []
    if name == "block":
        assert living == []
    if name == "erase":
        assert sub not in {grant["user_id"] for grant in living}


async def test_an_erasure_leaves_other_people_alone(signed_in: Database) -> None:
    sub = await person(signed_in)
    other = sign_in_of_another()
    await record(signed_in, other)
    for number, open_id in enumerate(("o1", "o2")):
        await execute(
            signed_in,
            "INSERT INTO webhook_deliveries (digest, registration, event, open_id, occurred_at, received_at,"
            f" expires_at) SELECT cookie_digest, 'default', 'e', '{open_id}', 1, 1, 1 FROM sessions"
            f" WHERE id = 'ses_{number + 1}'",
        )
    left = await signed_in.transact(leaving.erase, sub, now=NOW)
    assert left is not None
    remaining = await all_of(signed_in, "SELECT open_id FROM webhook_deliveries")
    assert {each["open_id"] for each in remaining} == {None, "o2"}
    (rest,) = await all_of(signed_in, "SELECT id, union_id FROM users")
    assert rest["union_id"] == "u2"
    about = await all_of(signed_in, f"SELECT event FROM audit_events WHERE user_id = '{rest['id']}'")
    assert [each["event"] for each in about] == ["sign_in"]
