"""Everything of people ends at once: every session, and every grant, those for offline use too."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import BigInteger, Text, bindparam, func, or_, select, update

from broker.store import audit, ended_grants, sessions
from broker.store.database import Row, Transaction
from broker.store.schema import clients, grants, users
from broker.store.schema import sessions as session_rows

MOST: Final = 100
"""So many people at once: long enough to be fast, short enough that nobody waits for it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How many sessions and grants of people are alive; or, of an ending, were."""

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
# One parameter for each of a batch. Where there are fewer the others are NULL, which equals nothing.
_SLOTS: Final = [bindparam(f"user{number}", type_=Text) for number in range(MOST)]
_END_SESSIONS = (
    update(session_rows)
    .where(session_rows.c.user_id.in_(_SLOTS), session_rows.c.ended_at.is_(None))
    .values(ended_at=_NOW)
    .returning(session_rows.c.id, session_rows.c.user_id, session_rows.c.expires_at)
)
_END_GRANTS = (
    update(grants)
    .where(grants.c.user_id.in_(_SLOTS), grants.c.ended_at.is_(None))
    .values(ended_at=_NOW, ended_reason=bindparam("because"))
    .returning(*ended_grants.COLUMNS)
)
_CONCERNED = (
    select(grants.c.session_id, grants.c.user_id, clients.c.client_id, clients.c.client_metadata)
    .distinct()
    .join(session_rows, session_rows.c.id == grants.c.session_id)
    .join(clients, clients.c.client_id == grants.c.client_id)
    .where(
        grants.c.user_id.in_(_SLOTS),
        or_(session_rows.c.ended_at == _NOW, grants.c.ended_at == _NOW),
        clients.c.disabled_at.is_(None),
    )
)


async def standing(tx: Transaction, user_id: str, *, now: int) -> Standing:
    """What of this person is alive."""
    counts = [await tx.one(statement, user=user_id, now=now) for statement in (_COUNT_SESSIONS, _COUNT_GRANTS)]
    return Standing(*(row["found"] if row else 0 for row in counts))


async def end_all(tx: Transaction, user_ids: Sequence[str], *, reason: str, now: int) -> Standing:
    """End all of it because an operator wants it so, and have the apps told. What had expired ends unheard.

    To be run in a transaction that holds the rows of these people, `MOST` of them (`HOLD`): a sign-in takes that
    first, too, and so is either seen here or comes afterwards.
    """
    slots = [*user_ids, *[None] * (len(_SLOTS) - len(user_ids))]
    whose = {slot.key: user_id for slot, user_id in zip(_SLOTS, slots, strict=True)}
    # Sessions first: a code that one of them is just getting is in sight of the next statement.
    ended = await tx.all(_END_SESSIONS, **whose, now=now)
    live = {row["id"]: row["user_id"] for row in ended if row["expires_at"] > now}
    gone = await tx.all(_END_GRANTS, **whose, because=reason, now=now)
    good = await ended_grants.record(tx, gone, actor="operator", reason=reason, now=now)
    events = [
        audit.happened(
            "session.ended", actor="operator", user_id=user_id, session_id=session_id, reason=reason, now=now
        )
        for session_id, user_id in sorted(live.items())
    ]
    await audit.keep(tx, events)
    # Of a session that was over before, only the apps that held on to their grants have news to hear.
    outliving = {(grant["session_id"], grant["client_id"]) for grant in good}
    heard = [
        sessions.Heard(app["client_id"], app["user_id"], app["session_id"])
        for app in await _listening(tx, whose, now=now)
        if app["session_id"] in live or (app["session_id"], app["client_id"]) in outliving
    ]
    await sessions.tell_each(tx, heard, now=now)
    return Standing(len(live), len(good))


async def _listening(tx: Transaction, whose: dict[str, str | None], *, now: int) -> list[Row]:
    """The apps that listen, of each session in which something has just ended."""
    concerned = await tx.all(_CONCERNED, **whose, now=now)
    metadata = {app["client_id"]: app["client_metadata"] for app in concerned}
    listening = {client_id for client_id, its in metadata.items() if sessions.listens(its)}
    return [app for app in concerned if app["client_id"] in listening]
