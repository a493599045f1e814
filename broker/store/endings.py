"""Everything of a person ends at once: every session, and every grant, those for offline use too."""

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import BigInteger, bindparam, func, select, update

from broker.store import audit, ended_grants, sessions
from broker.store.database import Transaction
from broker.store.schema import grants, users
from broker.store.schema import sessions as session_rows


@dataclass(frozen=True, slots=True)
class Standing:
    """How many sessions and grants of a person are alive; or, of an ending, were."""

    sessions: int
    grants: int


# A sign-in takes user, account, session and grants in this order, and so does whatever ends them. The weaker lock
# leaves foreign keys to the row alone, also before a deletion: a sign-in from a session refers to the row while we
# wait for that sign-in.
HOLD = select(users.c.id).where(users.c.id == bindparam("user")).with_for_update(key_share=True)
"""Takes the person's row until the transaction ends. No row: there is nobody."""

_NOW = bindparam("now", type_=BigInteger)
_THEIR_SESSIONS = (session_rows.c.user_id == bindparam("user"), session_rows.c.ended_at.is_(None))
_THEIR_GRANTS = (grants.c.user_id == bindparam("user"), grants.c.ended_at.is_(None))
_COUNT_SESSIONS = (
    select(func.count().label("found"))
    .select_from(session_rows)
    .where(*_THEIR_SESSIONS, session_rows.c.expires_at > _NOW)
)
_COUNT_GRANTS = (
    select(func.count().label("found"))
    .select_from(grants)
    .where(*_THEIR_GRANTS, ended_grants.GOOD_UNTIL.element > _NOW)
)
_END_SESSIONS = (
    update(session_rows)
    .where(*_THEIR_SESSIONS)
    .values(ended_at=_NOW)
    .returning(session_rows.c.id, session_rows.c.expires_at)
)
_END_GRANTS = (
    update(grants)
    .where(*_THEIR_GRANTS)
    .values(ended_at=_NOW, ended_reason=bindparam("because"))
    .returning(*ended_grants.COLUMNS)
)


async def standing(tx: Transaction, user_id: str, *, now: int) -> Standing:
    """What of this person is alive."""
    counts = [await tx.one(statement, user=user_id, now=now) for statement in (_COUNT_SESSIONS, _COUNT_GRANTS)]
    return Standing(*(row["found"] if row else 0 for row in counts))


async def end_all(tx: Transaction, user_id: str, *, reason: str, now: int) -> Standing:
    """End all of it because an operator wants it so, and have the apps told. What had expired ends unheard.

    To be run in a transaction that holds the person's row (`HOLD`): a sign-in takes that first, too, and so is
    either seen here or comes afterwards.
    """
    # Sessions first: a code that one of them is just getting is in sight of the next statement.
    ended = await tx.all(_END_SESSIONS, user=user_id, now=now)
    live = sorted(row["id"] for row in ended if row["expires_at"] > now)
    gone = await tx.all(_END_GRANTS, user=user_id, because=reason, now=now)
    good = await ended_grants.record(tx, gone, actor="operator", user_id=user_id, reason=reason, now=now)
    for session_id in live:
        await sessions.tell(tx, session_id, user_id=user_id, now=now)
        await audit.record(
            tx,
            "session.ended",
            actor="operator",
            user_id=user_id,
            session_id=session_id,
            reason=reason,
            now=now,
        )
    # Of a session that was over before, only the apps that held on to their grants have news to hear.
    outliving: defaultdict[str, set[str]] = defaultdict(set)
    for grant in good:
        if grant["session_id"] is not None and grant["session_id"] not in live:
            outliving[grant["session_id"]].add(grant["client_id"])
    for session_id, apps in outliving.items():
        await sessions.tell(tx, session_id, user_id=user_id, only=apps, now=now)
    return Standing(len(live), len(good))
