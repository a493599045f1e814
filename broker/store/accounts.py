"""Accounts: one TikTok `open_id` under one registration, with the tokens TikTok gave for it, sealed."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, bindparam, cast, exists, literal_column, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningInsert

from broker import opaque
from broker.store import deliveries
from broker.store.database import Transaction
from broker.store.schema import accounts


@dataclass(frozen=True, slots=True)
class Authorization:
    """What one sign-in at TikTok yielded for one account.

    Word of TikTok's that comes from `in_doubt_from` on (epoch seconds), of the consent having been taken back, may
    be about this very sign-in.
    """

    registration: str
    open_id: str
    granted_scope: str
    sealed_tokens: bytes
    access_expires_at: int
    refresh_expires_at: int
    in_doubt_from: int


CONNECTED: ColumnElement[bool] = accounts.c.sealed_tokens.is_not(None)
"""Whether there is a pair of TikTok's tokens in the account's row."""
KNOWN: ColumnElement[bool] = exists(literal_column("1")).where(
    accounts.c.registration == bindparam("registration"), accounts.c.open_id == bindparam("open_id")
)
"""Whether there is a row of the account that is `yielded`."""


def upserting(
    user_id: ColumnElement[str],
    *conditions: ColumnElement[bool],
    known_only_if: ColumnElement[bool] | None = None,
) -> ReturningInsert[tuple[str]]:
    """Makes the account of this user or brings it up to date, unless its consent has been taken back meanwhile.

    It answers with its id; its parameters are `yielded`. One that is there is left alone unless `known_only_if`,
    which is asked of the row as it is when it is changed, and not as it was when the statement began.
    """
    given = {column: _given(column) for column in accounts.columns} | {accounts.c.user_id: user_id}
    new = select(*(value.label(column.name) for column, value in given.items())).where(
        ~deliveries.TAKEN_BACK, *conditions
    )
    wanted = insert(accounts).from_select(list(given), new)
    return wanted.on_conflict_do_update(
        index_elements=[accounts.c.registration, accounts.c.open_id],
        set_={
            "user_id": wanted.excluded.user_id,
            "granted_scope": wanted.excluded.granted_scope,
            "sealed_tokens": wanted.excluded.sealed_tokens,
            "access_expires_at": wanted.excluded.access_expires_at,
            "refresh_expires_at": wanted.excluded.refresh_expires_at,
            # Whoever was refreshing the pair before this one finds that it is another's.
            "refresh_lease": wanted.excluded.refresh_lease,
            "refresh_lease_until": wanted.excluded.refresh_lease_until,
            "authorized_at": wanted.excluded.authorized_at,
        },
        where=known_only_if,
    ).returning(accounts.c.id)


def _given(column: Column[Any]) -> ColumnElement[Any]:
    # `registration` and `open_id` are those that word of TikTok's is looked for by, too.
    named = column.name if column.name in ("registration", "open_id") else f"account_{column.name}"
    return cast(bindparam(named), column.type)


_UPSERT = upserting(_given(accounts.c.user_id))


async def upsert(tx: Transaction, authorization: Authorization, *, user_id: str, now: int) -> str | None:
    """The account's id, made when new; None when the consent has been taken back meanwhile.

    It follows its `union_id`: an account met under another user moves.
    """
    row = await tx.one(_UPSERT, **yielded(authorization, now=now), account_user_id=user_id)
    return None if row is None else str(row["id"])


def yielded(authorization: Authorization, *, now: int) -> dict[str, Any]:
    """What `upserting` is to know of the account."""
    return {
        "account_id": opaque.identifier(),
        "registration": authorization.registration,
        "open_id": authorization.open_id,
        "account_granted_scope": authorization.granted_scope,
        "account_sealed_tokens": authorization.sealed_tokens,
        "account_access_expires_at": authorization.access_expires_at,
        "account_refresh_expires_at": authorization.refresh_expires_at,
        "account_refresh_lease": None,
        "account_refresh_lease_until": None,
        "account_authorized_at": now,
        "account_created_at": now,
        "in_doubt_from": authorization.in_doubt_from,
    }
