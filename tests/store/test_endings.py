"""Every end of a session or a grant is told to the audit, once, and in the transaction that made it happen."""

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from broker.store import audit, grants, sessions
from broker.store.database import ConstraintViolated, Database, Row, Transaction
from broker.store.grant_rows import Refused
from tests.by_hand import execute
from tests.store.rows import (
    APP,
    GRANT,
    NOW,
    grant_row,
    record,
    redeem,
    rotate,
    sign_in,
    sign_in_of_another,
)
from tests.store.watching import Statements

Ending = Callable[[Database], Coroutine[Any, Any, Any]]
WHO = ("event", "actor", "client_id", "session_id", "grant_id", "request_id", "reason")


async def endings(database: Database) -> list[Row]:
    """The events but for the sign-ins; those of one second in any order."""

    async def ask(tx: Transaction) -> list[Row]:
        return await tx.all(text("SELECT * FROM audit_events WHERE event NOT LIKE 'sign_in%' ORDER BY at, id"))

    return await database.read(ask)


async def sign_out(database: Database) -> bool:
    return await database.transact(
        sessions.end, "ses_1", reason="sign_out", client_id="cli_asking", request_id="request-2", now=NOW
    )


async def sign_in_as_another(database: Database) -> None:
    another = sign_in_of_another()
    await record(database, replace(another, old_cookie=b"ses_1", request_id="request-2"))


async def reuse_the_code(database: Database) -> Any:
    await redeem(database)
    return await redeem(database)


async def reuse_a_refresh_token(database: Database) -> Any:
    await redeem(database)
    await rotate(database, 0, grace=0)
    return await rotate(database, 0, grace=0)


async def revoke(database: Database) -> bool:
    await redeem(database)
    return await database.run(grants.revoke, GRANT, request_id="request-2", now=NOW)


ENDINGS: dict[str, tuple[Ending, tuple[str | None, ...]]] = {
    "signed out": (
        sign_out,
        ("session.ended", "user", "cli_asking", "ses_1", None, "request-2", "sign_out"),
    ),
    "another person": (
        sign_in_as_another,
        ("session.ended", "user", APP, "ses_1", None, "request-2", "replaced"),
    ),
    "code used twice": (
        reuse_the_code,
        ("grant.ended", "broker", APP, "ses_1", GRANT, "request-2", "code_reuse"),
    ),
    "refresh token used twice": (
        reuse_a_refresh_token,
        ("grant.ended", "broker", APP, "ses_1", GRANT, "request-2", "refresh_token_reuse"),
    ),
    "revoked": (
        revoke,
        ("grant.revoked", "client", APP, "ses_1", GRANT, "request-2", "revoked"),
    ),
}


@pytest.mark.parametrize("how", ENDINGS)
async def test_an_end_is_one_event_that_says_whose_by_whom_and_why(signed_in: Database, how: str) -> None:
    end, expected = ENDINGS[how]
    person = (await grant_row(signed_in))["user_id"]
    await end(signed_in)
    (event,) = [one for one in await endings(signed_in) if one["event"] == expected[0]]
    assert tuple(event[name] for name in WHO) == expected
    assert (event["user_id"], event["at"]) == (person, NOW)


async def test_what_has_ended_ends_no_second_time(signed_in: Database) -> None:
    await reuse_the_code(signed_in)
    for attempt in (redeem(signed_in), rotate(signed_in, 0)):
        outcome = await attempt
        assert isinstance(outcome, Refused)
        assert not outcome.ended
    assert await revoke(signed_in) is False
    assert await sign_out(signed_in)
    assert not await sign_out(signed_in)
    assert sorted(event["event"] for event in await endings(signed_in)) == ["grant.ended", "session.ended"]


async def test_a_family_that_ends_with_its_session_has_an_event_of_its_own(signed_in: Database) -> None:
    """But for one for offline use, which goes on, and for one that was over by itself."""
    await redeem(signed_in)
    await record(signed_in, sign_in(session="ses_1b", id="h" * 32, login_digest=b"2", code_digest=b"2"))
    for grant, change in ((GRANT, "offline = 1"), ("h" * 32, "session_id = 'ses_1'")):
        await execute(signed_in, f"UPDATE grants SET {change} WHERE id = '{grant}'")
    assert await sign_out(signed_in)
    ended = [(event["event"], event["grant_id"], event["reason"]) for event in await endings(signed_in)]
    assert sorted(ended) == [("grant.ended", "h" * 32, "sign_out"), ("session.ended", None, "sign_out")]


async def test_one_that_had_expired_ends_without_an_event(signed_in: Database) -> None:
    await execute(signed_in, f"UPDATE grants SET code_expires_at = {NOW}")
    assert await sign_out(signed_in)
    assert [event["event"] for event in await endings(signed_in)] == ["session.ended"]


@pytest.mark.parametrize("reuse", [reuse_the_code, reuse_a_refresh_token], ids=["code", "refresh token"])
async def test_a_misuse_is_no_end_without_its_event(
    signed_in: Database, monkeypatch: pytest.MonkeyPatch, reuse: Ending
) -> None:
    """Also where each statement stands for itself: the end is undone when the event cannot be written."""
    monkeypatch.setattr(audit, "new_id", lambda: None)
    with pytest.raises(ConstraintViolated):
        await reuse(signed_in)
    assert (await grant_row(signed_in))["ended_at"] is None


@pytest.mark.parametrize("reuse", [reuse_the_code, reuse_a_refresh_token], ids=["code", "refresh token"])
async def test_the_end_costs_one_insert_and_a_refusal_that_ends_nothing_no_transaction(
    statements: Statements, signed_in: Database, reuse: Ending
) -> None:
    postgresql = signed_in.dialect == "postgresql"
    statements.clear()
    await reuse(signed_in)
    ending = ["WITH"] if postgresql else ["UPDATE", "INSERT", "COMMIT"]
    assert statements.kinds[-len(ending) :] == ending
    await execute(signed_in, "UPDATE grants SET ended_at = NULL")
    statements.clear()
    assert isinstance(await redeem(signed_in, code_challenge=None), Refused)
    assert isinstance(await rotate(signed_in, 9), Refused)
    refusals = ["UPDATE", "SELECT", "SELECT"] * 2
    assert [kind for kind in statements.kinds if kind not in ("BEGIN", "COMMIT")] == refusals
    assert postgresql is ("BEGIN" not in statements.kinds)
