"""People: one row per TikTok `union_id`, under a `sub` of our own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import and_, bindparam, case, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from broker import opaque
from broker.store import joining
from broker.store.database import Row, Transaction
from broker.store.schema import users

AVATAR_HANDLE_LENGTH = 32
"""So many characters of `users.avatar_id` are the `id` of the person's row in `avatars`, the others a version."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What TikTok tells of a person; a field it did not tell is None."""

    union_id: str
    display_name: str | None
    username: str | None
    avatar_url: str | None


@dataclass(frozen=True, slots=True)
class User:
    """A person by our own id, `new` or known before. `awaited`: an import has promised them a `sub`.

    `new_avatar`: the picture is another than before, and this is its name.
    """

    id: str
    blocked: bool
    new: bool
    awaited: bool
    new_avatar: str | None = None


# Each with a name that only people's parameters have, so that this may be part of a longer statement.
_insert = insert(users).values({column: bindparam(f"person_{column.name}") for column in users.columns})
# TikTok signs its links anew each time and spreads them over hosts; what stays with a picture is the path. Whether
# the old link has it, is asked in the one way that both databases know.
_OLD_LINK = users.c.avatar_url.concat("?")
_SAME_PICTURE = (
    func.replace(_OLD_LINK, bindparam("person_avatar_path", type_=users.c.avatar_url.type), "") != _OLD_LINK
)
_NEW_AVATAR_ID = func.substr(
    func.coalesce(users.c.avatar_id, _insert.excluded.avatar_id), 1, AVATAR_HANDLE_LENGTH
).concat(func.substr(_insert.excluded.avatar_id, AVATAR_HANDLE_LENGTH + 1))
UPSERT: Final = _insert.on_conflict_do_update(
    index_elements=[users.c.union_id],
    set_={
        # What this sign-in did not tell (a scope not granted this time) is no news: the old value stays.
        "display_name": func.coalesce(_insert.excluded.display_name, users.c.display_name),
        "username": func.coalesce(_insert.excluded.username, users.c.username),
        "avatar_url": func.coalesce(_insert.excluded.avatar_url, users.c.avatar_url),
        "avatar_id": case(
            (
                or_(
                    _insert.excluded.avatar_url.is_(None),
                    and_(users.c.avatar_id.is_not(None), _SAME_PICTURE),
                ),
                users.c.avatar_id,
            ),
            # The first part stays with the person, so that older addresses still lead to a picture.
            else_=_NEW_AVATAR_ID,
        ),
        "updated_at": _insert.excluded.updated_at,
    },
).returning(users.c.id, users.c.blocked_at, users.c.avatar_id, joining.AWAITED.label("awaited"))
"""Makes the row or brings it up to date; its parameters are `vouched`, and `known` reads its answer."""

_ID_OF = select(users.c.id).where(users.c.union_id == bindparam("union"))


async def id_of(tx: Transaction, union_id: str) -> str | None:
    """The `sub` of somebody who has signed in before; None for a stranger."""
    row = await tx.one(_ID_OF, union=union_id)
    return row["id"] if row else None


async def upsert(
    tx: Transaction,
    profile: Profile,
    *,
    registration: str | None = None,
    open_id: str | None = None,
    copy_avatar: bool = False,
    now: int,
) -> User:
    """The user of this `union_id`, made when new, with name and avatar brought up to date.

    By `registration` and `open_id` an import may have promised them a `sub`, as by the `union_id`. With
    `copy_avatar` another picture than before gets a name, and somebody is to copy it.
    """
    person = vouched(profile, registration=registration, open_id=open_id, copy_avatar=copy_avatar, now=now)
    row = await tx.one(UPSERT, **person)
    if row is None:
        raise LookupError("an upsert answers with its row")
    return known(row, person)


def vouched(
    profile: Profile, *, registration: str | None, open_id: str | None, copy_avatar: bool, now: int
) -> dict[str, Any]:
    """What `UPSERT` is to know of the person."""
    link = profile.avatar_url
    return {
        "person_id": opaque.identifier("usr_"),
        "person_union_id": profile.union_id,
        "person_display_name": profile.display_name,
        "person_username": profile.username,
        "person_avatar_url": link,
        "person_avatar_path": f"{urlsplit(link).path}?" if link else None,
        "person_avatar_id": new_avatar_id() if copy_avatar and link else None,
        "person_created_at": now,
        "person_updated_at": now,
        "person_blocked_at": None,
        "vouched_union_id": profile.union_id,
        "vouched_registration": registration,
        "vouched_open_id": open_id,
    }


def known(row: Row, person: Mapping[str, Any]) -> User:
    """Who they are, by what `UPSERT` answered when it was given this `person`."""
    offered, given = person["person_avatar_id"], row["avatar_id"]
    named = offered is not None and given is not None and given.endswith(offered[AVATAR_HANDLE_LENGTH:])
    return User(
        id=row["id"],
        blocked=row["blocked_at"] is not None,
        new=row["id"] == person["person_id"],
        awaited=bool(row["awaited"]),
        new_avatar=given if named else None,
    )


def new_avatar_id() -> str:
    """A name for a picture: 160 random bits that stay with the person, and forty that change with the picture."""
    return opaque.identifier() + opaque.letters(8)
