"""What TikTok told us by webhook: each delivery is taken once, together with the work it asks for."""

from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import BigInteger, bindparam, exists, literal_column, update
from sqlalchemy.dialects.postgresql import insert

from broker.store import outbox
from broker.store.database import Transaction
from broker.store.schema import webhook_deliveries

TIKTOK_EVENT = "tiktok_event"
DOUBT_SECONDS: Final = 60
"""How far TikTok's clock may be behind ours: an event so much older than a sign-in may still be the later one."""

_REMOVED: Final = "authorization.removed"
# TikTok repeats a delivery for three days, and a repetition signed on the last of them is believed for three days
# more; clocks may differ by minutes. The work asked for is worth as much patience.
_KEPT_SECONDS = 7 * 86_400


@dataclass(frozen=True, slots=True)
class Arrival:
    """A genuine delivery; `digest` tells it from others. `occurred_at` in epoch seconds by TikTok's clock."""

    digest: bytes
    registration: str
    event: str
    open_id: str | None = field(repr=False)
    occurred_at: int

    @property
    def work_id(self) -> str:
        """By which the outbox knows the work that the delivery asks for."""
        return self.digest.hex()


# The end of a row's life, which has an index, tells when it was taken.
_IN_DOUBT_FROM = bindparam("in_doubt_from", type_=BigInteger)
TAKEN_BACK = exists(literal_column("1")).where(
    webhook_deliveries.c.expires_at >= _IN_DOUBT_FROM + _KEPT_SECONDS,
    webhook_deliveries.c.occurred_at >= _IN_DOUBT_FROM - DOUBT_SECONDS,
    webhook_deliveries.c.event == _REMOVED,
    webhook_deliveries.c.registration == bindparam("registration"),
    webhook_deliveries.c.open_id == bindparam("open_id"),
)
"""Whether word has come, from `in_doubt_from` on, that the account's consent was taken back about then."""

_FORGET_WHOM = (
    update(webhook_deliveries)
    .where(
        webhook_deliveries.c.registration == bindparam("registered"),
        webhook_deliveries.c.open_id == bindparam("whom"),
    )
    .values(open_id=None)
)
_TAKE = insert(webhook_deliveries).on_conflict_do_nothing(index_elements=[webhook_deliveries.c.digest])


async def take(tx: Transaction, arrival: Arrival, work: dict[str, Any] | None, *, now: int) -> bool:
    """Take the delivery, and put its `work` into the outbox; False when it has been taken before."""
    taken = await tx.run(
        _TAKE,
        digest=arrival.digest,
        registration=arrival.registration,
        event=arrival.event,
        open_id=arrival.open_id,
        occurred_at=arrival.occurred_at,
        received_at=now,
        expires_at=now + _KEPT_SECONDS,
    )
    if not taken:
        return False
    if work is not None:
        await outbox.put(
            tx, TIKTOK_EVENT, work, delivery_id=arrival.work_id, expires_at=now + _KEPT_SECONDS, now=now
        )
    return True


async def forget_whom(tx: Transaction, *, registration: str, open_id: str) -> None:
    """Keep the deliveries, which are not to be taken again, without whom they were about."""
    await tx.run(_FORGET_WHOM, registered=registration, whom=open_id)
