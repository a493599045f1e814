"""Signing out everybody at once, many people in one transaction, each as `user_changes.sign_out` does one."""

from dataclasses import dataclass

from sqlalchemy import bindparam, exists, func, literal_column, or_, select

from broker.store import audit, endings
from broker.store.database import Transaction
from broker.store.endings import Standing
from broker.store.schema import grants, sessions, users

# Expired or not: whoever does this trusts no clock that the rows were written by.
_ALIVE = or_(
    exists(literal_column("1")).where(sessions.c.user_id == users.c.id, sessions.c.ended_at.is_(None)),
    exists(literal_column("1")).where(grants.c.user_id == users.c.id, grants.c.ended_at.is_(None)),
)
_COUNT = select(func.count().label("found")).select_from(users).where(_ALIVE)
# Their rows are held as by `endings.HOLD`, in one order: two operators who do this at once wait for each other and
# never in a circle.
_NEXT = (
    select(users.c.id)
    .where(users.c.id > bindparam("after", type_=users.c.id.type), _ALIVE)
    .order_by(users.c.id)
    .limit(bindparam("most"))
    .with_for_update(key_share=True)
)


@dataclass(frozen=True, slots=True)
class Batch:
    """People who were signed out, what of theirs ended, and the last of them, to go on behind."""

    people: int
    ended: Standing
    last: str


async def signed_in(tx: Transaction) -> int:
    """How many people have a session or a grant that has not ended."""
    row = await tx.one(_COUNT)
    return int(row["found"]) if row else 0


async def sign_out(tx: Transaction, *, after: str, most: int, now: int) -> Batch | None:
    """End every session and grant of the next `most` people behind the sub `after`; None when there are no more.

    `most` is `endings.MOST` at the most. Whoever signs in again meanwhile may be among them once more, or not.
    """
    subs = [row["id"] for row in await tx.all(_NEXT, after=after, most=most)]
    if not subs:
        return None
    ended = await endings.end_all(tx, subs, reason="signed_out", now=now)
    await audit.keep(
        tx, [audit.happened("user.signed_out", actor="operator", user_id=sub, now=now) for sub in subs]
    )
    return Batch(len(subs), ended, subs[-1])
