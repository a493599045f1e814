"""Names that count once, across all replicas: the `jti` of a client assertion, a DPoP proof, a revoked token."""

from sqlalchemy.dialects.postgresql import insert

from broker.store.database import Transaction
from broker.store.schema import spent_ids

_SPEND = insert(spent_ids).on_conflict_do_nothing(index_elements=[spent_ids.c.digest])


async def spend(tx: Transaction, digest: bytes, *, expires_at: int) -> bool:
    """Use the name behind `digest`; False when it has been used. It is kept until `expires_at`."""
    return bool(await tx.run(_SPEND, digest=digest, expires_at=expires_at))
