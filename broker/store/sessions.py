"""Sessions: one browser signed in at the broker. The row's id is the `sid` claim; of the cookie, a digest."""

from dataclasses import dataclass

from sqlalchemy import insert

from broker.store.database import Transaction
from broker.store.schema import sessions


@dataclass(frozen=True, slots=True)
class Session:
    """A session about to be opened; all times in epoch seconds."""

    id: str
    cookie_digest: bytes
    auth_time: int
    expires_at: int
    max_expires_at: int


_OPEN = insert(sessions)


async def begin(tx: Transaction, session: Session, *, user_id: str, account_id: str) -> None:
    """Open the session for this user, begun through this account."""
    await tx.run(
        _OPEN,
        id=session.id,
        cookie_digest=session.cookie_digest,
        user_id=user_id,
        account_id=account_id,
        auth_time=session.auth_time,
        expires_at=session.expires_at,
        max_expires_at=session.max_expires_at,
        ended_at=None,
    )
