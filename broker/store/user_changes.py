"""What an operator does to a person who stays, each with its audit event in the same transaction.

None and False mean that nothing changed, and that nothing was recorded.
"""

from sqlalchemy import bindparam, update

from broker.store import audit, endings
from broker.store.database import Transaction
from broker.store.endings import Standing
from broker.store.schema import users

_THIS = users.c.id == bindparam("user")
_BLOCK = update(users).where(_THIS, users.c.blocked_at.is_(None)).values(blocked_at=bindparam("now"))
_UNBLOCK = update(users).where(_THIS, users.c.blocked_at.is_not(None)).values(blocked_at=None)


async def sign_out(tx: Transaction, user_id: str, *, now: int) -> Standing | None:
    """End every session and grant of this person, those for offline use too; None when there is nobody."""
    if await tx.one(endings.HOLD, user=user_id) is None:
        return None
    ended = await endings.end_all(tx, [user_id], reason="signed_out", now=now)
    await audit.record(tx, "user.signed_out", actor="operator", user_id=user_id, now=now)
    return ended


async def block(tx: Transaction, user_id: str, *, now: int) -> Standing | None:
    """Refuse this person from now on, and end every session and grant; None when they were blocked before."""
    if not await tx.run(_BLOCK, user=user_id, now=now):
        return None
    ended = await endings.end_all(tx, [user_id], reason="blocked", now=now)
    await audit.record(tx, "user.blocked", actor="operator", user_id=user_id, now=now)
    return ended


async def unblock(tx: Transaction, user_id: str, *, now: int) -> bool:
    """Let a blocked person sign in again."""
    if not await tx.run(_UNBLOCK, user=user_id):
        return False
    await audit.record(tx, "user.unblocked", actor="operator", user_id=user_id, now=now)
    return True
