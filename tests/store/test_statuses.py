"""What the status lists are told: who has ended, for exactly as long as anybody may believe a token of theirs."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest
from sqlalchemy import Executable

from broker.oauth.status_list import LEEWAY_SECONDS, SIZE
from broker.store import clients, grants, leaving, statuses
from broker.store.database import Database, Transaction
from broker.store.grant_rows import Spent
from tests.by_hand import execute
from tests.store.rows import (
    APP,
    GRANT,
    NOW,
    Outcome,
    add_client,
    grant_row,
    record,
    redeem,
    rotate,
    row,
    sign_in,
)

LIFE = 600
OVER = NOW + LIFE + LEEWAY_SECONDS
"""When nobody believes the access token of `redeem` any more."""


@pytest.fixture
async def redeemed(database: Database) -> Database:
    """Somebody with an access token, at place 7; a key for tokens of `LIFE`, another for those of a month."""
    await add_client(database)
    await record(database, sign_in(status_index=7))
    await redeem(database)
    for kid, use, life in (("k1", "sig", LIFE), ("k2", "refresh", 30 * 86_400)):
        await execute(
            database,
            "INSERT INTO signing_keys (kid, use, alg, number, sealed_key, created_at, signs_from, token_life)"
            f" SELECT '{kid}', '{use}', 'ES256', 1, cookie_digest, 1, 1, {life} FROM sessions",
        )
    return database


async def end(database: Database, now: int = NOW) -> None:
    assert await database.run(grants.end, GRANT, reason="r", request_id=None, now=now)


async def ended(database: Database, now: int = NOW) -> Sequence[int]:
    return list(await database.read(statuses.ended, now=now))


async def ended_since(database: Database, since: int, now: int = NOW) -> Sequence[int]:
    return list(await database.read(statuses.ended_since, since=since, now=now))


async def test_who_has_ended_is_told_of_until_the_last_token_is_over(redeemed: Database) -> None:
    assert await ended(redeemed) == []
    await end(redeemed)
    for now, told in ((NOW, [7]), (OVER - 1, [7]), (OVER, [])):
        assert await ended(redeemed, now) == told
        assert await ended_since(redeemed, NOW - 1, now) == told
    assert await ended_since(redeemed, NOW) == []


async def test_a_token_that_was_over_when_its_grant_ended_needs_no_telling(redeemed: Database) -> None:
    await end(redeemed, now=OVER)
    assert await ended(redeemed, OVER) == []


async def test_what_never_had_a_token_and_what_has_no_place_is_not_told_of(database: Database) -> None:
    await add_client(database)
    await record(database, sign_in(status_index=7))
    await end(database)
    assert await ended(database) == await ended_since(database, 0) == []
    await execute(database, f"UPDATE grants SET access_expires_at = {NOW + LIFE}, status_index = NULL")
    assert await ended(database) == await ended_since(database, 0) == []


async def test_tokens_of_a_longer_life_are_told_of_after_the_setting_was_made_shorter(redeemed: Database) -> None:
    """The row keeps the latest end of all its tokens, the key the longest life that it signed for."""
    assert isinstance(await rotate(redeemed, access_expires_at=NOW + 60), Spent)
    assert (await grant_row(redeemed))["access_expires_at"] == NOW + LIFE
    await end(redeemed)
    assert await ended(redeemed, OVER - 1) == [7]


async def test_a_longer_life_moves_the_end_on(redeemed: Database) -> None:
    assert isinstance(await rotate(redeemed, access_expires_at=NOW + 2 * LIFE), Spent)
    assert (await grant_row(redeemed))["access_expires_at"] == NOW + 2 * LIFE


async def test_of_deleted_grants_it_is_told_for_just_as_long(redeemed: Database) -> None:
    sub = (await row(redeemed, "SELECT id FROM users"))["id"]
    await redeemed.transact(leaving.erase, sub, now=NOW)
    for now, told in ((NOW, [7]), (OVER - 1, [7]), (OVER, [])):
        assert await ended(redeemed, now) == told
        assert await ended_since(redeemed, NOW - 1, now) == told
    assert await ended_since(redeemed, NOW) == []


@pytest.mark.parametrize("before", ["living", "ended"])
async def test_a_removed_app_leaves_behind_what_its_tokens_need(redeemed: Database, before: str) -> None:
    if before == "ended":
        await end(redeemed, now=NOW - 100)
    await redeemed.transact(clients.remove, APP, now=NOW)
    assert await ended(redeemed) == await ended_since(redeemed, NOW - 1) == [7]


async def test_what_is_over_when_it_is_deleted_leaves_nothing_behind(redeemed: Database) -> None:
    await redeemed.transact(clients.remove, APP, now=OVER)
    assert (await row(redeemed, "SELECT count(*) AS found FROM deleted_grants"))["found"] == 0


async def test_a_place_is_given_to_who_has_none_and_never_changed(redeemed: Database) -> None:
    first = await rotate(redeemed, status_index=99)
    assert isinstance(first, Spent)
    assert first.grant.status_index == 7
    await execute(redeemed, "UPDATE grants SET status_index = NULL")
    for generation, fresh, expected in ((1, None, None), (2, 99, 99), (3, 100, 99), (4, None, 99)):
        outcome = await rotate(redeemed, generation, status_index=fresh)
        assert isinstance(outcome, Spent)
        assert outcome.grant.status_index == expected


async def test_nobody_gets_what_somebody_else_has_reserved(database: Database) -> None:
    firsts = await asyncio.gather(*(database.run(statuses.reserve, many=1024) for _ in range(20)))
    assert sorted(firsts) == [1024 * number for number in range(20)]
    assert (await database.read(statuses.in_use)).reserved == 20 * 1024


async def test_lists_in_use_are_those_with_a_grant_in_them(database: Database) -> None:
    found = await database.read(statuses.in_use)
    assert (list(found.lists), found.reserved) == ([], 0)
    await add_client(database)
    places = (None, 5, 6, SIZE - 1, 3 * SIZE, 3 * SIZE + 1, 4 * SIZE, 4_000 * SIZE + 17)
    for number, place in enumerate(places):
        names: dict[str, Any] = {"code_digest": b"c%d" % number, "login_digest": b"l%d" % number}
        await record(database, sign_in(session=f"ses_{number}", id=f"{number}" * 32, status_index=place, **names))
    assert list((await database.read(statuses.in_use)).lists) == [0, 3, 4, 4_000]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_no_code_is_redeemed_between_the_telling_and_the_deleting(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its token would live, and nothing would be left to tell of it."""
    await add_client(database)
    await record(database, sign_in(status_index=7))
    keep = statuses.keep_of_client
    attempts: list[asyncio.Task[Outcome]] = []

    async def meanwhile(tx: Transaction, client_id: str, *, now: int) -> None:
        await keep(tx, client_id, now=now)
        attempts.append(asyncio.create_task(redeem(database)))
        await asyncio.wait(attempts, timeout=0.3)

    monkeypatch.setattr(statuses, "keep_of_client", meanwhile)
    await database.transact(clients.remove, APP, now=NOW)
    assert not isinstance(await attempts[0], Spent)


async def test_however_many_have_ended_no_statement_reads_them_all(database: Database) -> None:
    """Some in one second, some in another; a statement that reads everybody would take longer than it may."""
    many = 2 * statuses.PAGE + 5
    await execute(
        database,
        "INSERT INTO deleted_grants (status_index, ended_at, expires_at)"
        f" WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {many - 1})"
        f" SELECT {many} - i, CASE WHEN i % 4 = 0 THEN 50 ELSE 60 END, 1000 FROM n",
    )
    pages: list[int] = []

    async def watched(tx: Transaction, since: int) -> Sequence[int]:
        class Watched:
            async def all(self, statement: Executable, **parameters: object) -> list[Any]:
                page = list(await tx.all(statement, **parameters))
                pages.append(len(page))
                return page

        return await statuses.ended_since(cast("Transaction", Watched()), since=since, now=100)

    for since, those in ((49, many), (50, many - many // 4 - 1), (60, 0)):
        found = await database.read(watched, since)
        assert len(found) == len(set(found)) == those
    assert pages == [statuses.PAGE, statuses.PAGE, 5, statuses.PAGE, 1003, 0]
