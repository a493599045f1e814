"""A person took the consent back at TikTok: nothing that began through that account lives on."""

from dataclasses import dataclass
from typing import TypedDict

from sqlalchemy import BigInteger, bindparam, select, update

from broker.store import audit, avatars, deliveries, ended_grants, sessions
from broker.store.database import Transaction
from broker.store.schema import accounts, grants, users
from broker.store.schema import sessions as session_rows
from broker.store.token_pairs import NO_PAIR

_CONFIRMATION = "developer_revoked"


@dataclass(frozen=True, slots=True)
class Deauthorized:
    """It is done: how many sessions and grants ended by it."""

    sessions: int
    grants: int


class _Said(TypedDict):
    """What the events of one deauthorization have in common."""

    actor: str
    user_id: str
    reason: str
    request_id: str | None


@dataclass(frozen=True, slots=True)
class Outdated:
    """The person has signed in anew since: nothing was changed."""


_ACCOUNT = (accounts.c.registration == bindparam("registration"), accounts.c.open_id == bindparam("open_id"))
# A sign-in takes user, account, session and grants in this order. Taking the user first, too, keeps the two from
# waiting for each other; the weaker lock leaves foreign keys to the row alone.
_LOCK_USER = (
    select(users.c.id)
    .join(accounts, accounts.c.user_id == users.c.id)
    .where(*_ACCOUNT)
    .with_for_update(of=users, key_share=True)
)
_FORGET_TOKENS = (
    update(accounts)
    .where(*_ACCOUNT, accounts.c.authorized_at <= bindparam("newest", type_=BigInteger))
    .values(NO_PAIR)
    .returning(accounts.c.id, accounts.c.user_id)
)
_NOW = bindparam("now", type_=BigInteger)
_END_SESSIONS = (
    update(session_rows)
    .where(session_rows.c.account_id == bindparam("account"), session_rows.c.ended_at.is_(None))
    .values(ended_at=_NOW)
    .returning(session_rows.c.id)
)
_END_GRANTS = (
    update(grants)
    .where(grants.c.account_id == bindparam("account"), grants.c.ended_at.is_(None))
    .values(ended_at=_NOW, ended_reason="deauthorized")
    .returning(*ended_grants.COLUMNS)
)
_FORGET_NAMES = (
    update(users).where(users.c.id == bindparam("user")).values(display_name=None, username=None, updated_at=_NOW)
)


async def deauthorize(
    tx: Transaction,
    *,
    registration: str,
    open_id: str,
    occurred_at: int,
    reason: str,
    erase: bool,
    request_id: str | None = None,
    now: int,
) -> Deauthorized | Outdated | None:
    """Forget the account's tokens, end what began through it, and have the apps told; None for a stranger.

    Their picture goes always, with `erase` also name and handle. An event that `occurred_at` a minute before the
    newest sign-in through the account changes nothing. To be run in a transaction.
    """
    account = {"registration": registration, "open_id": open_id}
    if await tx.one(_LOCK_USER, **account) is None:
        # TikTok confirms the revocation that goes with an erasure: who was erased is named nowhere. Of others the
        # note stays whole, for a first sign-in that is under way just now to be held against.
        if reason == _CONFIRMATION:
            await deliveries.forget_whom(tx, **account)
        return None
    row = await tx.one(_FORGET_TOKENS, **account, newest=occurred_at + deliveries.DOUBT_SECONDS)
    if row is None:
        return Outdated()
    user_id = row["user_id"]
    done = await _end(tx, row["id"], user_id, request_id=request_id, now=now)
    # Another account of the person may show the same picture, which the next sign-in through it brings back.
    await avatars.forget(tx, user_id)
    if erase:
        await tx.run(_FORGET_NAMES, user=user_id, now=now)
    await audit.record(
        tx,
        "authorization.removed",
        actor="tiktok",
        user_id=user_id,
        registration=registration,
        request_id=request_id,
        reason=reason,
        now=now,
    )
    return done


async def _end(
    tx: Transaction, account_id: str, user_id: str, *, request_id: str | None, now: int
) -> Deauthorized:
    said: _Said = {"actor": "tiktok", "user_id": user_id, "reason": "deauthorized", "request_id": request_id}
    # Sessions first: a code that one of them is just getting is in sight of the next statement.
    ended = [row["id"] for row in await tx.all(_END_SESSIONS, account=account_id, now=now)]
    gone = await tx.all(_END_GRANTS, account=account_id, now=now)
    await ended_grants.record(tx, gone, actor="tiktok", reason="deauthorized", request_id=request_id, now=now)
    apps: dict[str, set[str]] = {}
    for grant in gone:
        if grant["session_id"] is not None:
            apps.setdefault(grant["session_id"], set()).add(grant["client_id"])
    for session_id in ended:
        await sessions.wind_up(tx, session_id, **said, now=now)
        await audit.record(tx, "session.ended", session_id=session_id, **said, now=now)
    # A session that was renewed through another account goes on; only the apps that lost their grants hear of it.
    for session_id in apps.keys() - set(ended):
        await sessions.tell(tx, session_id, user_id=user_id, only=apps[session_id], now=now)
    return Deauthorized(len(ended), len(gone))
