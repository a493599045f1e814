"""Sessions: one browser signed in at the broker. The row's id is the `sid` claim; of the cookie, a digest."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import BigInteger, bindparam, case, insert, select, update

from broker.store import audit, ended_grants, outbox
from broker.store.database import Row, Transaction
from broker.store.schema import accounts, clients, grants, sessions, users

LOGOUT = "backchannel_logout"
_DELIVERY_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Session:
    """A session about to be opened; all times in epoch seconds."""

    id: str
    cookie_digest: bytes
    auth_time: int
    expires_at: int
    max_expires_at: int


@dataclass(frozen=True, slots=True)
class LiveSession:
    """A browser that is signed in now, by the registration through which it was and what TikTok granted then.

    `auth_time` in epoch seconds.
    """

    id: str
    user_id: str
    account_id: str
    registration: str
    tiktok_scope: str
    auth_time: int


@dataclass(frozen=True, slots=True)
class Heard:
    """A client that listens, to be told that this person's session is over."""

    client_id: str
    user_id: str
    session_id: str


_NOW = bindparam("now", type_=BigInteger)
_LIVE = (sessions.c.ended_at.is_(None), sessions.c.expires_at > _NOW)
GIVEN: Final = (*Session.__slots__, "ended_at")
"""The columns of a session that begins, but for whose it is."""
_OPEN = insert(sessions)
_FIND = (
    select(
        sessions.c.id,
        sessions.c.user_id,
        sessions.c.account_id,
        accounts.c.registration,
        accounts.c.granted_scope.label("tiktok_scope"),
        sessions.c.auth_time,
    )
    .join(users, users.c.id == sessions.c.user_id)
    .join(accounts, accounts.c.id == sessions.c.account_id)
    .where(sessions.c.cookie_digest == bindparam("cookie"), users.c.blocked_at.is_(None), *_LIVE)
)
_WISHED = bindparam("until", type_=BigInteger)
SLIDE: Final = (
    update(sessions)
    .where(sessions.c.id == bindparam("session"), *_LIVE)
    # The sliding life stays inside the session's absolute one.
    .values(expires_at=case((sessions.c.max_expires_at < _WISHED, sessions.c.max_expires_at), else_=_WISHED))
)
"""Prolongs a session that is live; its parameters are `session`, `until` and `now`."""
_RENEW = (
    update(sessions)
    .where(sessions.c.cookie_digest == bindparam("old"), sessions.c.user_id == bindparam("user"), *_LIVE)
    .values(
        cookie_digest=bindparam("cookie"),
        account_id=bindparam("account"),
        auth_time=bindparam("authenticated"),
        expires_at=bindparam("expires"),
        max_expires_at=bindparam("max_expires"),
    )
    .returning(sessions.c.id)
)
_BY_COOKIE = select(sessions.c.id).where(sessions.c.cookie_digest == bindparam("cookie"))
_END = (
    update(sessions)
    .where(sessions.c.id == bindparam("session"), sessions.c.ended_at.is_(None))
    .values(ended_at=_NOW)
    .returning(sessions.c.user_id)
)
_END_GRANTS = (
    update(grants)
    .where(
        grants.c.session_id == bindparam("session"),
        grants.c.ended_at.is_(None),
        # What was granted for offline use outlives the session; a code not redeemed yet does not.
        (grants.c.offline == 0) | grants.c.redeemed_at.is_(None),
    )
    .values(ended_at=_NOW, ended_reason=bindparam("because"))
    .returning(*ended_grants.COLUMNS)
)
_ITS_CLIENTS = (
    select(clients.c.client_id, clients.c.client_metadata)
    .where(
        clients.c.client_id.in_(
            select(grants.c.client_id).where(grants.c.session_id == bindparam("session")).distinct()
        ),
        clients.c.disabled_at.is_(None),
    )
    .order_by(clients.c.client_id)
)


async def begin(tx: Transaction, session: Session, *, user_id: str, account_id: str) -> None:
    """Open the session for this user, begun through this account."""
    await tx.run(_OPEN, **columns(session), user_id=user_id, account_id=account_id)


