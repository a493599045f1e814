"""A sign-in whose code the broker redeems itself, in the transaction that writes it: for apps on devices."""

from dataclasses import dataclass

from broker.store import redeeming, sign_ins
from broker.store.database import Transaction
from broker.store.grant_rows import Spent
from broker.store.sign_ins import Blocked, LoginSpent, SignIn


@dataclass(frozen=True, slots=True)
class Redemption:
    """With what the grant goes on: the client as it was seen, the keys it is bound to, ends in epoch seconds."""

    client_version: int
    jkt: str | None
    refresh_jkt: str | None
    refresh_kid: str | None
    refresh_expires_at: int | None
    access_expires_at: int


async def record(tx: Transaction, sign_in: SignIn, redemption: Redemption, *, now: int) -> Spent | Blocked:
    """Write the sign-in and begin its grant redeemed. Raises `LoginSpent` and `TakenBack`."""
    written = await sign_ins.record(tx, sign_in, now=now)
    if isinstance(written, Blocked):
        return written
    grant = sign_in.grant
    outcome = await redeeming.redeem(
        tx,
        code_digest=grant.code_digest,
        client_id=grant.client_id,
        client_version=redemption.client_version,
        redirect_uri=grant.redirect_uri,
        code_challenge=grant.code_challenge,
        jkt=redemption.jkt,
        refresh_jkt=redemption.refresh_jkt,
        refresh_kid=redemption.refresh_kid,
        refresh_expires_at=redemption.refresh_expires_at,
        access_expires_at=redemption.access_expires_at,
        request_id=sign_in.request_id,
        now=now,
    )
    if not isinstance(outcome, Spent):
        raise LoginSpent
    return outcome
