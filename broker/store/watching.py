"""What the database alone knows of how the service is doing: a few rows by their indices, for whoever watches."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Select, func, select

from broker.store import keys
from broker.store.database import Transaction
from broker.store.keys import KeyFacts
from broker.store.schema import outbox, pushed_requests, spent_ids, webhook_deliveries

MOST: Final = 10_000
"""So many deliveries are counted. After a sign-out of all there may be a million, and somebody looks all day."""


@dataclass(frozen=True, slots=True)
class Queue:
    """Deliveries of one kind in the outbox, and for how many seconds the longest of them has been due.

    Only among the `MOST` that are due first.
    """

    deliveries: int
    overdue: int


@dataclass(frozen=True, slots=True)
class Facts:
    """How things are. `outbox` by kind; `unpurged` in seconds by table; `keys` as they are kept."""

    outbox: Mapping[str, Queue]
    unpurged: Mapping[str, int]
    keys: tuple[KeyFacts, ...]


_first = select(outbox.c.kind, outbox.c.due_at).order_by(outbox.c.due_at).limit(MOST).subquery()
_WAITING = select(
    _first.c.kind, func.count().label("deliveries"), func.min(_first.c.due_at).label("due_at")
).group_by(_first.c.kind)
# The end of the index tells it, however many rows there are.
_OLDEST: Final = {
    table.name: select(func.min(table.c.expires_at).label("expires_at"))
    for table in (pushed_requests, spent_ids, webhook_deliveries)
}


async def look(tx: Transaction, *, now: int) -> Facts:
    """How things are."""
    return Facts(
        outbox={
            row["kind"]: Queue(row["deliveries"], max(0, now - row["due_at"])) for row in await tx.all(_WAITING)
        },
        unpurged={name: await _expired_for(tx, statement, now) for name, statement in _OLDEST.items()},
        keys=tuple(await keys.look(tx)),
    )


async def _expired_for(tx: Transaction, oldest: Select[tuple[int]], now: int) -> int:
    row = await tx.one(oldest)
    expires_at = row["expires_at"] if row else None
    return max(0, now - expires_at) if expires_at is not None else 0
