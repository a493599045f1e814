"""People who were imported from another system and have not signed in here yet, as an operator looks at them."""

from dataclasses import dataclass

from sqlalchemy import bindparam, func, or_, select, update

from broker.store import audit
from broker.store.database import Row, Transaction
from broker.store.schema import imported_people


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody who will be this `sub`, known by `union_id`, or by `open_id` under a registration.

    Times in epoch seconds.
    """

    sub: str
    union_id: str | None
    registration: str | None
    open_id: str | None
    previous_id: str | None
    blocked_at: int | None
    imported_at: int


_WAITS = imported_people.c.user_id.is_(None)
_SELECT = select(*(imported_people.c[name] for name in Waiting.__slots__)).where(_WAITS)
_FIND = _SELECT.where(
    or_(
        imported_people.c.sub == bindparam("name"),
        imported_people.c.union_id == bindparam("name"),
        imported_people.c.open_id == bindparam("name"),
    )
).order_by(imported_people.c.sub)
_PAGE = (
    _SELECT.where(imported_people.c.sub > bindparam("after"))
    .order_by(imported_people.c.sub)
    .limit(bindparam("most"))
)
_THIS = (_WAITS, imported_people.c.sub == bindparam("imported"))
_BLOCK = (
    update(imported_people)
    .where(*_THIS, imported_people.c.blocked_at.is_(None))
    .values(blocked_at=bindparam("now"))
)
_UNBLOCK = update(imported_people).where(*_THIS, imported_people.c.blocked_at.is_not(None)).values(blocked_at=None)
_JOINED_AS = (
    select(imported_people.c.previous_id)
    .where(imported_people.c.user_id == bindparam("user"), imported_people.c.previous_id.is_not(None))
    .order_by(imported_people.c.previous_id)
)
_REGISTRATIONS = (
    select(imported_people.c.registration, func.count().label("people"))
    .where(_WAITS, imported_people.c.registration.is_not(None))
    .group_by(imported_people.c.registration)
    .order_by(imported_people.c.registration)
)


async def find(tx: Transaction, name: str) -> list[Waiting]:
    """Whoever waits under this `sub`, `union_id` or `open_id`; under two registrations it may be two people."""
    return [_waiting(row) for row in await tx.all(_FIND, name=name)]


async def page(tx: Transaction, *, after: str | None, most: int) -> list[Waiting]:
    """Those who wait, by `sub`, or the next ones behind this `sub`."""
    return [_waiting(row) for row in await tx.all(_PAGE, after=after or "", most=most)]


async def joined_as(tx: Transaction, user_id: str) -> list[str]:
    """What the other system called somebody who has been joined."""
    return [row["previous_id"] for row in await tx.all(_JOINED_AS, user=user_id)]


async def by_registration(tx: Transaction) -> dict[str, int]:
    """How many wait under each registration for their `open_id` to be named."""
    return {row["registration"]: row["people"] for row in await tx.all(_REGISTRATIONS)}


async def block(tx: Transaction, sub: str, *, now: int) -> bool:
    """Keep this person out when they come; False when nothing changed."""
    blocked = bool(await tx.run(_BLOCK, imported=sub, now=now))
    return await _recorded(tx, blocked, "user.blocked", sub, now)


async def unblock(tx: Transaction, sub: str, *, now: int) -> bool:
    """Let this person in when they come; False when nothing changed."""
    unblocked = bool(await tx.run(_UNBLOCK, imported=sub))
    return await _recorded(tx, unblocked, "user.unblocked", sub, now)


async def _recorded(tx: Transaction, changed: bool, event: str, sub: str, now: int) -> bool:
    if changed:
        await audit.record(tx, event, actor="operator", user_id=sub, reason="imported", now=now)
    return changed


def _waiting(row: Row) -> Waiting:
    return Waiting(**{name: row[name] for name in Waiting.__slots__})
