"""People: one row per TikTok `union_id`, under a `sub` of our own."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from sqlalchemy import and_, bindparam, case, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from broker import opaque
from broker.store import joining
from broker.store.database import Transaction
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


_insert = insert(users)
# TikTok signs its links anew each time and spreads them over hosts; what stays with a picture is the path. Whether
# the old link has it, is asked in the one way that both databases know.
_OLD_LINK = users.c.avatar_url.concat("?")
_SAME_PICTURE = func.replace(_OLD_LINK, bindparam("avatar_path", type_=users.c.avatar_url.type), "") != _OLD_LINK
_NEW_AVATAR_ID = func.substr(
    func.coalesce(users.c.avatar_id, _insert.excluded.avatar_id), 1, AVATAR_HANDLE_LENGTH
).concat(func.substr(_insert.excluded.avatar_id, AVATAR_HANDLE_LENGTH + 1))
_UPSERT = _insert.on_conflict_do_update(
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
    link = profile.avatar_url
    avatar_id = new_avatar_id() if copy_avatar and link else None
    fresh = opaque.identifier("usr_")
    row = await tx.one(
        _UPSERT,
        id=fresh,
        union_id=profile.union_id,
        display_name=profile.display_name,
        username=profile.username,
        avatar_url=link,
        avatar_path=f"{urlsplit(link).path}?" if link else None,
        avatar_id=avatar_id,
        created_at=now,
        updated_at=now,
        blocked_at=None,
        vouched_union_id=profile.union_id,
        vouched_registration=registration,
        vouched_open_id=open_id,
    )
    if row is None:
        raise LookupError("an upsert answers with its row")
    given = row["avatar_id"]
    named = avatar_id is not None and given is not None and given.endswith(avatar_id[AVATAR_HANDLE_LENGTH:])
    return User(
        id=row["id"],
        blocked=row["blocked_at"] is not None,
        new=row["id"] == fresh,
        awaited=bool(row["awaited"]),
        new_avatar=given if named else None,
    )


def new_avatar_id() -> str:
    """A name for a picture: 160 random bits that stay with the person, and forty that change with the picture."""
    return opaque.identifier() + opaque.encode(opaque.random_bytes(5))
