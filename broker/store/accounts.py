"""Accounts: one TikTok `open_id` under one registration, with the tokens TikTok gave for it, sealed."""

from dataclasses import dataclass

from sqlalchemy import bindparam, cast, select
from sqlalchemy.dialects.postgresql import insert

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


_NEW = (
    "id",
    "user_id",
    "registration",
    "open_id",
    "granted_scope",
    "sealed_tokens",
    "access_expires_at",
    "refresh_expires_at",
    "refresh_lease",
    "refresh_lease_until",
    "authorized_at",
    "created_at",
)
_insert = insert(accounts).from_select(
    _NEW,
    select(*(cast(bindparam(name), accounts.c[name].type).label(name) for name in _NEW)).where(
        ~deliveries.TAKEN_BACK
    ),
)
_UPSERT = _insert.on_conflict_do_update(
    index_elements=[accounts.c.registration, accounts.c.open_id],
    set_={
        "user_id": _insert.excluded.user_id,
        "granted_scope": _insert.excluded.granted_scope,
        "sealed_tokens": _insert.excluded.sealed_tokens,
        "access_expires_at": _insert.excluded.access_expires_at,
        "refresh_expires_at": _insert.excluded.refresh_expires_at,
        # Whoever was refreshing the pair before this one finds that it is another's.
        "refresh_lease": _insert.excluded.refresh_lease,
        "refresh_lease_until": _insert.excluded.refresh_lease_until,
        "authorized_at": _insert.excluded.authorized_at,
    },
).returning(accounts.c.id)


async def upsert(tx: Transaction, authorization: Authorization, *, user_id: str, now: int) -> str | None:
    """The account's id, made when new; None when the consent has been taken back meanwhile.

    It follows its `union_id`: an account met under another user moves.
    """
    row = await tx.one(
        _UPSERT,
        id=opaque.identifier(),
        user_id=user_id,
        registration=authorization.registration,
        open_id=authorization.open_id,
        granted_scope=authorization.granted_scope,
        sealed_tokens=authorization.sealed_tokens,
        access_expires_at=authorization.access_expires_at,
        refresh_expires_at=authorization.refresh_expires_at,
        refresh_lease=None,
        refresh_lease_until=None,
        authorized_at=now,
        created_at=now,
        in_doubt_from=authorization.in_doubt_from,
    )
    return None if row is None else str(row["id"])
