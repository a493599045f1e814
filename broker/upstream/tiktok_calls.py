"""Calls to TikTok's API: each bounded as a whole, counted, timed, and repeated at most once.

What may be repeated: asking who somebody is, since asking twice does nothing twice; and any call of which nothing
was sent. A code or a refresh token that may have arrived is spent, and is never sent again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias, TypeVar

import httpx

from broker import opaque, telemetry
from broker.clock import Clock, Stopwatch, stopwatch
from broker.upstream.connector import Unavailable, UpstreamError
from broker.upstream.http import CALL_SECONDS, Answer, ask
from broker.upstream.tiktok_errors import Place

Pause: TypeAlias = Callable[[float], Awaitable[None]]
"""Waits for so many seconds."""

Read = TypeVar("Read")

MOST_WAITED_SECONDS: Final = 2
"""A `Retry-After` up to this is waited for while the person waits; a longer one means: not now."""

_PAUSE_SECONDS: Final = 0.1
_JITTER_SECONDS: Final = 0.2
# With less than this left of a call's time, a second attempt would only make the person wait longer.
_WORTH_A_TRY_SECONDS: Final = 0.5


@dataclass(frozen=True)
class Call:
    """One request to the API. Headers and content carry secrets."""

    place: Place
    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    content: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class TikTokCalls:
    """TikTok's API as one registration reaches it.

    `api_url` is the API's origin without a slash at its end; `patience` is what one call may take in seconds, its
    repetition included. `http` comes from `upstream_transport`.
    """

    name: str
    api_url: str
    http: httpx.AsyncBaseTransport
    clock: Clock
    patience: float = CALL_SECONDS
    stopwatch: Stopwatch = stopwatch
    pause: Pause = asyncio.sleep

    async def call(self, call: Call, read: Callable[[Answer], Read]) -> Read:
        """What `read` makes of the answer. Raises `UpstreamError`, its own or that of the second attempt."""
        began = self.stopwatch()
        try:
            return await self._once(call, read, self.patience)
        except Unavailable as error:
            wait = _wait_before_repeating(call.place, error)
            left = self.patience - (self.stopwatch() - began)
            if wait is None or left - wait < _WORTH_A_TRY_SECONDS:
                raise
        await self.pause(wait)
        return await self._once(call, read, left - wait)

    async def _once(self, call: Call, read: Callable[[Answer], Read], patience: float) -> Read:
        began = self.stopwatch()
        try:
            answer = await ask(
                self.http,
                call.method,
                f"{self.api_url}{call.path}",
                headers=call.headers,
                content=call.content,
                endpoint=call.place,
                patience=patience,
            )
            found = read(answer)
        except UpstreamError as error:
            self._count(call.place, type(error).__name__.lower(), began)
            raise
        self._count(call.place, "ok", began)
        return found

    def _count(self, place: Place, outcome: str, began: float) -> None:
        telemetry.count_tiktok(self.name, place, outcome, self.stopwatch() - began)


def _wait_before_repeating(place: Place, error: Unavailable) -> float | None:
    """Seconds after which to try once more; None when it must not or should not be."""
    if place != "user_info" and not error.nothing_sent:
        return None
    if error.retry_after is not None:
        return error.retry_after if error.retry_after <= MOST_WAITED_SECONDS else None
    if error.trace.status == 429 or error.trace.error == "rate_limit_exceeded":
        return None
    return _PAUSE_SECONDS + _JITTER_SECONDS * opaque.fraction()
