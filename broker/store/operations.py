"""Commands of operators that change no single row, or go in batches: kept before they begin.

One that is broken off is then known of, too.
"""

from broker.store import audit
from broker.store.database import Transaction


async def purge_begun(tx: Transaction, *, now: int) -> None:
    """An operator deletes what has expired."""
    await audit.record(tx, "purge.begun", actor="operator", now=now)


async def reseal_begun(tx: Transaction, *, now: int) -> None:
    """An operator moves what is sealed to another secret key."""
    await audit.record(tx, "reseal.begun", actor="operator", now=now)


async def export(tx: Transaction, user_id: str, *, now: int) -> None:
    """An operator takes a copy of what is kept of a person."""
    await audit.record(tx, "user.exported", actor="operator", user_id=user_id, now=now)
