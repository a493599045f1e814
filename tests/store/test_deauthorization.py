"""A consent taken back at TikTok: what ends, what is forgotten, who is told, and what stays as it was."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from broker.store import audit, clients, deauthorization, sessions
from broker.store.database import Database, Transaction
from broker.store.deauthorization import Deauthorized, Outdated
from broker.store.grant_rows import Refused, Spent
from tests.by_hand import execute
from tests.store.rows import (
    APP,
    GRANT,
    NOW,
    REDIRECT,
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

ADA = profile(display_name="Ada", username="ada", avatar_url="https://p16.tiktokcdn.com/a")
EAR = "https://app.example/logged-out"


async def deauthorize(database: Database, **changes: Any) -> Deauthorized | Outdated | None:
    """What the outbox does for the account of `rows.authorization`, but for the changes."""
    asked: dict[str, Any] = {
        "registration": "default",
        "open_id": "o1",
        "occurred_at": NOW,
        "reason": "disconnected",
        "erase": False,
        "now": NOW + 1,
    }
    return await database.transact(deauthorization.deauthorize, **(asked | changes))


async def count(database: Database, condition: str) -> int:
    found: int = (await row(database, f"SELECT count(*) AS found FROM {condition}"))["found"]
    return found


async def another_sign_in(database: Database, number: int, **changes: Any) -> None:
    """One more sign-in in a browser of its own."""
    name = f"digest {number}".encode()
    grant = {"id": f"grant{number}", "login_digest": name, "code_digest": name, "client_id": APP}
    await record(database, sign_in(session=f"ses_{number}", **(grant | changes)))


async def listening(database: Database, client_id: str) -> None:
    metadata = {"redirect_uris": [REDIRECT], "backchannel_logout_uri": EAR}
    await database.transact(clients.add, client_id, metadata, None, now=NOW)


async def told(database: Database) -> set[tuple[str, str]]:
    """Client and session of every notice in the outbox."""
    rows = await database.read(_outbox)
    return {(payload["client_id"], payload["sid"]) for payload in rows}


async def _outbox(tx: Transaction) -> list[dict[str, str]]:
    return [orjson.loads(row["payload"]) for row in await tx.all(text("SELECT payload FROM outbox"))]


async def test_session_grant_and_tokens_end_in_one_transaction(signed_in: Database) -> None:
    await redeem(signed_in)
    await execute(signed_in, "UPDATE accounts SET refresh_lease = 'a', refresh_lease_until = 1")
    assert await deauthorize(signed_in) == Deauthorized(sessions=1, grants=1)
    account = await row(signed_in, "SELECT * FROM accounts")
    emptied = ("sealed_tokens", "access_expires_at", "refresh_expires_at", "refresh_lease", "refresh_lease_until")
    assert [account[name] for name in emptied] == [None] * 5
    grant = await grant_row(signed_in)
    assert (grant["ended_at"], grant["ended_reason"]) == (NOW + 1, "deauthorized")
    assert await signed_in.read(sessions.find, b"ses_1", now=NOW + 1) is None
    event = await row(signed_in, "SELECT * FROM audit_events WHERE event = 'authorization.removed'")
    assert (event["actor"], event["registration"], event["reason"]) == ("tiktok", "default", "disconnected")
    assert (event["user_id"], event["at"]) == (account["user_id"], NOW + 1)
    assert isinstance(await rotate(signed_in), Refused)


async def test_a_code_that_was_not_redeemed_yet_is_void(signed_in: Database) -> None:
    await deauthorize(signed_in)
    assert isinstance(await redeem(signed_in), Refused)


async def test_what_hangs_on_other_accounts_and_other_people_goes_on(signed_in: Database) -> None:
    """The same person through another registration, and somebody with the same `open_id` there."""
    await another_sign_in(signed_in, 2, account=authorization(registration="other"))
    await another_sign_in(signed_in, 3, account=authorization(open_id="o3"), person=profile(union_id="u3"))
    assert await deauthorize(signed_in) == Deauthorized(sessions=1, grants=1)
    assert await count(signed_in, "accounts WHERE sealed_tokens IS NOT NULL") == 2
    for number in (2, 3):
        assert await signed_in.read(sessions.find, f"ses_{number}".encode(), now=NOW) is not None
        assert isinstance(await redeem(signed_in, code_digest=f"digest {number}".encode()), Spent)


@pytest.mark.parametrize(("later", "ends"), [(60, True), (61, False)])
async def test_an_event_over_a_minute_older_than_the_newest_sign_in_changes_nothing(
    signed_in: Database, later: int, ends: bool
) -> None:
    now = NOW + later
    signed = sign_in(session="ses_2", id="grant2", login_digest=b"2", code_digest=b"2")
    await record(signed_in, signed, now=now)
    events = await count(signed_in, "audit_events")
    outcome = await deauthorize(signed_in, occurred_at=NOW, erase=True, now=now)
    assert outcome == (Deauthorized(sessions=2, grants=2) if ends else Outdated())
    assert await count(signed_in, "grants WHERE ended_at IS NULL") == (0 if ends else 2)
    assert await count(signed_in, "accounts WHERE sealed_tokens IS NULL") == (1 if ends else 0)
    assert await count(signed_in, "users WHERE display_name IS NULL") == (1 if ends else 0)
    assert await count(signed_in, "audit_events") == events + (3 if ends else 0)


async def test_a_stranger_is_nobody(signed_in: Database) -> None:
    for unknown in ({"open_id": "O1"}, {"open_id": "u1"}, {"registration": "other"}):
        assert await deauthorize(signed_in, **unknown) is None
    assert await count(signed_in, "grants WHERE ended_at IS NULL") == 1
    assert await count(signed_in, "audit_events") == 1


async def test_the_picture_goes_always_name_and_handle_when_asked_and_only_theirs(database: Database) -> None:
    await add_client(database)
    await record(database, sign_in(person=ADA))
    bo = {"person": profile(union_id="u2", display_name="Bo"), "account": authorization(open_id="o2")}
    await another_sign_in(database, 2, **bo)
    for number in (1, 2):
        await execute(database, f"UPDATE users SET avatar_id = 'av{number}' WHERE union_id = 'u{number}'")
        await execute(
            database,
            "INSERT INTO avatars (id, user_id, version, media_type, image, created_at)"
            f" SELECT 'av{number}', id, 'v', 'image/png', 'x', 1 FROM users WHERE union_id = 'u{number}'",
        )
    await deauthorize(database)
    assert (
        await count(database, "users WHERE display_name = 'Ada' AND avatar_id IS NULL AND avatar_url IS NULL") == 1
    )
    assert (await row(database, "SELECT id FROM avatars"))["id"] == "av2"
    await deauthorize(database, erase=True)
    user = await row(database, "SELECT * FROM users WHERE union_id = 'u1'")
    assert [user[name] for name in ("display_name", "username", "avatar_url", "avatar_id")] == [None] * 4
    assert (await row(database, "SELECT id FROM avatars"))["id"] == "av2"
    assert await count(database, "users WHERE display_name = 'Bo'") == 1


async def test_every_listening_app_of_an_ended_session_or_grant_hears_it_once(signed_in: Database) -> None:
    """An app of another session does not; one whose grant outlived its session does."""
    for client_id in ("cli_a", "cli_b", "cli_c"):
        await listening(signed_in, client_id)
    other = authorization(registration="other")
    await another_sign_in(signed_in, 2, client_id="cli_a")
    await another_sign_in(signed_in, 3, client_id="cli_b")
    await another_sign_in(signed_in, 4, client_id="cli_c", account=other)
    await execute(signed_in, "UPDATE sessions SET ended_at = 1 WHERE id = 'ses_3'")
    await deauthorize(signed_in)
    assert await told(signed_in) == {("cli_a", "ses_2"), ("cli_b", "ses_3")}
    assert await count(signed_in, "outbox") == 2


async def test_a_session_renewed_through_another_account_goes_on_without_the_grants(signed_in: Database) -> None:
    """Only the app that lost its grant hears of it; when the other account goes, everybody does."""
    for client_id in ("cli_a", "cli_b"):
        await listening(signed_in, client_id)
    await another_sign_in(signed_in, 2, client_id="cli_a")
    grant: dict[str, Any] = {"id": "grant3", "login_digest": b"3", "code_digest": b"3", "client_id": "cli_b"}
    again = sign_in(account=authorization(registration="other"), session="ses_3", **grant)
    await record(signed_in, replace(again, old_cookie=b"ses_2"))
    assert await deauthorize(signed_in) == Deauthorized(sessions=1, grants=2)
    assert await count(signed_in, "sessions WHERE id = 'ses_2' AND ended_at IS NULL") == 1
    assert await told(signed_in) == {("cli_a", "ses_2")}
    assert await deauthorize(signed_in, registration="other") == Deauthorized(sessions=1, grants=1)
    assert await count(signed_in, "sessions WHERE ended_at IS NULL") == 0
    assert await told(signed_in) == {("cli_a", "ses_2"), ("cli_b", "ses_2")}


async def test_a_session_that_ends_takes_along_what_hangs_on_it_from_before(signed_in: Database) -> None:
    """As at a sign-out: what is not for offline use, begun through an account that is still good."""
    again = sign_in(
        account=authorization(registration="other"),
        session="ses_2",
        id="grant2",
        login_digest=b"2",
        code_digest=b"2",
    )
    await record(signed_in, replace(again, old_cookie=b"ses_1"))
    await execute(signed_in, "UPDATE grants SET offline = 0")
    assert await deauthorize(signed_in, registration="other") == Deauthorized(sessions=1, grants=1)
    reasons = await row(signed_in, "SELECT min(ended_reason) AS one, max(ended_reason) AS two FROM grants")
    assert reasons == {"one": "deauthorized", "two": "deauthorized"}


async def test_a_fresh_sign_in_is_welcome_and_the_repeated_event_a_minute_later_is_too_old(
    signed_in: Database,
) -> None:
    await deauthorize(signed_in, erase=True)
    later = NOW + 3_600
    signed = sign_in(person=ADA, session="ses_2", id="grant2", login_digest=b"2", code_digest=b"2")
    await record(signed_in, replace(signed, session=replace(signed.session, expires_at=later + 60)), now=later)
    assert await count(signed_in, "users WHERE display_name = 'Ada' AND username = 'ada'") == 1
    assert await count(signed_in, "accounts WHERE sealed_tokens IS NOT NULL") == 1
    assert await deauthorize(signed_in, erase=True, now=later) == Outdated()
    assert await count(signed_in, "users WHERE display_name = 'Ada'") == 1


async def test_every_session_and_every_family_of_tokens_that_ends_is_an_event(signed_in: Database) -> None:
    await redeem(signed_in)
    await deauthorize(signed_in)
    events = await signed_in.read(audit.newest, most=10)
    ended = [(event.event, event.actor, event.client_id, event.session_id, event.grant_id) for event in events]
    assert ("session.ended", "tiktok", None, "ses_1", None) in ended
    assert ended.count(("grant.ended", "tiktok", APP, "ses_1", GRANT)) == 1
    assert {event.reason for event in events if event.event.endswith(".ended")} == {"deauthorized"}
