"""What has expired goes, and nothing that anybody could still use or must still remember."""

from typing import Any

import pytest

from broker.oauth.status_list import LEEWAY_SECONDS
from broker.store import audit, purging
from broker.store.database import Database
from tests.by_hand import execute
from tests.store.rows import (
    CODE_TTL,
    GRANT_TTL,
    NOW,
    REFRESH_TTL,
    SESSION_TTL,
    redeem,
    row,
)

DAY = 86_400


async def purge(database: Database, *, now: int) -> dict[str, int]:
    """What went, by table."""
    counts = {kind: sum(await batches(database, kind, most=100, now=now)) for kind in purging.KINDS}
    return {kind: count for kind, count in counts.items() if count}


async def batches(
    database: Database, kind: str, *, most: int, audit_retention: int | None = None, now: int
) -> list[int]:
    """What went with each batch, from the beginning of a table to its end."""
    counts, place = [], purging.beginning(kind)
    while True:
        batch = await database.run(
            purging.purge, kind, place=place, most=most, audit_retention=audit_retention, now=now
        )
        counts.append(batch.gone)
        if batch.place is None:
            return counts
        place = batch.place


async def count(database: Database, table: str) -> int:
    found: int = (await row(database, f"SELECT count(*) AS found FROM {table}"))["found"]
    return found


async def test_a_grant_goes_when_code_refresh_and_access_tokens_and_session_are_over(signed_in: Database) -> None:
    """Its row spends its login, too, which may come for as long as a login lasts."""
    await redeem(signed_in)
    await execute(
        signed_in, f"UPDATE grants SET refresh_expires_at = {NOW + 2 * DAY}, expires_at = {NOW + 2 * DAY}"
    )
    assert await purge(signed_in, now=NOW + 2 * DAY - 1) == {}
    assert await count(signed_in, "sessions") == 1
    assert await purge(signed_in, now=NOW + 2 * DAY) == {"grants": 1, "sessions": 1}


@pytest.mark.parametrize("lives", ["code", "access token", "session"])
async def test_each_of_its_lives_keeps_a_grant(signed_in: Database, lives: str) -> None:
    await redeem(signed_in)
    when = NOW + 10 * DAY
    assert when > NOW + GRANT_TTL
    change = {
        "code": f"UPDATE grants SET code_expires_at = {when - DAY + 1}",
        "access token": f"UPDATE grants SET access_expires_at = {when - LEEWAY_SECONDS + 1}",
        "session": f"UPDATE sessions SET expires_at = {when + 1}",
    }
    await execute(signed_in, change[lives])
    assert await purge(signed_in, now=when) == {}
    assert await purge(signed_in, now=when + 1) == {"grants": 1, "sessions": 1}


async def test_a_code_that_nobody_came_for_goes_after_a_day(signed_in: Database) -> None:
    assert await purge(signed_in, now=NOW + DAY + CODE_TTL - 1) == {}
    assert await purge(signed_in, now=NOW + DAY + CODE_TTL) == {"grants": 1, "sessions": 1}


async def test_a_session_stays_while_a_grant_of_it_lives(signed_in: Database) -> None:
    """Tokens of a grant for offline use name the session even when it has ended."""
    await redeem(signed_in)
    await execute(signed_in, f"UPDATE sessions SET ended_at = {NOW}")
    await execute(signed_in, f"UPDATE grants SET refresh_expires_at = {NOW + 9 * DAY}")
    assert await purge(signed_in, now=NOW + 9 * DAY - 1) == {}
    assert (await row(signed_in, "SELECT session_id FROM grants"))["session_id"] == "ses_1"


async def test_a_live_session_without_grants_stays(signed_in: Database) -> None:
    await execute(signed_in, "DELETE FROM grants")
    assert await purge(signed_in, now=NOW + SESSION_TTL - 1) == {}
    assert await purge(signed_in, now=NOW + SESSION_TTL) == {"sessions": 1}


ROWS: dict[str, tuple[str, int]] = {
    # How a row is made that expires at NOW, and how much later it goes.
    "pushed_requests": (
        "INSERT INTO pushed_requests (digest, client_id, parameters, expires_at)"
        f" SELECT cookie_digest, 'c', '', {NOW} FROM sessions",
        DAY,
    ),
    "spent_ids": (f"INSERT INTO spent_ids (digest, expires_at) SELECT cookie_digest, {NOW} FROM sessions", 0),
    "webhook_deliveries": (
        "INSERT INTO webhook_deliveries (digest, registration, event, occurred_at, received_at, expires_at)"
        f" SELECT cookie_digest, 'r', 'e', 1, 1, {NOW} FROM sessions",
        0,
    ),
    "deleted_grants": (f"INSERT INTO deleted_grants VALUES (7, {NOW}, {NOW})", 0),
    "outbox": (f"INSERT INTO outbox VALUES ('d', 'kind', '[]', 0, 1, {NOW})", DAY),
}


@pytest.mark.parametrize("kind", ROWS)
async def test_rows_with_an_end_go_at_it(signed_in: Database, kind: str) -> None:
    statement, later = ROWS[kind]
    await execute(signed_in, statement)
    await execute(signed_in, f"UPDATE sessions SET expires_at = {NOW + 9 * DAY}")
    assert await purge(signed_in, now=NOW + later - 1) == {}
    assert await count(signed_in, kind) == 1
    assert await purge(signed_in, now=NOW + later) == {kind: 1}


async def test_people_apps_and_what_happened_stay(signed_in: Database) -> None:
    for now in (NOW + 1_000 * DAY, NOW + REFRESH_TTL):
        await purge(signed_in, now=now)
    kept: dict[str, Any] = {
        table: await count(signed_in, table) for table in ("users", "accounts", "clients", "audit_events")
    }
    assert kept == {"users": 1, "accounts": 1, "clients": 1, "audit_events": 1}


async def test_audit_events_go_at_the_age_that_was_set_and_by_themselves_never(database: Database) -> None:
    for number, at in enumerate((NOW - 2 * DAY, NOW - DAY, NOW - DAY + 1)):
        await database.transact(audit.record, "sign_in", actor="user", reason=str(number), now=at)
    assert await batches(database, "audit_events", most=100, now=NOW + 9_999 * DAY) == [0]
    assert await batches(database, "audit_events", most=100, audit_retention=DAY, now=NOW) == [2]
    (left,) = await database.read(audit.newest, most=10)
    assert left.reason == "2"
    assert await purge(database, now=NOW) == {}
