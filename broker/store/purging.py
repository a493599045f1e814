"""Deleting what has expired, a batch at a time, so that no lock and no transaction is long.

A batch is one look and one deletion, each over an index and of bounded size, whatever the size of the table. Rows
with an end that never moves have an index over it. The end of others moves, and an index over it would make every
refresh dearer: those tables are swept, a piece after the other in the order of their keys. What somebody else
holds just now is left for the next time (`SKIP LOCKED`).

People, clients and keys stay; those are for an operator to decide about. Audit events stay for as long as the
settings say.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Delete,
    Select,
    Table,
    Text,
    bindparam,
    delete,
    exists,
    func,
    literal_column,
    or_,
    select,
)

from broker import opaque
from broker.oauth.status_list import LEEWAY_SECONDS
from broker.store.database import Transaction
from broker.store.schema import (
    audit_events,
    avatars,
    deleted_grants,
    grants,
    outbox,
    pushed_requests,
    sessions,
    spent_ids,
    users,
    webhook_deliveries,
)

# What ends a login may come for as long as a login may last, after its pushed request or its code has expired.
_LONGEST_LOGIN_SECONDS: Final = 86_400

_NOW = bindparam("now", type_=BigInteger)
_LONG_AGO = _NOW - _LONGEST_LOGIN_SECONDS
_MOST = bindparam("most", type_=BigInteger)
_SESSION_OVER = or_(sessions.c.ended_at.is_not(None), sessions.c.expires_at <= _NOW)

Place: TypeAlias = int | str
"""How far a table has been purged: an end in epoch seconds, or a key."""


@dataclass(frozen=True, slots=True)
class Batch:
    """`gone` rows were deleted; the next batch begins at `place`, which is None once all has been seen."""

    gone: int
    place: Place | None


def _delete(table: Table, picked: Select[Any]) -> Delete:
    """Deletes what was picked; for its RETURNING, since Python counts no rows of a WITH on SQLite."""
    # It is evaluated once; PostgreSQL may ask a plain subquery again, and lock and delete more than its limit.
    (key,) = table.primary_key.columns
    batch = picked.with_for_update(of=table, skip_locked=True).cte("batch")
    return delete(table).where(key.in_(select(batch.c[key.name])))


class _Expiring:
    """A table of rows whose end never moves, over which there is an index."""

    beginning: Place = 0

    def __init__(self, end: Column[int], due: ColumnElement[int] = _NOW) -> None:
        (key,) = end.table.primary_key.columns
        from_here = bindparam("place", type_=BigInteger)
        picked = select(key).where(end >= from_here, end <= due).order_by(end).limit(_MOST)
        self._delete = _delete(end.table, picked).returning(end.label("its_end"))

    @property
    def anywhere(self) -> Place:
        """Where a process may begin."""
        return self.beginning

    async def purge(self, tx: Transaction, *, place: Place, most: int, now: int) -> Batch:
        """One statement. Its place spares the next one all that this one has left dead in the index."""
        rows = await tx.all(self._delete, place=place, most=most, now=now)
        ends = [row["its_end"] for row in rows]
        return Batch(len(ends), max(ends) if len(ends) == most else None)


class _Swept:
    """A table looked through in the order of its keys, which are random behind their prefix."""

    beginning: Place = ""

    def __init__(self, key: Column[str], *over: ColumnElement[bool], prefix: str = "") -> None:
        self._prefix = prefix
        behind = key > bindparam("place", type_=Text)
        piece = select(key).where(behind).order_by(key).limit(_MOST).subquery("piece")
        self._look = select(func.max(piece.c[key.name]).label("last"), func.count().label("seen")).select_from(
            piece
        )
        # Named by the piece: of a range of keys PostgreSQL can only guess how many it holds, and when it guesses
        # too many, it looks through a whole other table for what they belong to.
        self._delete = _delete(key.table, select(key).where(key.in_(select(piece.c[key.name])), *over)).returning(
            key
        )

    @property
    def anywhere(self) -> Place:
        """Where a process may begin, so that the far end has its turn however often processes start anew."""
        return opaque.identifier(self._prefix)

    async def purge(self, tx: Transaction, *, place: Place, most: int, now: int) -> Batch:
        """Two statements: where the next `most` keys end, and what is over among them."""
        piece = await tx.one(self._look, place=place, most=most)
        if piece is None or not piece["seen"]:
            return Batch(0, None)
        gone = await tx.all(self._delete, place=place, most=most, now=now)
        return Batch(len(gone), piece["last"] if piece["seen"] == most else None)


def _row(condition: ColumnElement[bool], *more: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists(literal_column("1")).where(condition, *more)


AUDIT: Final = "audit_events"
_TABLES: Final[Mapping[str, _Expiring | _Swept]] = {
    "pushed_requests": _Expiring(pushed_requests.c.expires_at, _LONG_AGO),
    "spent_ids": _Expiring(spent_ids.c.expires_at),
    "webhook_deliveries": _Expiring(webhook_deliveries.c.expires_at),
    # Whoever delivers gives up loudly what has expired; this is what nobody came for.
    "outbox": _Swept(outbox.c.id, outbox.c.expires_at <= _LONG_AGO),
    # The row remembers that its login is spent, and which apps hear of the session's end.
    "grants": _Swept(
        grants.c.id,
        grants.c.code_expires_at <= _LONG_AGO,
        func.coalesce(grants.c.refresh_expires_at, 0) <= _NOW,
        # The status lists tell of it for as long as anybody may believe its last token.
        func.coalesce(grants.c.access_expires_at, 0) <= _NOW - LEEWAY_SECONDS,
        ~_row(sessions.c.id == grants.c.session_id, ~_SESSION_OVER),
    ),
    "deleted_grants": _Expiring(deleted_grants.c.expires_at),
    # While a grant is left its tokens name the session.
    "sessions": _Swept(sessions.c.id, _SESSION_OVER, ~_row(grants.c.session_id == sessions.c.id), prefix="ses_"),
    "avatars": _Swept(avatars.c.id, _row(users.c.id == avatars.c.user_id, users.c.avatar_id.is_(None))),
    AUDIT: _Expiring(audit_events.c.at),
}
KINDS: Final = tuple(_TABLES)
"""What is purged, by table, in the order in which it must be: a session goes after its grants."""


def beginning(kind: str) -> Place:
    """Before the first row."""
    return _TABLES[kind].beginning


def anywhere(kind: str) -> Place:
    """Where a process begins that cannot know how far others came; from the end it goes on at the beginning."""
    return _TABLES[kind].anywhere


async def purge(
    tx: Transaction, kind: str, *, place: Place, most: int, audit_retention: int | None = None, now: int
) -> Batch:
    """Delete rows that nobody needs any more, of the next `most` from `place` on.

    Audit events go after `audit_retention` seconds, or never.
    """
    if kind == AUDIT:
        if audit_retention is None:
            return Batch(0, None)
        now -= audit_retention
    return await _TABLES[kind].purge(tx, place=place, most=most, now=now)
