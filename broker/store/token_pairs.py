"""TikTok's token pairs: who may use one, who is refreshing it just now, and what became of that.

TikTok kills the old pair the moment it issues a new one, so a pair is refreshed by one caller at a time, across
all replicas, and the new one is stored before anybody uses it. A lease says who that caller is. No transaction is
open while TikTok is asked.
"""

from dataclasses import dataclass, field

from sqlalchemy import BigInteger, bindparam, select, update

from broker.store import audit
from broker.store.database import Row, Transaction
from broker.store.grant_rows import CLIENT_ENABLED, NOT_ENDED, THIS_GRANT, USER_LIVE
from broker.store.schema import accounts, grants


@dataclass(frozen=True, slots=True)
class Kept:
    """An account with its pair as it stands; `sealed_tokens` is None when it was lost, refused or deleted.

    All times in epoch seconds. `lease_until` is when whoever refreshes it now must be back; None when nobody does.
    """

    account_id: str
    user_id: str
    registration: str
    open_id: str
    granted_scope: str
    sealed_tokens: bytes | None = field(repr=False)
    access_expires_at: int
    refresh_expires_at: int
    lease_until: int | None


@dataclass(frozen=True, slots=True)
class NewPair:
    """What TikTok answered to a refresh, sealed. Times in epoch seconds."""

    sealed_tokens: bytes = field(repr=False)
    granted_scope: str
    access_expires_at: int
    refresh_expires_at: int


_NOW = bindparam("now", type_=BigInteger)
_KEPT = (
    accounts.c.id,
    accounts.c.user_id,
    accounts.c.registration,
    accounts.c.open_id,
    accounts.c.granted_scope,
    accounts.c.sealed_tokens,
    accounts.c.access_expires_at,
    accounts.c.refresh_expires_at,
    accounts.c.refresh_lease_until,
)
_BEHIND_GRANT = (
    select(*_KEPT)
    .select_from(grants)
    .join(accounts, accounts.c.id == grants.c.account_id)
    .where(THIS_GRANT, NOT_ENDED, USER_LIVE, CLIENT_ENABLED)
)
_OF_ACCOUNT = select(*_KEPT).where(accounts.c.id == bindparam("account"))
_OF_USER = select(*_KEPT).where(accounts.c.user_id == bindparam("user")).order_by(accounts.c.created_at)
_THIS = accounts.c.id == bindparam("account")
_MINE = accounts.c.refresh_lease == bindparam("lease")
_FREE = {"refresh_lease": None, "refresh_lease_until": None}
NO_PAIR = {**_FREE, "sealed_tokens": None, "access_expires_at": None, "refresh_expires_at": None}
"""An account whose pair is forgotten: whoever is refreshing it just now finds that it is nobody's any more."""

_LEASE = (
    update(accounts)
    .where(
        _THIS,
        accounts.c.refresh_lease.is_(None),
        # As it was seen: the refresh token of a pair that somebody has renewed meanwhile is dead.
        accounts.c.sealed_tokens == bindparam("seen"),
        accounts.c.refresh_expires_at > _NOW,
    )
    .values(refresh_lease=bindparam("lease"), refresh_lease_until=bindparam("until"))
)
_RENEW = (
    update(accounts)
    .where(_THIS, _MINE)
    .values(
        **_FREE,
        sealed_tokens=bindparam("tokens"),
        granted_scope=bindparam("scope"),
        access_expires_at=bindparam("access_expires"),
        refresh_expires_at=bindparam("refresh_expires"),
    )
)
_RELEASE = update(accounts).where(_THIS, _MINE).values(_FREE)
_DROP_MINE = update(accounts).where(_THIS, _MINE).values(NO_PAIR).returning(accounts.c.user_id)
_DROP_ABANDONED = (
    update(accounts)
    .where(_THIS, accounts.c.refresh_lease_until <= _NOW)
    .values(NO_PAIR)
    .returning(accounts.c.user_id)
)


