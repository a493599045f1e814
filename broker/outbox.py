"""Deliveries that must happen: taken from the outbox table by one replica, tried until they succeed or expire.

Routes: none. Whoever makes a delivery necessary writes it in the same transaction (`store.outbox.put`) and may
`nudge` for speed; a replica that never hears the nudge finds the row within a second. While apps that hang
keep every round busy rows wait their turn, but for one that is nudged by its id. What nearly always succeeds at
once is put as taken already, and its writer lets it `begin`: nothing has to look for it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any, Final

from broker import log, telemetry
from broker.background import a_while, beside, woken
from broker.clock import Clock
from broker.store import outbox
from broker.store.database import Database, DatabaseUnavailable, SchemaMismatch
from broker.store.outbox import Delivery, Outcome

_log = log.get("outbox")
_LOOK_SECONDS: Final = 1.0
_AT_ONCE: Final = 16
_MOST_ROUNDS: Final = 8
_MOST_BEGUN: Final = 128
_FIRST_DELAY: Final = 2
_LONGEST_DELAY: Final = 600

Deliver = Callable[[Mapping[str, Any]], Awaitable[Outcome]]


@dataclass(slots=True)
class Outbox:
    """The deliverer. `kinds` says who does what."""

    database: Database
    kinds: Mapping[str, Deliver]
    clock: Clock
    patience: Callable[[], float] = a_while
    """At the end: how many seconds what is on its way then has left."""
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _urgent: list[str] = field(default_factory=list)
    _rounds: int = 0
    _begun: int = 0
    _group: asyncio.TaskGroup | None = None
    _stopping: bool = False

    def nudge(self, delivery_id: str | None = None) -> None:
        """Something has just been put into the outbox; with its id, it is done at once whatever else waits."""
        if delivery_id is not None:
            self._urgent.append(delivery_id)
        self._wake.set()

    def begin(self, delivery: Delivery) -> None:
        """Do what its writer has put as taken; when much is on its way, it waits until its lease is over."""
        if self._group is not None and not self._stopping and self._begun < _MOST_BEGUN:
            self._begun += 1
            # Its lines are not those of the request that asked for it, and may come long after.
            self._group.create_task(self._watched(self._finish, delivery), context=Context())

    def working(self) -> AbstractAsyncContextManager[None]:
        """Deliver in the background for the length of the block.

        What is on its way at the end is finished: cut off, it would be delivered once more by somebody else.
        """
        self._stopping, self._group = False, None
        return beside(self._work, self._stop, patience=self.patience)

    def _stop(self) -> None:
        self._stopping = True
        self._wake.set()

    async def _work(self) -> None:
        # A round that waits for a slow app does not keep the next one from beginning.
        async with asyncio.TaskGroup() as rounds:
            self._group = rounds
            while not self._stopping:
                self._wake.clear()
                while self._urgent:
                    rounds.create_task(self._watched(self._take, self._urgent.pop()))
                if self._rounds < _MOST_ROUNDS:
                    self._rounds += 1
                    rounds.create_task(self._watched(self._round))
                await woken(self._wake, within=_LOOK_SECONDS)

    async def _round(self) -> None:
        try:
            while not self._stopping and await self.deliver_due():
                pass
        finally:
            self._rounds -= 1

    async def _finish(self, delivery: Delivery) -> None:
        try:
            await self._deliver(delivery)
        finally:
            self._begun -= 1

    async def _watched(self, work: Callable[..., Awaitable[object]], *given: object) -> None:
        try:
            await work(*given)
        except (DatabaseUnavailable, SchemaMismatch) as error:
            _log.warning("outbox.waiting", reason=str(error))
        except Exception as error:
            _log.error("outbox.failed", exc_info=error)

    async def deliver_due(self) -> int:
        """Do what is due now; how many were tried. Raises `DatabaseUnavailable`, `SchemaMismatch`."""
        ids = await self.database.read(outbox.due, most=_AT_ONCE, now=self.clock())
        # Each to its end, also when the database fails one of them.
        outcomes = await asyncio.gather(*(self._take(delivery_id) for delivery_id in ids), return_exceptions=True)
        tried = 0
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
            tried += outcome
        return tried

    async def _take(self, delivery_id: str) -> int:
        now = self.clock()
        delivery = await self.database.run(outbox.take, delivery_id, now=now)
        if delivery is None:
            return 0
        await self._deliver(delivery)
        return 1

    async def _deliver(self, delivery: Delivery) -> None:
        now = self.clock()
        if now >= delivery.expires_at:
            _log.error("delivery.given_up", kind=delivery.kind, attempts=delivery.attempts - 1)
            await self.database.run(outbox.done, delivery.id)
            _count(delivery, "given_up")
            return
        outcome = await self._outcome(delivery)
        if outcome is Outcome.AGAIN:
            delay = min(_FIRST_DELAY * 2 ** (delivery.attempts - 1), _LONGEST_DELAY)
            await self.database.run(outbox.postpone, delivery.id, due_at=now + delay)
            _count(delivery, "postponed")
            return
        if outcome is Outcome.DONE:
            await self.database.run(outbox.done, delivery.id)
        _count(delivery, "done")

    async def _outcome(self, delivery: Delivery) -> Outcome:
        try:
            return await self.kinds[delivery.kind](delivery.payload)
        except Exception as error:
            _log.error("delivery.failed", kind=delivery.kind, exc_info=error)
            return Outcome.AGAIN


def _count(delivery: Delivery, outcome: str) -> None:
    telemetry.DELIVERIES.labels(delivery.kind, outcome).inc()
