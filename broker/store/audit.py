"""What happened, written in the transaction that made it happen, and read by operators."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Select, bindparam, insert, select

from broker import clock, opaque
from broker.store.database import Transaction
from broker.store.schema import audit_events

_RECORD = insert(audit_events)


async def record(
    tx: Transaction,
    event: str,
    *,
    actor: str,
    now: int,
    user_id: str | None = None,
    client_id: str | None = None,
    session_id: str | None = None,
    grant_id: str | None = None,
    registration: str | None = None,
    request_id: str | None = None,
    reason: str | None = None,
) -> None:
    """Keep one event. `actor` is who did it: `user`, `client`, `operator`, `broker` or `tiktok`."""
    await tx.run(
        _RECORD,
        # Much happens in one second: the ids keep its order.
        id=opaque.identifier(f"evt_{clock.tick():016x}"),
        at=now,
        event=event,
        actor=actor,
        user_id=user_id,
        client_id=client_id,
        session_id=session_id,
        grant_id=grant_id,
        registration=registration,
        request_id=request_id,
        reason=reason,
    )


@dataclass(frozen=True, slots=True)
class Event:
    """One event as it was kept; `at` in epoch seconds."""

    id: str
    at: int
    event: str
    actor: str
    user_id: str | None
    client_id: str | None
    session_id: str | None
    grant_id: str | None
    registration: str | None
    request_id: str | None
    reason: str | None


_FILTERS = {
    "user": audit_events.c.user_id == bindparam("user"),
    "client": audit_events.c.client_id == bindparam("client"),
    "event": audit_events.c.event == bindparam("event"),
    "since": audit_events.c.at >= bindparam("since", type_=BigInteger),
    "until": audit_events.c.at < bindparam("until", type_=BigInteger),
}


@cache
def _newest(filters: frozenset[str]) -> Select[Any]:
    # One statement for each set of filters, so that each finds its index.
    return (
        select(audit_events)
        .where(*(condition for name, condition in _FILTERS.items() if name in filters))
        .order_by(audit_events.c.at.desc(), audit_events.c.id.desc())
        .limit(bindparam("most"))
    )


async def newest(
    tx: Transaction,
    *,
    user: str | None = None,
    client: str | None = None,
    event: str | None = None,
    since: int | None = None,
    until: int | None = None,
    most: int,
) -> list[Event]:
    """What happened, newest first: to this user, by this client, of this name, from `since` on, before `until`."""
    given = {"user": user, "client": client, "event": event, "since": since, "until": until}
    wanted = {name: value for name, value in given.items() if value is not None}
    rows = await tx.all(_newest(frozenset(wanted)), **wanted, most=most)
    return [Event(**{name: row[name] for name in Event.__slots__}) for row in rows]
