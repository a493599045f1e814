"""Copies of people's pictures: asked for by a sign-in, kept while they are still the person's, shown by name.

A name (`users.avatar_id`) is given when a picture is first heard of, and is the name of the delivery that is to
copy it. Its first part is the `id` of the person's one row here, the rest the row's `version`.
"""

from dataclasses import dataclass, field

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Insert,
    Text,
    bindparam,
    cast,
    delete,
    exists,
    func,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from broker.store import outbox as deliveries
from broker.store.database import Transaction
from broker.store.outbox import Delivery
from broker.store.schema import avatars, outbox, users
from broker.store.users import AVATAR_HANDLE_LENGTH

AVATAR = "avatar"
_TRIED_SECONDS = 3600
# A link lives for a day or two: after a long standstill one try shows whether it still does.
_DELIVERY_SECONDS = 2 * 86_400


@dataclass(frozen=True, slots=True)
class Copy:
    """A picture as it was copied. `name` is the one under which it is shown now."""

    name: str
    media_type: str
    image: bytes = field(repr=False)


_STILL_THEIRS = (users.c.id == bindparam("user"), users.c.avatar_id == bindparam("name"))
_WANTED = select(users.c.avatar_url).where(*_STILL_THEIRS)
# Changes nothing but holds the row: whoever erases the person or brings another picture waits, or was first.
_HOLD = update(users).where(*_STILL_THEIRS).values(avatar_id=users.c.avatar_id)


def _keeping(*conditions: ColumnElement[bool]) -> Insert:
    columns = [column for column in avatars.columns if column is not avatars.c.user_id]
    given = select(*(cast(bindparam(column.name), column.type) for column in (avatars.c.user_id, *columns)))
    new = insert(avatars).from_select(["user_id", *(column.name for column in columns)], given.where(*conditions))
    return new.on_conflict_do_update(
        index_elements=[avatars.c.user_id], set_={column: new.excluded[column.name] for column in columns}
    )


# SQLite takes an ON CONFLICT behind a SELECT only if that has a WHERE.
_KEEP = _keeping(true())
_HOLD_AND_KEEP = _keeping(exists(_HOLD.returning(users.c.id).cte("held").select())).add_cte(
    deliveries.DONE.cte("done")
)
_GIVE_UP = (
    update(users)
    .where(*_STILL_THEIRS)
    .values(
        # A link not heard of: when the next sign-in brings it again, that is news.
        avatar_url=None,
        avatar_id=select(avatars.c.id.concat(avatars.c.version))
        .where(avatars.c.user_id == users.c.id)
        .correlate(users)
        .scalar_subquery(),
    )
)
_FIND = select(avatars.c.id, avatars.c.version, avatars.c.media_type, avatars.c.image).where(
    avatars.c.id == bindparam("handle")
)
_AWAITED = select(outbox.c.id).where(outbox.c.id == bindparam("name"))
_FORGET_LINK = update(users).where(users.c.id == bindparam("user")).values(avatar_url=None, avatar_id=None)
_FORGET = delete(avatars).where(avatars.c.user_id == bindparam("user"))
_OFFERED = bindparam("person_avatar_id", type_=Text)


def _version(name: ColumnElement[str]) -> ColumnElement[str]:
    return func.substr(name, AVATAR_HANDLE_LENGTH + 1)


def copying(user_id: str, name: str, *, link: str | None = None, now: int) -> Delivery:
    """The first try to copy a picture under its new name; tries go on for an hour.

    A `link` that is known already need not be read. It is never written down with it: it is the person's.
    """
    payload = {"user_id": user_id, "name": name, "tried_until": now + _TRIED_SECONDS}
    known = {"link": link} if link else {}
    return Delivery(name, AVATAR, payload | known, attempts=1, expires_at=now + _DELIVERY_SECONDS)


async def ask(tx: Transaction, user_id: str, name: str, *, now: int) -> None:
    """Have the person's picture copied under this new name. Whoever asks is to begin with `copying` it."""
    await deliveries.put_taken(tx, copying(user_id, name, now=now), now=now)


def asking(user_id: ColumnElement[str], name: ColumnElement[str]) -> Insert:
    """`ask` as part of a longer statement, if the name that was offered is now the picture's. For PostgreSQL.

    Its parameters are `asked`, and the `person_avatar_id` of `users.vouched`.
    """
    until = bindparam("tried_until", type_=BigInteger)
    payload = func.json_build_object("user_id", user_id, "name", name, "tried_until", until)
    return deliveries.putting(AVATAR, name, payload.cast(Text), when=_version(name) == _version(_OFFERED))


def asked(*, now: int) -> dict[str, int]:
    """What `asking` is to know."""
    told = deliveries.puts(expires_at=now + _DELIVERY_SECONDS, now=now)
    return told | {"tried_until": now + _TRIED_SECONDS}


async def wanted(tx: Transaction, user_id: str, name: str) -> str | None:
    """TikTok's newest link to the picture; None when the person is gone or has another picture by now."""
    row = await tx.one(_WANTED, user=user_id, name=name)
    return row["avatar_url"] if row else None


async def keep(tx: Transaction, user_id: str, name: str, media_type: str, image: bytes, *, now: int) -> bool:
    """Keep the copy in place of any before; False when it is not the person's any more. For `run`.

    Either way the delivery is done.
    """
    copy = {
        "id": name[:AVATAR_HANDLE_LENGTH],
        "version": name[AVATAR_HANDLE_LENGTH:],
        "user_id": user_id,
        "media_type": media_type,
        "image": image,
        "created_at": now,
    }
    theirs = {"user": user_id, "name": name}
    if tx.folds:
        return bool(await tx.run(_HOLD_AND_KEEP, **theirs, **copy, delivery=name))
    async with tx.whole():
        kept = bool(await tx.run(_HOLD, **theirs) and await tx.run(_KEEP, **copy))
        await deliveries.done(tx, name)
        return kept


async def give_up(tx: Transaction, user_id: str, name: str) -> None:
    """Nothing can be copied: what was copied before, if anything, stays the picture until the next sign-in."""
    await tx.run(_GIVE_UP, user=user_id, name=name)


async def find(tx: Transaction, name: str) -> Copy | None:
    """The copy of the person to whom this name was given: under it, or under another by now."""
    row = await tx.one(_FIND, handle=name[:AVATAR_HANDLE_LENGTH])
    return Copy(row["id"] + row["version"], row["media_type"], row["image"]) if row else None


async def awaited(tx: Transaction, name: str) -> bool:
    """Whether somebody is about to copy what this name was given to."""
    return await tx.one(_AWAITED, name=name) is not None


async def forget(tx: Transaction, user_id: str) -> None:
    """Nobody shall see this person's picture any more. For `transact`."""
    await tx.run(_FORGET_LINK, user=user_id)
    await tx.run(_FORGET, user=user_id)