async def behind_grant(tx: Transaction, grant_id: str) -> Kept | None:
    """The pair of the account that a living grant began with; None when the grant is not good any more."""
    row = await tx.one(_BEHIND_GRANT, grant=grant_id)
    return _kept(row) if row else None


async def of_account(tx: Transaction, account_id: str) -> Kept | None:
    """The pair of an account."""
    row = await tx.one(_OF_ACCOUNT, account=account_id)
    return _kept(row) if row else None


async def of_user(tx: Transaction, user_id: str) -> list[Kept]:
    """The pairs of all accounts of a person."""
    return [_kept(row) for row in await tx.all(_OF_USER, user=user_id)]


async def lease(tx: Transaction, seen: Kept, lease_id: str, *, until: int, now: int) -> bool:
    """Become the one who refreshes this pair; False when somebody else is, or has."""
    return bool(
        await tx.run(
            _LEASE, account=seen.account_id, seen=seen.sealed_tokens, lease=lease_id, until=until, now=now
        )
    )


async def renew(tx: Transaction, account_id: str, lease_id: str, pair: NewPair) -> bool:
    """Store what TikTok answered, and end the lease; False when a new sign-in has brought another pair since."""
    return bool(
        await tx.run(
            _RENEW,
            account=account_id,
            lease=lease_id,
            tokens=pair.sealed_tokens,
            scope=pair.granted_scope,
            access_expires=pair.access_expires_at,
            refresh_expires=pair.refresh_expires_at,
        )
    )


async def release(tx: Transaction, account_id: str, lease_id: str) -> None:
    """End the lease with the pair as it was: TikTok has certainly not renewed it."""
    await tx.run(_RELEASE, account=account_id, lease=lease_id)


async def give_up(
    tx: Transaction,
    account_id: str,
    lease_id: str,
    *,
    registration: str,
    reason: str,
    request_id: str | None,
    now: int,
) -> None:
    """Delete the pair that this lease was for: TikTok refuses it, or its successor was lost."""
    row = await tx.one(_DROP_MINE, account=account_id, lease=lease_id)
    if row is not None:
        await _record_loss(tx, row["user_id"], registration, reason, request_id, now=now)


async def bury(tx: Transaction, account_id: str, *, registration: str, request_id: str | None, now: int) -> bool:
    """Delete a pair whose lease has run out: whoever held it died between TikTok's answer and its storing."""
    row = await tx.one(_DROP_ABANDONED, account=account_id, now=now)
    if row is None:
        return False
    await _record_loss(tx, row["user_id"], registration, "abandoned", request_id, now=now)
    return True


async def hand_out(
    tx: Transaction,
    account: Kept,
    *,
    grant_id: str,
    client_id: str,
    request_id: str | None,
    now: int,
) -> bool:
    """Write down that an app gets the access token; False when its grant has ended meanwhile."""
    if await tx.one(_BEHIND_GRANT, grant=grant_id) is None:
        return False
    await audit.record(
        tx,
        "tiktok_token.handed_out",
        actor="client",
        user_id=account.user_id,
        client_id=client_id,
        grant_id=grant_id,
        registration=account.registration,
        request_id=request_id,
        now=now,
    )
    return True


async def _record_loss(
    tx: Transaction, user_id: str, registration: str, reason: str, request_id: str | None, *, now: int
) -> None:
    await audit.record(
        tx,
        "tiktok_tokens.lost",
        actor="broker",
        user_id=user_id,
        registration=registration,
        request_id=request_id,
        reason=reason,
        now=now,
    )


def _kept(row: Row) -> Kept:
    return Kept(
        account_id=row["id"],
        user_id=row["user_id"],
        registration=row["registration"],
        open_id=row["open_id"],
        granted_scope=row["granted_scope"],
        sealed_tokens=row["sealed_tokens"],
        access_expires_at=row["access_expires_at"] or 0,
        refresh_expires_at=row["refresh_expires_at"] or 0,
        lease_until=row["refresh_lease_until"],
    )
