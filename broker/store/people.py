"""People as an operator looks at them: found by any of their names, listed, and told about in full."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Select,
    Table,
    Text,
    bindparam,
    exists,
    func,
    literal_column,
    or_,
    select,
)

from broker.store.database import Row, Transaction
from broker.store.schema import (
    accounts,
    audit_events,
    avatars,
    grants,
    imported_people,
    outbox,
    sessions,
    users,
    webhook_deliveries,
)


@dataclass(frozen=True, slots=True)
class Person:
    """A person with what TikTok told of them. Times in epoch seconds."""

    sub: str
    union_id: str
    display_name: str | None
    username: str | None
    avatar_url: str | None
    created_at: int
    updated_at: int
    blocked_at: int | None


@dataclass(frozen=True, slots=True)
class Account:
    """A person as one registration sees them. `has_tokens`: TikTok's pair is kept. Times in epoch seconds."""

    registration: str
    open_id: str
    granted_scope: str
    has_tokens: bool
    authorized_at: int
    created_at: int


_COLUMNS = (
    users.c.id,
    users.c.union_id,
    users.c.display_name,
    users.c.username,
    users.c.avatar_url,
    users.c.created_at,
    users.c.updated_at,
    users.c.blocked_at,
)
_NAME: BindParameter[str] = bindparam("name")
_BY_SUB = select(*_COLUMNS).where(users.c.id == _NAME)
_BY_TIKTOK = (
    select(*_COLUMNS)
    .where(
        or_(
            users.c.union_id == _NAME,
            users.c.id.in_(select(accounts.c.user_id).where(accounts.c.open_id == _NAME)),
        )
    )
    .order_by(users.c.id)
)
_NEWEST_FIRST = select(*_COLUMNS).order_by(users.c.created_at.desc(), users.c.id.desc()).limit(bindparam("most"))
_CREATED = bindparam("created", type_=BigInteger)
_NEXT = _NEWEST_FIRST.where(
    or_(
        users.c.created_at < _CREATED,
        (users.c.created_at == _CREATED) & (users.c.id < bindparam("sub")),
    )
)
_ACCOUNTS = (
    select(
        accounts.c.registration,
        accounts.c.open_id,
        accounts.c.granted_scope,
        accounts.c.sealed_tokens.is_not(None).label("has_tokens"),
        accounts.c.authorized_at,
        accounts.c.created_at,
    )
    .where(accounts.c.user_id == bindparam("user"))
    .order_by(accounts.c.created_at, accounts.c.registration)
)


def _all_of(table: Table, whose: ColumnElement[bool], at: str, *secret: str) -> Select[Any]:
    """Every column but the secret ones and `user_id`, oldest first."""
    columns = [column for column in table.c if column.name not in (*secret, "user_id")]
    return select(*columns).where(whose).order_by(table.c[at], *table.primary_key.columns)


def _mentions(text: ColumnElement[str], name: ColumnElement[str]) -> ColumnElement[bool]:
    # Asked in the one way that both databases know.
    return func.replace(text, name, "") != text


_USER: BindParameter[str] = bindparam("user", type_=Text)
# Digests and seals stay behind: they tell nothing of a person.
_RECORDS = {
    "sessions": _all_of(sessions, sessions.c.user_id == _USER, "auth_time", "cookie_digest"),
    "grants": _all_of(
        grants, grants.c.user_id == _USER, "created_at", "login_digest", "code_digest", "code_challenge", "nonce"
    ),
    "webhook_deliveries": _all_of(
        webhook_deliveries,
        select(accounts.c.id)
        .where(
            accounts.c.user_id == _USER,
            accounts.c.registration == webhook_deliveries.c.registration,
            accounts.c.open_id == webhook_deliveries.c.open_id,
        )
        .exists(),
        "received_at",
        "digest",
    ),
    "imported_people": _all_of(imported_people, imported_people.c.user_id == _USER, "imported_at"),
    # What waits to be delivered about them: a token pair in it is sealed, all else stands above.
    "outbox": _all_of(
        outbox,
        or_(
            _mentions(outbox.c.payload, _USER),
            exists(literal_column("1")).where(
                accounts.c.user_id == _USER, _mentions(outbox.c.payload, accounts.c.open_id)
            ),
        ),
        "due_at",
        "payload",
    ),
    # An event outlives an erasure: its id, handed out before, would lead back to it.
    "audit_events": _all_of(audit_events, audit_events.c.user_id == _USER, "at", "id"),
}
_AVATAR = select(avatars.c.media_type, avatars.c.image, avatars.c.created_at).where(avatars.c.user_id == _USER)


async def find(tx: Transaction, name: str) -> list[Person]:
    """The person of this `sub`, or everybody whose `union_id` or `open_id` it is.

    An `open_id` belongs to one registration: under two of them it may be two people.
    """
    exactly = await tx.one(_BY_SUB, name=name)
    return [_person(row) for row in ([exactly] if exactly else await tx.all(_BY_TIKTOK, name=name))]


async def page(tx: Transaction, *, after: Person | None, most: int) -> list[Person]:
    """The newest people, or the newest of those who came before `after` did."""
    if after is None:
        return [_person(row) for row in await tx.all(_NEWEST_FIRST, most=most)]
    return [_person(row) for row in await tx.all(_NEXT, created=after.created_at, sub=after.sub, most=most)]


async def accounts_of(tx: Transaction, user_id: str) -> list[Account]:
    """The person's accounts, oldest first."""
    return [
        Account(
            registration=row["registration"],
            open_id=row["open_id"],
            granted_scope=row["granted_scope"],
            has_tokens=bool(row["has_tokens"]),
            authorized_at=row["authorized_at"],
            created_at=row["created_at"],
        )
        for row in await tx.all(_ACCOUNTS, user=user_id)
    ]


async def records_of(tx: Transaction, user_id: str) -> dict[str, list[dict[str, Any]]]:
    """What else is kept of the person, by table, oldest first: ids, times and outcomes, no secret."""
    found = {}
    for name, statement in _RECORDS.items():
        # SQLAlchemy's names are more than text, which JSON does not take.
        columns = [str(column.name) for column in statement.selected_columns]
        found[name] = [
            {column: row[column] for column in columns} for row in await tx.all(statement, user=user_id)
        ]
    return found


async def avatar_of(tx: Transaction, user_id: str) -> tuple[str, bytes, int] | None:
    """The copied picture: media type, image, and when it was copied."""
    row = await tx.one(_AVATAR, user=user_id)
    return (row["media_type"], row["image"], row["created_at"]) if row else None


def _person(row: Row) -> Person:
    return Person(
        sub=row["id"],
        union_id=row["union_id"],
        display_name=row["display_name"],
        username=row["username"],
        avatar_url=row["avatar_url"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        blocked_at=row["blocked_at"],
    )
