"""What the statements on grants share: the living grant as a row, and the conditions it must meet."""

from dataclasses import dataclass

from sqlalchemy import BigInteger, ColumnElement, Select, bindparam, case, exists, literal_column, select

from broker.store.database import Row
from broker.store.schema import accounts, clients, grants, sessions, users


@dataclass(frozen=True, slots=True)
class Grant:
    """A living grant with what a token says of its person. `auth_time` in epoch seconds."""

    id: str
    client_id: str
    user_id: str
    session_id: str | None
    scope: str
    resources: str
    nonce: str | None
    auth_time: int
    generation: int
    refresh_kid: str | None
    union_id: str
    display_name: str | None
    username: str | None
    avatar_url: str | None
    avatar_id: str | None
    open_id: str
    tiktok_scope: str
    status_index: int | None


@dataclass(frozen=True, slots=True)
class Spent:
    """A code or a refresh token was spent; `repeated` when it had been already, within the grace."""

    grant: Grant
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was spent. `reason` is for the log; `ended` tells that the misuse ended the grant."""

    reason: str
    ended: bool = False
    grant_id: str | None = None


@dataclass(frozen=True, slots=True)
class StaleClient:
    """The caller's copy of the client is out of date: read it again and start over."""


def _column(source: Select[tuple[str]], name: str) -> ColumnElement[str]:
    return source.correlate(grants).scalar_subquery().label(name)


# Scalar subqueries, since SQLite's RETURNING sees the updated table only.
_ITS_USER = users.c.id == grants.c.user_id
_ITS_ACCOUNT = accounts.c.id == grants.c.account_id
LIVING = (
    grants.c.id,
    grants.c.client_id,
    grants.c.user_id,
    grants.c.session_id,
    grants.c.scope,
    grants.c.resources,
    grants.c.nonce,
    grants.c.auth_time,
    grants.c.generation,
    grants.c.refresh_kid,
    grants.c.status_index,
    _column(select(users.c.union_id).where(_ITS_USER), "union_id"),
    _column(select(users.c.display_name).where(_ITS_USER), "display_name"),
    _column(select(users.c.username).where(_ITS_USER), "username"),
    _column(select(users.c.avatar_url).where(_ITS_USER), "avatar_url"),
    _column(select(users.c.avatar_id).where(_ITS_USER), "avatar_id"),
    _column(select(accounts.c.open_id).where(_ITS_ACCOUNT), "open_id"),
    _column(select(accounts.c.granted_scope).where(_ITS_ACCOUNT), "tiktok_scope"),
)

NOW = bindparam("now", type_=BigInteger)
NOT_ENDED = grants.c.ended_at.is_(None)
THIS_CLIENT = grants.c.client_id == bindparam("client")
USER_LIVE = exists(literal_column("1")).where(_ITS_USER, users.c.blocked_at.is_(None)).correlate(grants)
SESSION_LIVE = (
    exists(literal_column("1"))
    .where(sessions.c.id == grants.c.session_id, sessions.c.ended_at.is_(None), sessions.c.expires_at > NOW)
    .correlate(grants)
)
CLIENT_ENABLED = (
    exists(literal_column("1"))
    .where(clients.c.client_id == grants.c.client_id, clients.c.disabled_at.is_(None))
    .correlate(grants)
)
CLIENT_AS_CACHED = exists(literal_column("1")).where(
    clients.c.client_id == bindparam("client"),
    clients.c.version == bindparam("version"),
    clients.c.disabled_at.is_(None),
)
CLIENT_CURRENT = select(clients.c.client_id).where(
    clients.c.client_id == bindparam("client"),
    clients.c.version == bindparam("version"),
    clients.c.disabled_at.is_(None),
)
_WISHED = bindparam("refresh_expires", type_=BigInteger)
# The sliding life of a refresh token stays inside the grant's absolute one.
REFRESH_EXPIRES = case((grants.c.expires_at < _WISHED, grants.c.expires_at), else_=_WISHED)
THIS_GRANT = grants.c.id == bindparam("grant")


def grant_of(row: Row) -> Grant:
    """The grant in a row that a statement over `LIVING` answered."""
    return Grant(
        id=row["id"],
        client_id=row["client_id"],
        user_id=row["user_id"],
        session_id=row["session_id"],
        scope=row["scope"],
        resources=row["resources"],
        nonce=row["nonce"],
        auth_time=row["auth_time"],
        generation=row["generation"],
        refresh_kid=row["refresh_kid"],
        union_id=row["union_id"],
        display_name=row["display_name"],
        username=row["username"],
        avatar_url=row["avatar_url"],
        avatar_id=row["avatar_id"],
        open_id=row["open_id"],
        tiktok_scope=row["tiktok_scope"],
        status_index=row["status_index"],
    )
