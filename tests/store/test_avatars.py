"""Which picture is somebody's, and that a copy is kept only while it is that one."""

import asyncio
from typing import Any

import pytest

from broker.store import avatars, outbox, users
from broker.store.database import Database
from broker.store.users import AVATAR_HANDLE_LENGTH
from tests.by_hand import execute
from tests.store.rows import NOW, profile, row

LINK = "https://p16-sign.tiktokcdn.com/tos/a~c5_168x168.jpeg?x-expires=1&x-signature=a"
SAME = [
    LINK,
    "https://p77-sign-va.tiktokcdn-us.com/tos/a~c5_168x168.jpeg?x-expires=2&x-signature=b",
    "https://p16-sign.tiktokcdn.com/tos/a~c5_168x168.jpeg",
]
ANOTHER = "https://p16-sign.tiktokcdn.com/tos/b~c5_168x168.jpeg?x-expires=1&x-signature=a"


async def met(database: Database, link: str | None, *, copy: bool = True) -> users.User:
    return await database.transact(users.upsert, profile(avatar_url=link), copy_avatar=copy, now=NOW)


async def kept(database: Database) -> dict[str, Any]:
    return await row(database, "SELECT avatar_url, avatar_id FROM users")


async def keep(database: Database, user: users.User, image: bytes = b"image") -> bool:
    assert user.new_avatar is not None
    return await database.run(avatars.keep, user.id, user.new_avatar, "image/png", image, now=NOW)


async def test_a_picture_has_a_name_from_the_first_sign_in_on(database: Database) -> None:
    user = await met(database, LINK)
    assert user.new_avatar is not None
    assert (await kept(database))["avatar_id"] == user.new_avatar
    for link in SAME:
        assert (await met(database, link)).new_avatar is None
        assert await kept(database) == {"avatar_url": link, "avatar_id": user.new_avatar}
    assert (await met(database, None)).new_avatar is None
    assert await kept(database) == {"avatar_url": SAME[-1], "avatar_id": user.new_avatar}


async def test_another_picture_has_another_name_of_which_the_first_part_stays(database: Database) -> None:
    first, second = await met(database, LINK), await met(database, ANOTHER)
    assert first.new_avatar is not None
    assert second.new_avatar is not None
    assert first.new_avatar != second.new_avatar
    assert first.new_avatar[:AVATAR_HANDLE_LENGTH] == second.new_avatar[:AVATAR_HANDLE_LENGTH]
    assert (await met(database, LINK)).new_avatar not in (None, first.new_avatar, second.new_avatar)


@pytest.mark.parametrize(
    ("old", "new"), [("/a.jpeg", "/a.jpe"), ("/a.jpe", "/a.jpeg"), ("/a%2Eb", "/a.b"), ("/a", "/A"), ("/_", "/x")]
)
async def test_a_path_is_compared_to_the_character(database: Database, old: str, new: str) -> None:
    await met(database, f"https://p16.tiktokcdn.com{old}?x=1")
    assert (await met(database, f"https://p16.tiktokcdn.com{new}?x=1")).new_avatar is not None


async def test_while_nothing_is_copied_there_are_no_names(database: Database) -> None:
    assert (await met(database, LINK, copy=False)).new_avatar is None
    assert (await kept(database))["avatar_id"] is None
    named = await met(database, LINK)
    assert named.new_avatar is not None
    # And what changes meanwhile is copied once copying is on again.
    await met(database, LINK, copy=False)
    assert (await kept(database))["avatar_id"] == named.new_avatar
    await met(database, ANOTHER, copy=False)
    assert (await kept(database))["avatar_id"] is None
    assert (await met(database, ANOTHER)).new_avatar is not None


async def test_a_copy_is_found_by_every_name_of_its_person(database: Database) -> None:
    first = await met(database, LINK)
    assert first.new_avatar is not None
    assert await database.read(avatars.find, first.new_avatar) is None
    assert await keep(database, first)
    assert await database.read(avatars.find, first.new_avatar) == avatars.Copy(
        first.new_avatar, "image/png", b"image"
    )
    second = await met(database, ANOTHER)
    assert second.new_avatar is not None
    assert await keep(database, second, b"another")
    for name in (first.new_avatar, second.new_avatar):
        assert await database.read(avatars.find, name) == avatars.Copy(second.new_avatar, "image/png", b"another")
    assert (await row(database, "SELECT count(*) AS n FROM avatars"))["n"] == 1


