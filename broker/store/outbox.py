"""Deliveries that must happen: written in the transaction that makes them necessary, taken by one replica."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import orjson
from sqlalchemy import BigInteger, ColumnElement, Insert, bindparam, delete, insert, literal, select, update

from broker import opaque
from broker.store.database import Transaction
from broker.store.schema import outbox

# How long one belongs to whoever took it. The lease is the due time moved on: a replica that dies leaves the row
# to the others.
_LEASE_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class Delivery:
    """Something to be done until `expires_at`, epoch seconds. `attempts` counts this one too."""

    id: str
    kind: str
    payload: dict[str, Any]
    attempts: int
    expires_at: int


class Outcome(Enum):
    """What became of a delivery that was tried."""

    DONE = "done"
    CLEARED = "cleared"
    """Done, and what did it has taken its row away."""
    AGAIN = "again"
    """It should be tried again, later."""


_PUT = insert(outbox)
_DUE = (
    select(outbox.c.id)
    .where(outbox.c.due_at <= bindparam("now"))
    .order_by(outbox.c.due_at)
    .limit(bindparam("most"))
)
_TAKE = (
    update(outbox)
    .where(outbox.c.id == bindparam("delivery"), outbox.c.due_at <= bindparam("now"))
    .values(due_at=bindparam("until"), attempts=outbox.c.attempts + 1)
    .returning(outbox.c.id, outbox.c.kind, outbox.c.payload, outbox.c.attempts, outbox.c.expires_at)
)
DONE: Final = delete(outbox).where(outbox.c.id == bindparam("delivery"))
"""What `done` does, for a longer statement, too."""
_POSTPONE = update(outbox).where(outbox.c.id == bindparam("delivery")).values(due_at=bindparam("due"))
_AMEND = update(outbox).where(outbox.c.id == bindparam("delivery")).values(payload=bindparam("instead"))


async def put(
    tx: Transaction,
    kind: str,
    payload: dict[str, Any],
    *,
    delivery_id: str | None = None,
    expires_at: int,
    now: int,
) -> None:
    """Ask for a delivery, from now on until `expires_at`; with `delivery_id` others can look for it."""
    await tx.run(_PUT, **_row(delivery_id, kind, payload, expires_at, now))


async def put_taken(tx: Transaction, delivery: Delivery, *, now: int) -> None:
    """Write down what the writer does by itself; others take it when nobody has reported for 30 s."""
    row = _row(delivery.id, delivery.kind, delivery.payload, delivery.expires_at, now + _LEASE_SECONDS)
    await tx.run(_PUT, **row | {"attempts": delivery.attempts})


async def put_each(
    tx: Transaction, kind: str, payloads: Iterable[dict[str, Any]], *, expires_at: int, now: int
) -> None:
    """The same for many."""
    await tx.each(_PUT, [_row(None, kind, payload, expires_at, now) for payload in payloads])


def _row(
    delivery_id: str | None, kind: str, payload: dict[str, Any], expires_at: int, due_at: int
) -> dict[str, object]:
    return {
        "id": delivery_id or opaque.identifier(),
        "kind": kind,
        "payload": orjson.dumps(payload).decode(),
        "attempts": 0,
        "due_at": due_at,
        "expires_at": expires_at,
    }


def putting(
    kind: str, delivery_id: ColumnElement[str], payload: ColumnElement[str], *, when: ColumnElement[bool]
) -> Insert:
    """`put_taken` as part of a longer statement, done `when` that holds. Its parameters are `puts`."""
    given: dict[str, ColumnElement[Any]] = {
        "id": delivery_id,
        "kind": literal(kind),
        "payload": payload,
        "attempts": literal(1),
        "due_at": bindparam("delivery_due_at", type_=BigInteger),
        "expires_at": bindparam("delivery_expires_at", type_=BigInteger),
    }
    return insert(outbox).from_select(list(given), select(*given.values()).where(when))


def puts(*, expires_at: int, now: int) -> dict[str, int]:
    """What `putting` is to know."""
    return {"delivery_due_at": now + _LEASE_SECONDS, "delivery_expires_at": expires_at}


async def due(tx: Transaction, *, most: int, now: int) -> list[str]:
    """Ids of deliveries whose time has come, the longest waiting first."""
    return [row["id"] for row in await tx.all(_DUE, most=most, now=now)]


async def take(tx: Transaction, delivery_id: str, *, now: int) -> Delivery | None:
    """Take one that is due; None when another replica was quicker. It comes back if nobody reports for 30 s."""
    row = await tx.one(_TAKE, delivery=delivery_id, until=now + _LEASE_SECONDS, now=now)
    if row is None:
        return None
    return Delivery(row["id"], row["kind"], orjson.loads(row["payload"]), row["attempts"], row["expires_at"])


async def done(tx: Transaction, delivery_id: str) -> None:
    """It has been delivered, or given up."""
    await tx.run(DONE, delivery=delivery_id)


async def postpone(tx: Transaction, delivery_id: str, *, due_at: int) -> None:
    """Try again at `due_at`."""
    await tx.run(_POSTPONE, delivery=delivery_id, due=due_at)


async def amend(tx: Transaction, delivery_id: str, payload: dict[str, Any]) -> bool:
    """Put `payload` in place of what it was asked with; False when it has been done, or given up, meanwhile."""
    return bool(await tx.run(_AMEND, delivery=delivery_id, instead=orjson.dumps(payload).decode()))
