"""Spending an authorization code: one UPDATE whose WHERE holds all that a correct presentation needs.

Only when no row was touched does a second look find out why.
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
    USER_LIVE,
    Refused,
    Spent,
    StaleClient,
    grant_of,
)
from broker.store.grants import end
from broker.store.schema import grants

# RFC 6749 §4.1.3 and RFC 7636 §4.6: what makes a presentation of this code correct.
_CODE_PRESENTED_CORRECTLY = and_(
    grants.c.code_digest == bindparam("code_digest"),
    THIS_CLIENT,
    grants.c.redirect_uri == bindparam("redirect"),
    grants.c.code_challenge.is_not_distinct_from(bindparam("challenge", type_=grants.c.code_challenge.type)),
    # RFC 9449 §10: a code asked for with a key is redeemed with that key.
    or_(grants.c.code_jkt.is_(None), grants.c.code_jkt == bindparam("jkt", type_=grants.c.code_jkt.type)),
    CLIENT_AS_CACHED,
)
_REDEEM = (
    update(grants)
    .where(
        _CODE_PRESENTED_CORRECTLY,
        grants.c.redeemed_at.is_(None),
        grants.c.code_expires_at > NOW,
        NOT_ENDED,
        USER_LIVE,
        SESSION_LIVE,
    )
    .values(
        redeemed_at=NOW,
        rotated_at=NOW,
        refresh_kid=bindparam("kid"),
        refresh_jkt=bindparam("refresh_key"),
        refresh_expires_at=REFRESH_EXPIRES,
        access_expires_at=bindparam("access_expires"),
    )
    .returning(*LIVING)
)
_REUSED = select(grants.c.id).where(_CODE_PRESENTED_CORRECTLY, grants.c.redeemed_at.is_not(None), NOT_ENDED)
_RESOURCES = select(grants.c.resources).where(grants.c.code_digest == bindparam("code_digest"))


async def resources_behind(tx: Transaction, code_digest: bytes) -> str | None:
    """The resources, separated by spaces, that were asked for with this code; None when there is no such code."""
    row = await tx.one(_RESOURCES, code_digest=code_digest)
    return row["resources"] if row else None


async def redeem(
    tx: Transaction,
    *,
    code_digest: bytes,
    client_id: str,
    client_version: int,
    redirect_uri: str,
    code_challenge: str | None,
    jkt: str | None,
    refresh_jkt: str | None,
    refresh_kid: str | None,
    refresh_expires_at: int | None,
    access_expires_at: int,
    request_id: str | None,
    now: int,
) -> Spent | Refused | StaleClient:
    """Spend an authorization code. A fully correct second use ends the grant (RFC 6749 §4.1.2)."""
    presented = {
        "code_digest": code_digest,
        "client": client_id,
        "version": client_version,
        "redirect": redirect_uri,
        "challenge": code_challenge,
        "jkt": jkt,
    }
    row = await tx.one(
        _REDEEM,
        **presented,
        kid=refresh_kid,
        refresh_key=refresh_jkt,
        refresh_expires=refresh_expires_at,
        access_expires=access_expires_at,
        now=now,
    )
    if row is not None:
        return Spent(grant_of(row))
    reused = await tx.one(_REUSED, **presented)
    if reused is not None:
        ended = await end(tx, reused["id"], reason="code_reuse", request_id=request_id, now=now)
        return Refused("a code was used a second time", ended=ended, grant_id=reused["id"])
    if await tx.one(CLIENT_CURRENT, client=client_id, version=client_version) is None:
        return StaleClient()
    return Refused("the code is unknown, expired, or not presented as it was asked for")
