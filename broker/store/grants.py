"""A grant is born with its code, lives by its generation, and ends once: its birth and its end.

Spending its code is `redeeming`, spending its refresh tokens is `rotating`.
"""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import bindparam, cast, exists, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert

from broker.store import audit
from broker.store.database import Transaction
from broker.store.grant_rows import (
    CLIENT_ENABLED,
    LIVING,
    NOT_ENDED,
    NOW,
    THIS_GRANT,
    USER_LIVE,
    Grant,
    grant_of,
)
from broker.store.schema import audit_events, clients, grants


@dataclass(frozen=True, slots=True)
class NewGrant:
    """A grant about to begin with its authorization code. Times in epoch seconds, digests SHA-256."""

    id: str
    client_id: str
    login_digest: bytes
    code_digest: bytes
    code_expires_at: int
    redirect_uri: str
    code_challenge: str | None
    code_jkt: str | None
    nonce: str | None
    scope: str
    resources: str
    offline: bool
    auth_time: int
    expires_at: int
    status_index: int | None = None


GIVEN: Final = (*NewGrant.__slots__, "created_at", "generation")
"""The columns of a grant that begins, but for whose it is."""
_NEW = (*GIVEN, "user_id", "account_id", "session_id")
_BEGIN = (
    insert(grants)
    .from_select(
        _NEW,
        select(*(cast(bindparam(name), grants.c[name].type).label(name) for name in _NEW)).where(
            exists(literal_column("1")).where(
                clients.c.client_id == bindparam("client_id"), clients.c.disabled_at.is_(None)
            )
        ),
    )
    .on_conflict_do_nothing(index_elements=[grants.c.login_digest])
)
_END = (
    update(grants)
    .where(THIS_GRANT, NOT_ENDED)
    .values(ended_at=NOW, ended_reason=bindparam("because"))
    .returning(grants.c.id.label("grant_id"), grants.c.client_id, grants.c.user_id, grants.c.session_id)
)
_ended = _END.cte("ended")
_event = [_ended.c.get(column.name, cast(bindparam(column.name), column.type)) for column in audit_events.columns]
_END_AND_RECORD = insert(audit_events).from_select(
    audit_events.columns.keys(), select(*_event).select_from(_ended)
)
_FIND_LIVE = select(*LIVING).where(THIS_GRANT, NOT_ENDED, USER_LIVE, CLIENT_ENABLED)


async def begin(
    tx: Transaction, new: NewGrant, *, user_id: str, account_id: str, session_id: str, now: int
) -> bool:
    """Begin the grant and spend its login; False when the login is spent or the client gone or disabled."""
    whose = {"user_id": user_id, "account_id": account_id, "session_id": session_id}
    return bool(await tx.run(_BEGIN, **columns(new, now=now), **whose))


def columns(new: NewGrant, *, now: int) -> dict[str, Any]:
    """What the row of a grant that begins holds, but for whose it is."""
    told = {name: getattr(new, name) for name in NewGrant.__slots__}
    return told | {"offline": int(new.offline), "created_at": now, "generation": 0}


async def end(tx: Transaction, grant_id: str, *, reason: str, request_id: str | None, now: int) -> bool:
    """End the grant once and for all, because what belongs to it was misused; False when it had ended already."""
    return await _end(tx, grant_id, "grant.ended", "broker", reason=reason, request_id=request_id, now=now)


async def revoke(tx: Transaction, grant_id: str, *, request_id: str | None, now: int) -> bool:
    """End the grant because its client throws it away; False when it had ended already."""
    return await _end(tx, grant_id, "grant.revoked", "client", reason="revoked", request_id=request_id, now=now)


async def _end(
    tx: Transaction, grant_id: str, event: str, actor: str, *, reason: str, request_id: str | None, now: int
) -> bool:
    ending = {"grant": grant_id, "because": reason, "now": now}
    if tx.folds:
        happened = audit.happened(event, actor=actor, request_id=request_id, reason=reason, now=now)
        return bool(await tx.run(_END_AND_RECORD, **ending, **happened))
    async with tx.whole():
        ended = await tx.one(_END, **ending)
        if ended is None:
            return False
        await audit.record(
            tx,
            event,
            actor=actor,
            user_id=ended["user_id"],
            client_id=ended["client_id"],
            session_id=ended["session_id"],
            grant_id=grant_id,
            request_id=request_id,
            reason=reason,
            now=now,
        )
    return True


async def find_live(tx: Transaction, grant_id: str) -> Grant | None:
    """The grant, unless it has ended or its person is blocked or its client disabled."""
    row = await tx.one(_FIND_LIVE, grant=grant_id)
    return grant_of(row) if row else None
