"""What happened, written in the transaction that made it happen, and read by operators."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypedDict, Unpack

from sqlalchemy import BigInteger, Select, bindparam, insert, select

from broker import clock, opaque
from broker.store.audit_names import EVENTS
from broker.store.database import Transaction
from broker.store.schema import audit_events

_RECORD = insert(audit_events)
_OPERATOR: Final = "operator"


@dataclass(slots=True)
class _Signature:
    """Who runs this process, and which command it is: a fact of the process, whatever thread writes for it."""

    name: str | None = None
    command: str | None = None


_SIGNATURE: Final = _Signature()


@contextlib.contextmanager
def signed(name: str, command: str) -> Iterator[None]:
    """For the length of the block, what an operator does in this process is done by `name`, under one id."""
    _SIGNATURE.name, _SIGNATURE.command = name, command
    try:
        yield
    finally:
        _SIGNATURE.name = _SIGNATURE.command = None


def new_id() -> str:
    """An id for an event. Much happens in one second: the ids keep its order."""
    return opaque.identifier(f"evt_{clock.tick():016x}")


def by(actor: str) -> str:
    """Who did it, as events name them: an operator with the name, if it is known."""
    return f"{actor}:{_SIGNATURE.name}" if actor == _OPERATOR and _SIGNATURE.name else actor


def request_of(actor: str, request_id: str | None) -> str | None:
    """The id under which it was done: of the request, or of an operator's command."""
    return _SIGNATURE.command if actor == _OPERATOR and request_id is None else request_id


class About(TypedDict, total=False):
    """What an event may concern, and why it happened."""

    user_id: str | None
    client_id: str | None
    session_id: str | None
    grant_id: str | None
    registration: str | None
    request_id: str | None
    reason: str | None


_NOTHING: Final[dict[str, Any]] = dict.fromkeys(About.__annotations__)


def happened(event: str, *, actor: str, now: int, **about: Unpack[About]) -> dict[str, Any]:
    """The row of an event. `actor` is who did it: `user`, `client`, `operator`, `broker` or `tiktok`.

    Raises `LookupError` for an event that has no sentence in `audit_names`.
    """
    if event not in EVENTS:
        raise LookupError(f"no such audit event: {event}")
    return (
        _NOTHING
        | about
        | {
            "id": new_id(),
            "at": now,
            "event": event,
            "actor": by(actor),
            "request_id": request_of(actor, about.get("request_id")),
        }
    )


async def record(tx: Transaction, event: str, *, actor: str, now: int, **about: Unpack[About]) -> None:
    """Keep one event that `happened`. Raises what that raises."""
    await tx.run(_RECORD, **happened(event, actor=actor, now=now, **about))


async def keep(tx: Transaction, events: Sequence[dict[str, Any]]) -> None:
    """Keep all of these that `happened`."""
    await tx.each(_RECORD, events)


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
