"""One transaction writes a finished login: user, account, session, grant and its code, audit; or nothing."""

import pytest

from broker.store import clients, grants, sign_ins
from broker.store.database import Database
from broker.store.sign_ins import Blocked, Written
from tests.by_hand import execute
from tests.store.rows import (
    APP,
    CODE_TTL,
    GRANT,
    GRANT_TTL,
    NOW,
    add_client,
    grant_row,
    profile,
    record,
    redeem,
    row,
    sign_in,
)

COUNTS = """SELECT (SELECT count(*) FROM users) AS users, (SELECT count(*) FROM accounts) AS accounts,
(SELECT count(*) FROM sessions) AS sessions, (SELECT count(*) FROM grants) AS grants,
(SELECT count(*) FROM audit_events) AS events"""
NOTHING = {"users": 0, "accounts": 0, "sessions": 0, "grants": 0, "events": 0}


async def test_a_sign_in_writes_every_row_it_needs(database: Database) -> None:
    await add_client(database)
    outcome = await record(database)
    assert isinstance(outcome, Written)
    assert outcome.user_id.startswith("usr_")
    assert await row(database, COUNTS) == dict.fromkeys(NOTHING, 1)
    grant = await grant_row(database)
    assert (grant["id"], grant["client_id"], grant["user_id"]) == (GRANT, APP, outcome.user_id)
    assert (grant["generation"], grant["redeemed_at"], grant["ended_at"]) == (0, None, None)
    assert (grant["code_expires_at"], grant["expires_at"]) == (NOW + CODE_TTL, NOW + GRANT_TTL)
    assert (grant["session_id"], grant["offline"], grant["auth_time"]) == ("ses_1", 1, NOW)


async def test_a_sign_in_is_told_to_the_audit_in_the_same_transaction(signed_in: Database) -> None:
    event = await row(signed_in, "SELECT * FROM audit_events")
    assert event["id"].startswith("evt_")
    assert (event["event"], event["actor"], event["at"]) == ("sign_in", "user", NOW)
    assert (event["client_id"], event["session_id"], event["grant_id"]) == (APP, "ses_1", GRANT)
    assert (event["registration"], event["request_id"], event["reason"]) == ("default", "request-1", None)


async def test_a_login_is_spent_by_its_first_answer(signed_in: Database) -> None:
    again = sign_in(person=profile(union_id="u2"), session="ses_2", id="h" * 32, code_digest=b"another code")
    with pytest.raises(sign_ins.LoginSpent):
        await record(signed_in, again)
    assert await row(signed_in, COUNTS) == dict.fromkeys(NOTHING, 1)


@pytest.mark.parametrize("gone", ["disabled", "removed"])
async def test_a_client_that_is_no_longer_welcome_gets_no_code(database: Database, gone: str) -> None:
    await add_client(database)
    if gone == "disabled":
        await database.transact(clients.disable, APP, now=NOW)
    else:
        await database.transact(clients.remove, APP, now=NOW)
    with pytest.raises(sign_ins.LoginSpent):
        await record(database)
    assert await row(database, COUNTS) == NOTHING


async def test_a_blocked_person_gets_neither_session_nor_code_and_the_audit_says_so(signed_in: Database) -> None:
    await execute(signed_in, f"UPDATE users SET blocked_at = {NOW}")
    again = sign_in(session="ses_2", id="h" * 32, code_digest=b"another code", login_digest=b"another login")
    assert await record(signed_in, again) == Blocked()
    assert await row(signed_in, COUNTS) == dict.fromkeys(NOTHING, 1) | {"events": 2}
    refused = await row(signed_in, "SELECT * FROM audit_events WHERE event = 'sign_in.refused'")
    assert (refused["reason"], refused["session_id"], refused["grant_id"]) == ("blocked", None, None)


async def test_a_grant_ends_once(signed_in: Database) -> None:
    assert await signed_in.run(grants.end, GRANT, reason="signed out", request_id=None, now=NOW + 1)
    assert not await signed_in.run(grants.end, GRANT, reason="again", request_id=None, now=NOW + 2)
    ended = await grant_row(signed_in)
    assert (ended["ended_at"], ended["ended_reason"]) == (NOW + 1, "signed out")


async def test_a_living_grant_is_found_with_its_person(signed_in: Database) -> None:
    await redeem(signed_in)
    found = await signed_in.read(grants.find_live, GRANT)
    assert found is not None
    assert (found.id, found.union_id, found.open_id) == (GRANT, "u1", "o1")
    assert await signed_in.read(grants.find_live, "h" * 32) is None


async def test_a_grant_of_somebody_unwelcome_is_not_found(signed_in: Database) -> None:
    """From the next request on: no userinfo, no positive introspection."""
    for table, column in (("users", "blocked_at"), ("grants", "ended_at"), ("clients", "disabled_at")):
        await execute(signed_in, f"UPDATE {table} SET {column} = {NOW}")
        assert await signed_in.read(grants.find_live, GRANT) is None, table
        await execute(signed_in, f"UPDATE {table} SET {column} = NULL")
        assert await signed_in.read(grants.find_live, GRANT) is not None, table
    await execute(signed_in, "DELETE FROM clients")
    assert await signed_in.read(grants.find_live, GRANT) is None


async def test_deleting_a_person_takes_everything_of_theirs_along(signed_in: Database) -> None:
    """The foreign keys cascade; SQLite keeps them only when it is told to at every connection."""
    await execute(signed_in, "DELETE FROM users")
    assert await row(signed_in, COUNTS) == NOTHING | {"events": 1}


async def test_a_deleted_session_leaves_its_grant(signed_in: Database) -> None:
    await execute(signed_in, "DELETE FROM sessions")
    assert (await grant_row(signed_in))["session_id"] is None
