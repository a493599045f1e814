"""Requests of apps that had proved themselves, and were refused: nothing is written but that."""

from typing import Final

from broker.store import audit
from broker.store.database import Transaction

_MOST_REASON: Final = 300


async def record(tx: Transaction, client_id: str, *, reason: str, request_id: str, now: int) -> None:
    """Keep the refusal."""
    await audit.record(
        tx,
        "request.refused",
        actor="client",
        client_id=client_id,
        request_id=request_id,
        reason=reason[:_MOST_REASON],
        now=now,
    )
