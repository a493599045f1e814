"""Who was imported is joined by their next sign-in, under the `sub` that the import promised."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from broker.store import audit, importing, leaving, waiting
from broker.store.database import Database, connect
from broker.store.import_matches import Newcomer
from broker.store.importing import Taken
from broker.store.sign_ins import Blocked, LoginSpent, SignIn, Written
from tests.by_hand import execute
from tests.journeys.tables import contents
from tests.store.rows import NOW, add_client, authorization, profile, record, sign_in

BY_OPEN_ID = Newcomer(None, "default", "o1", "42", None, blocked=False)
BY_UNION_ID = Newcomer("u1", None, None, "42", None, blocked=False)
both = pytest.mark.parametrize("newcomer", [BY_OPEN_ID, BY_UNION_ID], ids=["open_id", "union_id"])


@pytest.fixture
async def there(database: Database) -> Database:
    """A database with a client in it."""
    await add_client(database)
    return database


async def promised(database: Database, newcomer: Newcomer) -> str:
    """The `sub` of somebody just imported."""
    (taken,) = await database.transact(importing.take, [newcomer], now=NOW)
    assert isinstance(taken, Taken)
    assert taken.outcome == "added"
    return taken.sub


def another(number: int, **changes: Any) -> SignIn:
    """Another sign-in, in another browser."""
    digests: dict[str, Any] = dict.fromkeys(("login_digest", "code_digest"), b"%d" % number)
    return sign_in(session=f"ses_{number}", id=f"grant{number}", **digests, **changes)


async def signed_in(database: Database, number: int, **changes: Any) -> str:
    """The `sub` under which somebody has signed in."""
    written = await record(database, another(number, **changes), now=NOW + number)
    assert isinstance(written, Written)
    return written.user_id


async def events(database: Database, name: str) -> list[audit.Event]:
    return await database.read(audit.newest, event=name, most=100)


@both
async def test_the_first_sign_in_takes_the_promised_sub_and_every_later_one_keeps_it(
    there: Database, newcomer: Newcomer
) -> None:
    sub = await promised(there, newcomer)
    assert sub.startswith("usr_")
    assert [await signed_in(there, number) for number in (1, 2)] == [sub, sub]
    (joined,) = await events(there, "user.joined")
    assert (joined.user_id, joined.reason, joined.request_id) == (sub, "imported", "request-1")
    assert await there.read(waiting.find, sub) == []
    assert await there.read(waiting.joined_as, sub) == ["42"]


@both
async def test_nobody_else_takes_it(there: Database, newcomer: Newcomer) -> None:
    """An `open_id` belongs to a registration, and an `open_id` is no `union_id`."""
    sub = await promised(there, newcomer)
    strangers = (
        {"person": profile(union_id="u2"), "account": authorization(open_id="o2")},
        {"person": profile(union_id="o1"), "account": authorization(open_id="u1")},
        {"person": profile(union_id="u3"), "account": authorization(registration="second", open_id="o1")},
    )
    for number, stranger in enumerate(strangers):
        assert await signed_in(there, number, **stranger) != sub
    assert await signed_in(there, 9) == sub


async def test_a_union_id_decides_where_an_open_id_says_otherwise(there: Database) -> None:
    """The other system knew one person twice; both of its names lead to one `sub`, that of the `union_id`."""
    first = await promised(there, BY_OPEN_ID)
    sub = await promised(there, replace(BY_UNION_ID, previous_id="43"))
    assert first != sub
    assert await signed_in(there, 1) == sub
    assert await there.read(waiting.joined_as, sub) == ["42", "43"]
    assert {each.reason for each in await events(there, "user.joined")} == {"imported", "known here before"}


async def test_whoever_was_known_before_stays_who_they_are(there: Database) -> None:
    """Known through one registration, and imported by an `open_id` of another: only TikTok can tell."""
    known = await signed_in(there, 1)
    sub = await promised(there, replace(BY_OPEN_ID, registration="second", open_id="o2"))
    account = authorization(registration="second", open_id="o2")
    assert await signed_in(there, 2, account=account) == known != sub
    (joined,) = await events(there, "user.joined")
    assert (joined.user_id, joined.reason) == (known, "known here before")
    (again,) = await there.transact(
        importing.take, [replace(BY_OPEN_ID, registration="second", open_id="o2")], now=NOW
    )
    assert again == Taken("known", known)


@both
async def test_who_was_blocked_there_is_refused_here(there: Database, newcomer: Newcomer) -> None:
    sub = await promised(there, replace(newcomer, blocked=True))
    assert await record(there, another(1)) == Blocked()
    assert [each.user_id for each in await events(there, "user.blocked")] == [sub]
    assert [each.reason for each in await events(there, "sign_in.refused")] == ["blocked"]


async def test_a_block_that_comes_with_another_account_ends_what_is_open(there: Database) -> None:
    known = await signed_in(there, 1)
    await promised(there, replace(BY_OPEN_ID, registration="second", blocked=True))
    assert await record(there, another(2, account=authorization(registration="second"))) == Blocked()
    assert [(each.user_id, each.reason) for each in await events(there, "session.ended")] == [(known, "blocked")]


async def test_a_sign_in_that_came_to_nothing_joins_nobody(there: Database) -> None:
    sub = await promised(there, BY_OPEN_ID)
    with pytest.raises(LoginSpent):
        await record(there, another(1, client_id="nobody"))
    assert [one.sub for one in await there.read(waiting.find, "o1")] == [sub]
    assert await signed_in(there, 2) == sub


async def test_whoever_is_erased_is_awaited_no_more(there: Database) -> None:
    """As somebody who was imported in the moment of their sign-in, of which neither saw the other."""
    sub = await signed_in(there, 1)
    for waiting_as, ids in (
        ("by-open-id", "NULL, 'default', 'o1'"),
        ("by-union-id", "'u1', NULL, NULL"),
        ("somebody-else", "NULL, 'second', 'o1'"),
    ):
        await execute(
            there,
            "INSERT INTO imported_people (sub, union_id, registration, open_id, imported_at)"
            f" VALUES ('{waiting_as}', {ids}, 1)",
        )
    await there.transact(leaving.erase, sub, now=NOW)
    assert [row["sub"] for row in (await contents(there))["imported_people"]] == ["somebody-else"]


@pytest.mark.usefixtures("patient")
async def test_two_browsers_at_once_are_one_person(there: Database, database_url: str) -> None:
    sub = await promised(there, BY_OPEN_ID)
    other = await connect(database_url)
    databases = (there, other)
    came = await asyncio.gather(*(signed_in(databases[number % 2], number) for number in range(12)))
    await other.close()
    assert set(came) == {sub}
    assert len(await events(there, "user.joined")) == 1


@pytest.mark.usefixtures("patient")
async def test_two_who_import_the_same_at_once_promise_the_same(there: Database, database_url: str) -> None:
    people = [replace(BY_OPEN_ID, open_id=f"o{number}", previous_id=str(number)) for number in range(60)]
    other = await connect(database_url)
    both = await asyncio.gather(
        there.transact(importing.take, people, now=NOW),
        other.transact(importing.take, people[::-1], now=NOW),
    )
    await other.close()
    mine, theirs = both[0], both[1][::-1]
    assert [each.sub for each in mine if isinstance(each, Taken)] == [
        each.sub for each in theirs if isinstance(each, Taken)
    ]
    outcomes = [each.outcome for each in (*mine, *theirs) if isinstance(each, Taken)]
    assert (outcomes.count("added"), outcomes.count("unchanged")) == (60, 60)
