"""The webhooks that are on their way: sent at once, twice if wanted, and again until the app answers 200.

Source: page "Webhooks Overview": at least once, retried with growing pauses for up to 72 hours, then dropped; no
event has an id. Not written down, chosen here: the first pause is a minute and each next one twice as long, the
last try is made when the 72 hours are over, what is due goes out together in no particular order, and an app that
has no address is told nothing.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from broker.simulator.apps import App
from broker.simulator.clock import Clock
from broker.simulator.posting import Post
from broker.simulator.switches import Switches
from broker.simulator.webhook_events import Event, signature

RETRIED_FOR = 72 * 3_600
"""Seconds after the first try."""

_FIRST_PAUSE = 60
_MAX_DELIVERIES = 1_000


@dataclass(frozen=True)
class Delivery:
    """One event on its way; `attempts` are the times of the tries (epoch seconds) and their statuses."""

    event: Event
    url: str
    secret: str = field(repr=False)
    signed_at: int | None
    first_at: int
    next_at: int | None
    attempts: tuple[tuple[int, int | None], ...] = ()

    def tried(self, now: int, status: int | None) -> "Delivery":
        """The delivery after one more try."""
        pause = _FIRST_PAUSE * 2 ** len(self.attempts)
        last = self.first_at + RETRIED_FOR
        done = status == 200 or now >= last
        next_at = None if done else min(now + pause, last)
        return replace(self, attempts=(*self.attempts, (now, status)), next_at=next_at)

    def described(self) -> dict[str, Any]:
        """What may be shown of it."""
        delivered = bool(self.attempts) and self.attempts[-1][1] == 200
        return {
            "client_key": self.event.client_key,
            "event": self.event.name,
            "user_openid": self.event.user_openid,
            "create_time": self.event.create_time,
            "content": self.event.content,
            "outcome": "delivered" if delivered else "dropped" if self.next_at is None else "waiting",
            "next_at": self.next_at,
            "attempts": [{"at": at, "status": status} for at, status in self.attempts],
        }


class Webhooks:
    """The deliveries, oldest first; the newest thousand are remembered, and older ones given up."""

    def __init__(self, clock: Clock, post: Post, switches: Callable[[], Switches]) -> None:
        self._clock = clock
        self._post = post
        self._switches = switches
        self._deliveries: dict[int, Delivery] = {}
        self._count = 0
        self._sending = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def announce(self, app: App, event: Event, *, secret: str | None = None, signed_at: int | None = None) -> None:
        """Put an event on its way to the app; `secret` and `signed_at` replace what TikTok would sign with."""
        if app.webhook_url is None:
            return
        now = self._clock()
        fresh = Delivery(event, app.webhook_url, secret or app.client_secret, signed_at, now, now)
        for _ in range(2 if self._switches().webhook_duplicates else 1):
            self._count += 1
            self._deliveries[self._count] = fresh
        while len(self._deliveries) > _MAX_DELIVERIES:
            del self._deliveries[next(iter(self._deliveries))]
        self._wake()

    async def deliver(self, at: int | None = None) -> None:
        """Try everything that is due at `at`, or now, once; what was being tried already is waited for."""
        async with self._sending:
            now = self._clock() if at is None else at
            await asyncio.gather(*(self._try(number, now) for number in self._due(now)))

    def described(self) -> list[dict[str, Any]]:
        """The log of deliveries, without a secret."""
        return [delivery.described() for delivery in self._deliveries.values()]

    def _due(self, now: int) -> list[int]:
        waiting = ((number, delivery.next_at) for number, delivery in self._deliveries.items())
        return [number for number, next_at in waiting if next_at is not None and next_at <= now]

    async def _try(self, number: int, now: int) -> None:
        delivery = self._deliveries[number]
        signed_at = now if delivery.signed_at is None else delivery.signed_at
        if self._switches().webhook_retry_keeps_time:
            delivery = replace(delivery, signed_at=signed_at)
        status = await self._post(delivery.url, self._headers(delivery, signed_at), delivery.event.body())
        if number in self._deliveries:
            self._deliveries[number] = delivery.tried(now, status)

    def _headers(self, delivery: Delivery, signed_at: int) -> Mapping[str, str]:
        signed = signature(delivery.secret, signed_at, delivery.event.body())
        return {"content-type": "application/json", self._switches().webhook_header: signed}

    def _wake(self) -> None:
        if self._switches().webhook_automatic and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        while self._due(self._clock()):
            await self.deliver()
        # A timer and no sleeping task: a loop may end without anybody having to cancel it.
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting = [delivery.next_at for delivery in self._deliveries.values() if delivery.next_at is not None]
        if waiting:
            pause = max(1, min(waiting) - self._clock())
            self._timer = asyncio.get_running_loop().call_later(pause, self._wake)
