"""Deliveries that must happen: written in the transaction that makes them necessary, taken by one replica."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import BigInteger, ColumnElement, Insert, bindparam, delete, insert, literal, select, update

from broker import opaque
from broker.store.database import Transaction
from broker.store.schema import outbox


@dataclass(frozen=True, slots=True)
class Delivery:
    """Something to be done until `expires_at`, epoch seconds. `attempts` counts this one too."""

    id: str
    kind: str
    payload: dict[str, Any]
    attempts: int
    expires_at: int


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
_DONE = delete(outbox).where(outbox.c.id == bindparam("delivery"))
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


async def put_each(
    tx: Transaction, kind: str, payloads: Iterable[dict[str, Any]], *, expires_at: int, now: int
) -> None:
    """The same for many."""
    await tx.each(_PUT, [_row(None, kind, payload, expires_at, now) for payload in payloads])


def _row(
    delivery_id: str | None, kind: str, payload: dict[str, Any], expires_at: int, now: int
) -> dict[str, object]:
    return {
        "id": delivery_id or opaque.identifier(),
        "kind": kind,
        "payload": orjson.dumps(payload).decode(),
        "attempts": 0,
        "due_at": now,
        "expires_at": expires_at,
    }


def putting(
    kind: str, delivery_id: ColumnElement[str], payload: ColumnElement[str], *, when: ColumnElement[bool]
) -> Insert:
    """`put` as part of a longer statement, done `when` that holds. Its parameters are `puts`."""
    given: dict[str, ColumnElement[Any]] = {
        "id": delivery_id,
        "kind": literal(kind),
        "payload": payload,
        "attempts": literal(0),
        "due_at": bindparam("delivery_due_at", type_=BigInteger),
        "expires_at": bindparam("delivery_expires_at", type_=BigInteger),
    }
    return insert(outbox).from_select(list(given), select(*given.values()).where(when))


def puts(*, expires_at: int, now: int) -> dict[str, int]:
    """What `putting` is to know."""
    return {"delivery_due_at": now, "delivery_expires_at": expires_at}


async def due(tx: Transaction, *, most: int, now: int) -> list[str]:
    """Ids of deliveries whose time has come, the longest waiting first."""
    return [row["id"] for row in await tx.all(_DUE, most=most, now=now)]


async def take(tx: Transaction, delivery_id: str, *, until: int, now: int) -> Delivery | None:
    """Take one that is due; None when another replica was quicker. It comes back at `until` if nobody reports."""
    row = await tx.one(_TAKE, delivery=delivery_id, until=until, now=now)
    if row is None:
        return None
    return Delivery(row["id"], row["kind"], orjson.loads(row["payload"]), row["attempts"], row["expires_at"])


async def done(tx: Transaction, delivery_id: str) -> None:
    """It has been delivered, or given up."""
    await tx.run(_DONE, delivery=delivery_id)


async def postpone(tx: Transaction, delivery_id: str, *, due_at: int) -> None:
    """Try again at `due_at`."""
    await tx.run(_POSTPONE, delivery=delivery_id, due=due_at)


async def amend(tx: Transaction, delivery_id: str, payload: dict[str, Any]) -> bool:
    """Put `payload` in place of what it was asked with; False when it has been done, or given up, meanwhile."""
    return bool(await tx.run(_AMEND, delivery=delivery_id, instead=orjson.dumps(payload).decode()))
