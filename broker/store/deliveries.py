"""What TikTok told us by webhook: each delivery is taken once, together with the work it asks for."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import bindparam, update
from sqlalchemy.dialects.postgresql import insert

from broker.store import outbox
from broker.store.database import Transaction
from broker.store.schema import webhook_deliveries

TIKTOK_EVENT = "tiktok_event"
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
