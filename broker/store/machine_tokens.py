"""Access tokens of clients in their own name.

No grant stands behind them; a row is kept only of one that was thrown away before its time.
"""

from sqlalchemy import bindparam, exists, literal_column, select

from broker.store import audit, spent_ids
from broker.store.database import Transaction
from broker.store.schema import clients
from broker.store.schema import spent_ids as names

_LIVE = select(clients.c.client_id).where(
    clients.c.client_id == bindparam("client"),
    clients.c.disabled_at.is_(None),
    ~exists(literal_column("1")).where(names.c.digest == bindparam("token")),
)


async def is_live(tx: Transaction, client_id: str, digest: bytes) -> bool:
    """Whether the client is welcome, and has not thrown away the token behind `digest`."""
    return await tx.one(_LIVE, client=client_id, token=digest) is not None


async def revoke(
    tx: Transaction, digest: bytes, *, client_id: str, request_id: str | None, expires_at: int, now: int
) -> bool:
    """Throw the token away; False when it was before. That is kept until it expires anyway, at `expires_at`."""
    if not await spent_ids.spend(tx, digest, expires_at=expires_at):
        return False
    await audit.record(tx, "token.revoked", actor="client", client_id=client_id, request_id=request_id, now=now)
    return True
