"""Taking a person out of our apps at TikTok: asked for in the transaction that deletes the token pair.

Until TikTok has heard of it, for a day at most, the outbox keeps the pair, sealed as the account had it.
"""

from dataclasses import asdict, dataclass, field
from typing import Any, Self

from sqlalchemy import bindparam, select

from broker import opaque
from broker.store import outbox
from broker.store.database import Transaction
from broker.store.schema import accounts

TIKTOK_REVOCATION = "tiktok_revocation"
_DELIVERY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Revocation:
    """A grant at TikTok that is to end, with the pair that can end it. Times in epoch seconds."""

    id: str
    registration: str
    open_id: str = field(repr=False)
    sealed_tokens: bytes = field(repr=False)
    access_expires_at: int
    refresh_expires_at: int

    def payload(self) -> dict[str, Any]:
        """As the outbox keeps it."""
        return asdict(self) | {"sealed_tokens": opaque.base64url(self.sealed_tokens)}

    @classmethod
    def of(cls, payload: dict[str, Any]) -> Self:
        """What `payload` made."""
        return cls(**payload | {"sealed_tokens": opaque.from_base64url(payload["sealed_tokens"]) or b""})


_SIGNED_IN_ANEW = select(accounts.c.id).where(
    accounts.c.registration == bindparam("registration"),
    accounts.c.open_id == bindparam("open_id"),
    accounts.c.sealed_tokens.is_not(None),
)


async def ask(tx: Transaction, revocation: Revocation, *, now: int) -> None:
    """Have TikTok told."""
    await outbox.put(
        tx,
        TIKTOK_REVOCATION,
        revocation.payload(),
        delivery_id=revocation.id,
        expires_at=now + _DELIVERY_SECONDS,
        now=now,
    )


async def renew(tx: Transaction, revocation: Revocation) -> bool:
    """Keep the pair that TikTok answered to a refresh; False when the revocation has been dealt with meanwhile."""
    return await outbox.amend(tx, revocation.id, revocation.payload())


async def is_outdated(tx: Transaction, revocation: Revocation) -> bool:
    """Whether the person has signed in anew since: that TikTok must not undo."""
    found = await tx.one(_SIGNED_IN_ANEW, registration=revocation.registration, open_id=revocation.open_id)
    return found is not None
