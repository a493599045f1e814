"""Families of tokens that ended, each with an event of its own, for those that were good until then."""

from collections.abc import Iterable

from sqlalchemy import BigInteger, Text, bindparam, cast, func, insert, select

from broker.store import audit
from broker.store.database import Row, Transaction
from broker.store.schema import audit_events, grants

# A grant is good for its refresh tokens, without those for its access token, and before that for its code.
GOOD_UNTIL = func.coalesce(
    grants.c.refresh_expires_at, grants.c.access_expires_at, grants.c.code_expires_at
).label("good_until")
COLUMNS = (grants.c.id, grants.c.client_id, grants.c.user_id, grants.c.session_id, GOOD_UNTIL)
"""What a statement that ends grants returns of them."""

_AT = bindparam("at", type_=BigInteger)
_OF_CLIENT = insert(audit_events).from_select(
    ["id", "at", "event", "actor", "user_id", "client_id", "session_id", "grant_id", "request_id", "reason"],
    select(
        bindparam("first_id", type_=Text).concat(cast(func.row_number().over(order_by=grants.c.created_at), Text)),
        cast(_AT, BigInteger),
        cast(bindparam("event"), Text),
        cast(bindparam("by"), Text),
        grants.c.user_id,
        grants.c.client_id,
        grants.c.session_id,
        grants.c.id,
        cast(bindparam("request"), Text),
        cast(bindparam("because"), Text),
    ).where(grants.c.client_id == bindparam("client"), grants.c.ended_at.is_(None), GOOD_UNTIL.element > _AT),
)


async def record(
    tx: Transaction,
    ended: Iterable[Row],
    *,
    actor: str,
    reason: str,
    request_id: str | None = None,
    now: int,
) -> list[Row]:
    """Keep an event for each of these `COLUMNS` that was good until now; those rows."""
    good = [row for row in ended if row["good_until"] > now]
    events = [
        audit.happened(
            "grant.ended",
            actor=actor,
            user_id=row["user_id"],
            client_id=row["client_id"],
            session_id=row["session_id"],
            grant_id=row["id"],
            request_id=request_id,
            reason=reason,
            now=now,
        )
        for row in good
    ]
    await audit.keep(tx, events)
    return good


async def record_removal(tx: Transaction, client_id: str, *, now: int) -> None:
    """The same for a client that an operator is about to delete: one statement, however many there are."""
    await tx.run(
        _OF_CLIENT,
        first_id=f"{audit.new_id()}_",
        at=now,
        event="grant.ended",
        because="client_removed",
        by=audit.by("operator"),
        request=audit.request_of("operator", None),
        client=client_id,
    )
