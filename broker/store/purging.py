"""Deleting what has expired, a batch at a time, so that no lock and no transaction is long.

People, clients and keys stay; those are for an operator to decide about. Audit events stay for as long as the
settings say.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Delete,
    Select,
    Table,
    and_,
    bindparam,
    delete,
    exists,
    func,
    literal_column,
    or_,
    select,
)

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
# Before all times.
_NEVER: Final = -1

_NOW = bindparam("now", type_=BigInteger)
_LONG_AGO = _NOW - _LONGEST_LOGIN_SECONDS
_SESSION_OVER = or_(sessions.c.ended_at.is_not(None), sessions.c.expires_at <= _NOW)


def _batch(table: Table, chosen: Select[tuple[object]]) -> Delete:
    (key,) = table.primary_key.columns
    return delete(table).where(key.in_(chosen.limit(bindparam("most"))))


_BATCHES: Final = {
    "pushed_requests": _batch(
        pushed_requests, select(pushed_requests.c.digest).where(pushed_requests.c.expires_at <= _LONG_AGO)
    ),
    "spent_ids": _batch(spent_ids, select(spent_ids.c.digest).where(spent_ids.c.expires_at <= _NOW)),
    "webhook_deliveries": _batch(
        webhook_deliveries, select(webhook_deliveries.c.digest).where(webhook_deliveries.c.expires_at <= _NOW)
    ),
    # Whoever delivers gives up loudly what has expired; this is what nobody came for.
    "outbox": _batch(outbox, select(outbox.c.id).where(outbox.c.expires_at <= _LONG_AGO)),
    # The row remembers that its login is spent, and which apps hear of the session's end.
    "grants": _batch(
        grants,
        select(grants.c.id).where(
            grants.c.code_expires_at <= _LONG_AGO,
            func.coalesce(grants.c.refresh_expires_at, 0) <= _NOW,
            # The status lists tell of it for as long as anybody may believe its last token.
            func.coalesce(grants.c.access_expires_at, 0) <= _NOW - LEEWAY_SECONDS,
            ~exists(literal_column("1")).where(sessions.c.id == grants.c.session_id, ~_SESSION_OVER),
        ),
    ),
    "deleted_grants": _batch(
        deleted_grants, select(deleted_grants.c.status_index).where(deleted_grants.c.expires_at <= _NOW)
    ),
    # While a grant is left its tokens name the session.
    "sessions": _batch(
        sessions,
        select(sessions.c.id).where(
            _SESSION_OVER, ~exists(literal_column("1")).where(grants.c.session_id == sessions.c.id)
        ),
    ),
    "avatars": _batch(
        avatars,
        select(avatars.c.id).where(
            exists(literal_column("1")).where(and_(users.c.id == avatars.c.user_id, users.c.avatar_id.is_(None)))
        ),
    ),
    "audit_events": _batch(
        audit_events, select(audit_events.c.id).where(audit_events.c.at <= bindparam("retained", type_=BigInteger))
    ),
}
KINDS: Final = tuple(_BATCHES)
"""What is purged, by table, in the order in which it must be: a session goes after its grants."""


async def purge(tx: Transaction, kind: str, *, most: int, audit_retention: int | None = None, now: int) -> int:
    """Delete up to `most` rows that nobody needs any more; fewer, when it answers so, are all there were.

    Audit events go after `audit_retention` seconds, or never.
    """
    retained = _NEVER if audit_retention is None else now - audit_retention
    return await tx.run(_BATCHES[kind], most=most, retained=retained, now=now)