def columns(session: Session) -> dict[str, Any]:
    """What the row of a session that begins holds, but for whose it is."""
    return {name: getattr(session, name) for name in Session.__slots__} | {"ended_at": None}


async def renew(
    tx: Transaction, old_cookie: bytes, session: Session, *, user_id: str, account_id: str, now: int
) -> str | None:
    """Authenticate this user's session anew under a new cookie; its id, or None when it is not theirs or over."""
    row = await tx.one(
        _RENEW,
        old=old_cookie,
        user=user_id,
        cookie=session.cookie_digest,
        account=account_id,
        authenticated=session.auth_time,
        expires=session.expires_at,
        max_expires=session.max_expires_at,
        now=now,
    )
    return row["id"] if row else None


async def find(tx: Transaction, cookie_digest: bytes, *, now: int) -> LiveSession | None:
    """The live session behind a cookie; None for a stranger."""
    row = await tx.one(_FIND, cookie=cookie_digest, now=now)
    return _live(row) if row else None


async def slide(tx: Transaction, session_id: str, *, until: int, now: int) -> bool:
    """Prolong the session; False when it is over."""
    return bool(await tx.run(SLIDE, session=session_id, until=until, now=now))


async def id_of(tx: Transaction, cookie_digest: bytes) -> str | None:
    """The session behind a cookie, live or not."""
    row = await tx.one(_BY_COOKIE, cookie=cookie_digest)
    return row["id"] if row else None


async def end(
    tx: Transaction, session_id: str, *, reason: str, client_id: str | None, request_id: str | None, now: int
) -> bool:
    """Sign the browser out: end its session and what hangs on it, and have every client told.

    `reason` is `sign_out`, at the wish of the client `client_id` if one is known, or `replaced`, by the session of
    a new sign-in in the same browser. False when it was over before: then nobody is told again.
    """
    row = await tx.one(_END, session=session_id, now=now)
    if row is None:
        return False
    await wind_up(
        tx, session_id, actor="user", user_id=row["user_id"], reason=reason, request_id=request_id, now=now
    )
    await audit.record(
        tx,
        "session.ended",
        actor="user",
        user_id=row["user_id"],
        client_id=client_id,
        session_id=session_id,
        request_id=request_id,
        reason=reason,
        now=now,
    )
    return True


async def wind_up(
    tx: Transaction,
    session_id: str,
    *,
    actor: str,
    user_id: str,
    reason: str,
    request_id: str | None,
    now: int,
) -> None:
    """End what hangs on a session that `actor` has just ended, and have every client told."""
    ended = await tx.all(_END_GRANTS, session=session_id, because=reason, now=now)
    await ended_grants.record(tx, ended, actor=actor, reason=reason, request_id=request_id, now=now)
    await tell(tx, session_id, user_id=user_id, now=now)


async def tell(
    tx: Transaction, session_id: str, *, user_id: str, only: Collection[str] | None = None, now: int
) -> None:
    """Have the session's clients told that it is over, those that listen: all of them, or `only` these."""
    heard = [
        Heard(client["client_id"], user_id, session_id)
        for client in await tx.all(_ITS_CLIENTS, session=session_id)
        if (only is None or client["client_id"] in only) and listens(client["client_metadata"])
    ]
    await tell_each(tx, heard, now=now)


def listens(client_metadata: str) -> bool:
    """Whether the client of this metadata wants to hear of ended sessions."""
    metadata: dict[str, Any] = orjson.loads(client_metadata)
    return bool(metadata.get("backchannel_logout_uri"))


async def tell_each(tx: Transaction, over: Iterable[Heard], *, now: int) -> None:
    """Have all of this told."""
    payloads = [{"client_id": one.client_id, "sub": one.user_id, "sid": one.session_id} for one in over]
    await outbox.put_each(tx, LOGOUT, payloads, expires_at=now + _DELIVERY_SECONDS, now=now)


def _live(row: Row) -> LiveSession:
    return LiveSession(
        row["id"],
        row["user_id"],
        row["account_id"],
        row["registration"],
        row["tiktok_scope"],
        row["auth_time"],
    )
