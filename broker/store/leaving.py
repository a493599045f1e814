"""A person leaves: taken out of our apps at TikTok, or erased altogether. Each is one transaction.

What is left of an erased person: the kinds and times of what happened, which app and which registration, and one
event whose `user_id` is a digest of the `sub`. It proves the erasure to whoever still knows the `sub`, and leads
nobody back to it.
"""

from dataclasses import dataclass

from sqlalchemy import bindparam, delete, exists, literal_column, or_, select, update

from broker import opaque
from broker.store import audit, deliveries, endings, revocations, statuses
from broker.store.database import Transaction
from broker.store.endings import Standing
from broker.store.revocations import Revocation
from broker.store.schema import accounts, audit_events, imported_people, users
from broker.store.token_pairs import NO_PAIR


@dataclass(frozen=True, slots=True)
class Left:
    """What ended, and the registrations whose grant TikTok is asked to end."""

    ended: Standing
    registrations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refreshing:
    """A pair of this person is being renewed at TikTok just now; nothing was changed.

    By `until`, epoch seconds, that is over. Taken now it would be the dead one, and the new one would be nobody's.
    """

    until: int


_THIS = users.c.id == bindparam("user")
_THEIRS = accounts.c.user_id == bindparam("user")
_TAKE = (
    select(
        accounts.c.registration,
        accounts.c.open_id,
        accounts.c.sealed_tokens,
        accounts.c.access_expires_at,
        accounts.c.refresh_expires_at,
        accounts.c.refresh_lease_until,
    )
    .where(_THEIRS)
    .order_by(accounts.c.id)
    .with_for_update(key_share=True)
)
_FORGET_TOKENS = update(accounts).where(_THEIRS).values(NO_PAIR)
_FORGET_WHOSE = (
    update(audit_events)
    .where(audit_events.c.user_id == bindparam("user"))
    # Tokens carry the ids of session and grant beside the `sub`, log lines that of the request.
    .values(user_id=None, session_id=None, grant_id=None, request_id=None)
)
_DELETE = delete(users).where(_THIS)
_DELETE_IMPORTED = delete(imported_people).where(
    imported_people.c.sub == bindparam("imported"), imported_people.c.user_id.is_(None)
)
# Also by what the other system may have known the same person besides.
_DELETE_AWAITED = delete(imported_people).where(
    imported_people.c.user_id.is_(None),
    or_(
        imported_people.c.union_id.in_(select(users.c.union_id).where(_THIS)),
        exists(literal_column("1")).where(
            _THEIRS,
            accounts.c.registration == imported_people.c.registration,
            accounts.c.open_id == imported_people.c.open_id,
        ),
    ),
)


def erased(user_id: str) -> str:
    """What stands as `user_id` in the one event that tells of an erasure."""
    return f"erased:{opaque.sha256_hex(user_id)}"


async def disconnect(tx: Transaction, user_id: str, *, now: int) -> Left | Refreshing | None:
    """Delete the person's TikTok tokens, end every session and grant, have TikTok told; None for nobody."""
    if await tx.one(endings.HOLD, user=user_id) is None:
        return None
    left = await _leave(tx, user_id, reason="disconnected", now=now)
    if isinstance(left, Left):
        await audit.record(tx, "user.disconnected", actor="operator", user_id=user_id, now=now)
    return left


async def erase(tx: Transaction, user_id: str, *, now: int) -> Left | Refreshing | None:
    """The same, and then delete whatever leads to the person; None for nobody."""
    if await tx.one(endings.HOLD, user=user_id) is None:
        return None
    known_as = [(row["registration"], row["open_id"]) for row in await tx.all(_TAKE, user=user_id)]
    left = await _leave(tx, user_id, reason="erased", now=now)
    if not isinstance(left, Left):
        return left
    for registration, open_id in known_as:
        await deliveries.forget_whom(tx, registration=registration, open_id=open_id)
    await tx.run(_FORGET_WHOSE, user=user_id)
    await statuses.keep_of_user(tx, user_id, now=now)
    await tx.run(_DELETE_AWAITED, user=user_id)
    # Accounts, sessions, grants, the copied picture, and whom they were imported as, go with their person.
    await tx.run(_DELETE, user=user_id)
    await audit.record(tx, "user.erased", actor="operator", user_id=erased(user_id), now=now)
    return left


async def erase_waiting(tx: Transaction, sub: str, *, now: int) -> bool:
    """Delete somebody who was imported and has never signed in; False when there is no such person."""
    if not await tx.run(_DELETE_IMPORTED, imported=sub):
        return False
    await tx.run(_FORGET_WHOSE, user=sub)
    await audit.record(tx, "user.erased", actor="operator", user_id=erased(sub), now=now)
    return True


async def _leave(tx: Transaction, user_id: str, *, reason: str, now: int) -> Left | Refreshing:
    found = await tx.all(_TAKE, user=user_id)
    busy = [row["refresh_lease_until"] for row in found if (row["refresh_lease_until"] or 0) > now]
    if busy:
        return Refreshing(max(busy))
    kept = [row for row in found if row["sealed_tokens"] is not None]
    await tx.run(_FORGET_TOKENS, user=user_id)
    for row in kept:
        revocation = Revocation(
            id=opaque.identifier(),
            registration=row["registration"],
            open_id=row["open_id"],
            sealed_tokens=row["sealed_tokens"],
            access_expires_at=row["access_expires_at"],
            refresh_expires_at=row["refresh_expires_at"],
        )
        await revocations.ask(tx, revocation, now=now)
    ended = await endings.end_all(tx, [user_id], reason=reason, now=now)
    return Left(ended, tuple(row["registration"] for row in kept))
