"""Spending a refresh token: the generation it carries must be the row's, and moves on by one.

No refresh token is stored. The row knows which generation is current, the token proves its own by a MAC that
was checked before anything here is asked.
"""

from sqlalchemy import and_, bindparam, or_, select, update

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
_ROTATE = (
    update(grants)
    .where(
        THIS_GRANT,
        THIS_CLIENT,
        grants.c.generation == bindparam("presented"),
        _MAY_REFRESH,
        CLIENT_AS_CACHED,
    )
    .values(
        generation=grants.c.generation + 1,
        rotated_at=NOW,
        refresh_kid=bindparam("kid"),
        refresh_expires_at=REFRESH_EXPIRES,
        access_expires_at=bindparam("access_expires"),
    )
    .returning(*LIVING)
)
_LOOK = select(
    *LIVING,
    grants.c.rotated_at,
    _MAY_REFRESH.label("may_refresh"),
).where(THIS_GRANT, THIS_CLIENT)


async def rotate(
    tx: Transaction,
    *,
    grant_id: str,
    client_id: str,
    client_version: int,
    generation: int,
    refresh_kid: str,
    refresh_expires_at: int,
    access_expires_at: int,
    grace: int,
    now: int,
) -> Spent | Refused | StaleClient:
    """Spend a genuine refresh token of `generation`.

    The last spent one, again within `grace` seconds, gets the same successor; any older one ends the grant
    (RFC 9700 §4.14.2).
    """
    row = await tx.one(
        _ROTATE,
        grant=grant_id,
        client=client_id,
        version=client_version,
        presented=generation,
        kid=refresh_kid,
        refresh_expires=refresh_expires_at,
        access_expires=access_expires_at,
        now=now,
    )
    if row is not None:
        return Spent(grant_of(row))
    if await tx.one(CLIENT_CURRENT, client=client_id, version=client_version) is None:
        return StaleClient()
    seen = await tx.one(_LOOK, grant=grant_id, client=client_id, now=now)
    if seen is None:
        return Refused("the grant is gone")
    if not seen["may_refresh"]:
        return Refused("the grant has ended, or its person, session or time has", grant_id=grant_id)
    # No age is negative, also when another replica's clock is ahead: without grace there is no repeat.
    age = max(0, now - seen["rotated_at"])
    if generation == seen["generation"] - 1 and age < grace:
        return Spent(grant_of(seen), repeated=True)
    if generation < seen["generation"]:
        await end(tx, grant_id, reason="refresh_token_reuse", now=now)
        return Refused("a refresh token was used again", ended=True, grant_id=grant_id)
    return Refused("the refresh token is of a generation not reached yet", grant_id=grant_id)
