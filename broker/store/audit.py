"""What happened, written in the transaction that made it happen."""

from sqlalchemy import insert

from broker import opaque
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
        id=opaque.identifier("evt_"),
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
