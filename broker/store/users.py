"""People: one row per TikTok `union_id`, under a `sub` of our own."""

from dataclasses import dataclass

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert

from broker import opaque
from broker.store.database import Transaction
from broker.store.schema import users


@dataclass(frozen=True, slots=True)
class Profile:
    """What TikTok tells of a person; a field it did not tell is None."""

    union_id: str
    display_name: str | None
    username: str | None
    avatar_url: str | None


@dataclass(frozen=True, slots=True)
class User:
    """A person by our own id."""

    id: str
    blocked: bool


_insert = insert(users)
_UPSERT = _insert.on_conflict_do_update(
    index_elements=[users.c.union_id],
    set_={
        # What this sign-in did not tell (a scope not granted this time) is no news: the old value stays.
        "display_name": func.coalesce(_insert.excluded.display_name, users.c.display_name),
        "username": func.coalesce(_insert.excluded.username, users.c.username),
        "avatar_url": func.coalesce(_insert.excluded.avatar_url, users.c.avatar_url),
        "updated_at": _insert.excluded.updated_at,
    },
).returning(users.c.id, users.c.blocked_at)


async def upsert(tx: Transaction, profile: Profile, *, now: int) -> User:
    """The user of this `union_id`, made when new, with name and avatar brought up to date."""
    row = await tx.one(
        _UPSERT,
        id=opaque.identifier("usr_"),
        union_id=profile.union_id,
        display_name=profile.display_name,
        username=profile.username,
        avatar_url=profile.avatar_url,
        avatar_id=None,
        created_at=now,
        updated_at=now,
        blocked_at=None,
    )
    if row is None:
        raise LookupError("an upsert answers with its row")
    return User(row["id"], row["blocked_at"] is not None)