async def test_a_copy_that_came_too_late_is_not_kept(database: Database) -> None:
    first = await met(database, LINK)
    second = await met(database, ANOTHER)
    assert second.new_avatar is not None
    assert await keep(database, second, b"another")
    assert not await keep(database, first)
    assert first.new_avatar is not None
    assert await database.read(avatars.wanted, first.id, first.new_avatar) is None
    assert await database.read(avatars.wanted, first.id, second.new_avatar) == ANOTHER
    found = await database.read(avatars.find, second.new_avatar)
    assert found is not None
    assert found.image == b"another"


async def test_a_picture_given_up_leaves_the_one_before_and_is_news_when_it_comes_again(
    database: Database,
) -> None:
    first = await met(database, LINK)
    assert first.new_avatar is not None
    await database.run(avatars.give_up, first.id, first.new_avatar)
    assert await kept(database) == {"avatar_url": None, "avatar_id": None}
    again = await met(database, LINK)
    assert await keep(database, again)
    other = await met(database, ANOTHER)
    assert other.new_avatar is not None
    await database.run(avatars.give_up, other.id, other.new_avatar)
    assert await kept(database) == {"avatar_url": None, "avatar_id": again.new_avatar}
    assert (await met(database, ANOTHER)).new_avatar is not None
    # Of one that is no longer the person's nothing is given up.
    before = await kept(database)
    await database.run(avatars.give_up, other.id, other.new_avatar)
    assert await kept(database) == before


async def test_a_forgotten_or_erased_person_has_no_picture_and_gets_none(database: Database) -> None:
    for erase in (False, True):
        user = await met(database, LINK)
        assert await keep(database, user)
        if erase:
            await execute(database, "DELETE FROM users")
        else:
            await database.transact(avatars.forget, user.id)
            assert await kept(database) == {"avatar_url": None, "avatar_id": None}
        assert (await row(database, "SELECT count(*) AS n FROM avatars"))["n"] == 0
        assert not await keep(database, user)
        assert (await row(database, "SELECT count(*) AS n FROM avatars"))["n"] == 0


async def test_keeping_and_forgetting_at_once_leave_nothing(database: Database) -> None:
    for number in range(10):
        user = await met(database, f"https://p16.tiktokcdn.com/{number}.jpeg?x=1")
        await asyncio.gather(keep(database, user), database.transact(avatars.forget, user.id))
        assert (await row(database, "SELECT count(*) AS n FROM avatars"))["n"] == 0


async def test_of_many_sign_ins_with_a_new_picture_one_has_it_copied(database: Database) -> None:
    await met(database, None)
    named = [user.new_avatar for user in await asyncio.gather(*(met(database, LINK) for _ in range(20)))]
    assert len([name for name in named if name is not None]) == 1


@pytest.mark.parametrize("theirs", [True, False])
async def test_with_a_copy_its_delivery_is_over(database: Database, theirs: bool) -> None:
    """In the same transaction, so that a picture is never there and awaited; also when it is theirs no more."""
    user = await met(database, LINK)
    assert user.new_avatar is not None
    await database.transact(avatars.ask, user.id, user.new_avatar, now=NOW)
    await database.transact(avatars.ask, "usr_other", "b" * 40, now=NOW)
    if not theirs:
        await database.transact(avatars.forget, user.id)
    assert await keep(database, user) is theirs
    assert not await database.read(avatars.awaited, user.new_avatar)
    assert await database.read(avatars.awaited, "b" * 40)


async def test_a_delivery_is_known_by_the_name_of_its_picture(database: Database) -> None:
    await database.transact(avatars.ask, "usr_1", "a" * 40, now=NOW)
    assert await database.read(avatars.awaited, "a" * 40)
    assert not await database.read(avatars.awaited, "b" * 40)
    assert await database.run(outbox.take, "a" * 40, now=NOW + 29) is None, "whoever asked is at it"
    delivery = await database.run(outbox.take, "a" * 40, now=NOW + 30)
    assert delivery is not None
    assert delivery.attempts == 2
    assert delivery.payload == {"user_id": "usr_1", "name": "a" * 40, "tried_until": NOW + 3600}
    await database.run(outbox.done, "a" * 40)
    assert not await database.read(avatars.awaited, "a" * 40)
