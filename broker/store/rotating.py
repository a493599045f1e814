"""Spending a refresh token: the generation it carries must be the row's, and moves on by one.

No refresh token is stored. The row knows which generation is current, the token proves its own by a MAC that
was checked before anything here is asked.
"""

from dataclasses import dataclass

from sqlalchemy import BigInteger, and_, bindparam, case, func, or_, select, update

from broker.store.database import Transaction
from broker.store.grant_rows import (
    CLIENT_AS_CACHED,
    CLIENT_CURRENT,
    LIVING,
    NOT_ENDED,
    NOW,
    REFRESH_EXPIRES,
    SESSION_LIVE,
    THIS_CLIENT,
    THIS_GRANT,
    USER_LIVE,
    Grant,
    Refused,
    Spent,
    StaleClient,
    grant_of,
)
from broker.store.grants import end
from broker.store.schema import grants

_MAY_REFRESH = and_(
    NOT_ENDED,
    grants.c.redeemed_at.is_not(None),
    grants.c.refresh_expires_at > NOW,
    or_(grants.c.offline == 1, SESSION_LIVE),
    USER_LIVE,
)
# RFC 9449 §5: a public client's refresh token works with the key it was issued with. One that was issued without
# any is not bound later: a thief could bind it to a key of his own, and reuse by its owner would go unnoticed.
_BOUND = grants.c.refresh_jkt.is_not_distinct_from(bindparam("bound_to", type_=grants.c.refresh_jkt.type))
_ACCESS = bindparam("access_expires", type_=BigInteger)
_ROTATE = (
    update(grants)
    .where(
        THIS_GRANT,
        THIS_CLIENT,
        _BOUND,
        grants.c.generation == bindparam("presented"),
        _MAY_REFRESH,
        CLIENT_AS_CACHED,
    )
    .values(
        generation=grants.c.generation + 1,
        rotated_at=NOW,
        refresh_kid=bindparam("kid"),
        refresh_expires_at=REFRESH_EXPIRES,
        # Tokens of before a setting was made shorter live on.
        access_expires_at=case((grants.c.access_expires_at > _ACCESS, grants.c.access_expires_at), else_=_ACCESS),
        # Who has none is of an earlier release, or of a time when the lists were off.
        status_index=func.coalesce(grants.c.status_index, bindparam("fresh_index", type_=BigInteger)),
    )
    .returning(*LIVING)
)
_LOOK = select(
    *LIVING,
    grants.c.rotated_at,
    grants.c.refresh_expires_at,
    _MAY_REFRESH.label("may_refresh"),
).where(THIS_GRANT, THIS_CLIENT)
_LOOK_WITH_KEY = _LOOK.where(_BOUND)


@dataclass(frozen=True, slots=True)
class Current:
    """A grant that may still be refreshed, and until when (epoch seconds)."""

    grant: Grant
    expires_at: int


async def current(tx: Transaction, grant_id: str, *, client_id: str, now: int) -> Current | None:
    """The grant of this client as it may be refreshed now; None when it may not."""
    seen = await tx.one(_LOOK, grant=grant_id, client=client_id, now=now)
    if seen is None or not seen["may_refresh"]:
        return None
    return Current(grant_of(seen), seen["refresh_expires_at"])


async def rotate(
    tx: Transaction,
    *,
    grant_id: str,
    client_id: str,
    client_version: int,
    generation: int,
    refresh_jkt: str | None,
    refresh_kid: str,
    refresh_expires_at: int,
    access_expires_at: int,
    status_index: int | None = None,
    grace: int,
    request_id: str | None,
    now: int,
) -> Spent | Refused | StaleClient:
    """Spend a genuine refresh token of `generation`; `refresh_jkt` is the key that it must be bound to, if any.

    `status_index` is for a grant that has none yet; the answer tells which it has.
    The last spent one, again within `grace` seconds, gets the same successor; any older one ends the grant
    (RFC 9700 §4.14.2).
    """
    row = await tx.one(
        _ROTATE,
        grant=grant_id,
        client=client_id,
        version=client_version,
        presented=generation,
        bound_to=refresh_jkt,
        kid=refresh_kid,
        refresh_expires=refresh_expires_at,
        access_expires=access_expires_at,
        fresh_index=status_index,
        now=now,
    )
    if row is not None:
        return Spent(grant_of(row))
    if await tx.one(CLIENT_CURRENT, client=client_id, version=client_version) is None:
        return StaleClient()
    seen = await tx.one(_LOOK_WITH_KEY, grant=grant_id, client=client_id, bound_to=refresh_jkt, now=now)
    if seen is None:
        # A thief without the key spends nothing and ends nothing.
        return Refused("the grant is gone, or its key was not proven")
    if not seen["may_refresh"]:
        return Refused("the grant has ended, or its person, session or time has", grant_id=grant_id)
    # No age is negative, also when another replica's clock is ahead: without grace there is no repeat.
    age = max(0, now - seen["rotated_at"])
    if generation == seen["generation"] - 1 and age < grace:
        return Spent(grant_of(seen), repeated=True)
    if generation < seen["generation"]:
        ended = await end(tx, grant_id, reason="refresh_token_reuse", request_id=request_id, now=now)
        return Refused("a refresh token was used again", ended=ended, grant_id=grant_id)
    return Refused("the refresh token is of a generation not reached yet", grant_id=grant_id)
