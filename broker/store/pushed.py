"""Pushed authorization requests: kept for the app that pushed them, spent when their code is issued."""

from sqlalchemy import bindparam, insert, select, update

from broker.store.database import Transaction
from broker.store.schema import pushed_requests

_KEEP = insert(pushed_requests)
_FIND = select(pushed_requests.c.parameters).where(
    pushed_requests.c.digest == bindparam("request"),
    pushed_requests.c.client_id == bindparam("client"),
    pushed_requests.c.expires_at > bindparam("now"),
    pushed_requests.c.spent_at.is_(None),
)
_SPEND = (
    update(pushed_requests)
    .where(pushed_requests.c.digest == bindparam("request"), pushed_requests.c.spent_at.is_(None))
    # An ID token in it, or a hint, would name a person for another day.
    .values(spent_at=bindparam("now"), parameters="")
)


async def keep(tx: Transaction, digest: bytes, *, client_id: str, parameters: str, expires_at: int) -> None:
    """Keep a request, form-encoded, under the digest of its `request_uri`."""
    await tx.run(
        _KEEP,
        digest=digest,
        client_id=client_id,
        parameters=parameters,
        expires_at=expires_at,
        spent_at=None,
    )


async def find(tx: Transaction, digest: bytes, *, client_id: str, now: int) -> str | None:
    """The parameters this client pushed, while they may still be visited."""
    row = await tx.one(_FIND, request=digest, client=client_id, now=now)
    return row["parameters"] if row else None


async def spend(tx: Transaction, digest: bytes, *, now: int) -> bool:
    """Use the request up; False when it was before (RFC 9126 §7.3)."""
    return bool(await tx.run(_SPEND, request=digest, now=now))
