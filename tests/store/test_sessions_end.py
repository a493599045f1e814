"""Signing out in the store: one transaction that races with sign-ins from the same session."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from broker.store import clients, sessions, sign_ins_at_once
from broker.store.database import Database, connect
from broker.store.sessions import LiveSession
from broker.store.sign_ins import Continuation, SessionOver
from tests.store.rows import (
    APP,
    NOW,
    REDIRECT,
    SESSION_TTL,
    new_grant,
    record,
    row,
    sign_in_of_another,
)

SESSION = "ses_1"
EAR = "https://app.example/logged-out"
BY_THE_APP: dict[str, Any] = {"reason": "sign_out", "client_id": APP, "request_id": "request-2"}


async def live(database: Database) -> LiveSession:
    found = await database.read(sessions.find, SESSION.encode(), now=NOW)
    assert found is not None
    return found


def continuation(session: LiveSession, number: int, client_id: str = APP, **grant: Any) -> Continuation:
    """One more sign-in from the session."""
    name = str(number).encode()
    begun = new_grant(id=f"g{number}", client_id=client_id, login_digest=name, code_digest=name, **grant)
    return Continuation(session, NOW + SESSION_TTL, begun, None, "request-2")


async def count(database: Database, condition: str) -> int:
    found: int = (await row(database, f"SELECT count(*) AS found FROM {condition}"))["found"]
    return found


async def test_ending_counts_once_and_names_each_listening_client_once(signed_in: Database) -> None:
    database = signed_in
    for client_id, ear in (("cli_listening", EAR), ("cli_deaf", None), ("cli_elsewhere", EAR)):
        metadata = {"redirect_uris": [REDIRECT], "backchannel_logout_uri": ear}
        await database.transact(clients.add, client_id, metadata, None, now=NOW)
    session = await live(database)
    for number, client_id in enumerate(["cli_listening", "cli_listening", "cli_deaf"]):
        await database.run(sign_ins_at_once.resume, continuation(session, number, client_id), now=NOW)
    assert await database.transact(sessions.end, SESSION, **BY_THE_APP, now=NOW) is True
    assert await database.transact(sessions.end, SESSION, **BY_THE_APP, now=NOW + 1) is False
    assert await database.transact(sessions.end, "ses_unknown", **BY_THE_APP, now=NOW) is False
    assert await database.read(sessions.find, SESSION.encode(), now=NOW) is None
    assert await count(database, "outbox") == 1
    told = await row(database, "SELECT payload, due_at, expires_at FROM outbox")
    assert '"client_id":"cli_listening"' in told["payload"]
    assert (told["due_at"], told["expires_at"]) == (NOW, NOW + 3_600)


async def test_nothing_is_told_of_an_end_that_is_rolled_back(signed_in: Database) -> None:
    """The deliveries and the audit event are of the same transaction as the end."""
    metadata = {"redirect_uris": [REDIRECT], "backchannel_logout_uri": EAR}
    await signed_in.transact(clients.set_metadata, APP, metadata, now=NOW)

    class ChangedMind(Exception):
        pass

    async def end_and_fail(tx: Any) -> None:
        assert await sessions.end(tx, SESSION, **BY_THE_APP, now=NOW)
        raise ChangedMind

    with pytest.raises(ChangedMind):
        await signed_in.transact(end_and_fail)
    assert await count(signed_in, "outbox") == 0
    assert await count(signed_in, "audit_events WHERE event = 'session.ended'") == 0
    assert await live(signed_in)


async def test_a_sign_in_that_races_with_the_end_is_ended_or_refused(
    database_url: str, signed_in: Database
) -> None:
    """From two processes: whoever wins, no grant of an ended session lives that was not for offline use."""
    other = await connect(database_url, pool_size=5)
    session = await live(signed_in)

    async def resume(number: int) -> bool:
        database = (signed_in, other)[number % 2]
        try:
            await database.run(sign_ins_at_once.resume, continuation(session, number, offline=False), now=NOW)
        except SessionOver:
            return False
        return True

    async def end() -> bool:
        for _ in range(5):
            await other.read(sessions.find, SESSION.encode(), now=NOW)
        return await other.transact(sessions.end, SESSION, **BY_THE_APP, now=NOW)

    try:
        *won, ended = await asyncio.gather(*(resume(number) for number in range(40)), end())
        assert await resume(99) is False
    finally:
        await other.close()
    assert ended
    assert await count(signed_in, "grants") == 1 + sum(won)
    assert await count(signed_in, "grants WHERE ended_at IS NULL") == 0


async def test_another_person_in_the_browser_ends_the_session_before(signed_in: Database) -> None:
    metadata = {"redirect_uris": [REDIRECT], "backchannel_logout_uri": EAR}
    await signed_in.transact(clients.set_metadata, APP, metadata, now=NOW)
    second = sign_in_of_another()
    await record(signed_in, replace(second, old_cookie=SESSION.encode()))
    assert await signed_in.read(sessions.find, SESSION.encode(), now=NOW) is None
    assert await signed_in.read(sessions.find, b"ses_2", now=NOW) is not None
    assert (await row(signed_in, "SELECT ended_reason FROM grants WHERE id <> 'g2'"))["ended_reason"] == "replaced"
    assert await count(signed_in, "outbox") == 1
