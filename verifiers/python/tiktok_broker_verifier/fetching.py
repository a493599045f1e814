"""Asking the broker, with threads and with tasks: bounded in bytes and seconds, following nobody elsewhere."""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import httpx

from tiktok_broker_verifier.documents import Document, Wanted

Clock: TypeAlias = Callable[[], float]
"""Epoch seconds."""

TIMEOUT: Final = httpx.Timeout(5)
NOT_KEPT: Final = httpx.Limits(max_connections=4, max_keepalive_connections=0)
"""A connection that waits for the next fetch may be dead by then, or belong to an event loop that ended."""
_SECONDS: Final = 10


class _Unwelcome(Exception):
    """Packed, more bytes than such a document has, or dripping in too slowly."""


def fetch(wanted: Wanted, http: httpx.Client, clock: Clock) -> None:
    """Fetch it, or wait for whoever does; never raises because of the broker."""
    document = wanted.document
    if not document.thread_gate.acquire(blocking=wanted.wait):
        return
    try:
        if document.tries != wanted.tries:
            return
        body = _Body(document, clock)
        try:
            with http.stream("GET", document.url, headers=document.question(), follow_redirects=False) as answer:
                body.begin(answer)
                for chunk in answer.iter_bytes():
                    body.add(chunk)
        except (httpx.HTTPError, httpx.InvalidURL, _Unwelcome):
            document.failed(body.began)
        else:
            document.answered(answer.status_code, answer.headers, bytes(body.content), body.began)
    finally:
        document.thread_gate.release()


async def fetch_async(wanted: Wanted, http: httpx.AsyncClient, clock: Clock) -> None:
    """The same for asyncio."""
    document = wanted.document
    if document.task_gate.locked() and not wanted.wait:
        return
    async with document.task_gate:
        if document.tries != wanted.tries:
            return
        body = _Body(document, clock)
        try:
            question = document.question()
            async with http.stream("GET", document.url, headers=question, follow_redirects=False) as answer:
                body.begin(answer)
                async for chunk in answer.aiter_bytes():
                    body.add(chunk)
        except (httpx.HTTPError, httpx.InvalidURL, _Unwelcome):
            document.failed(body.began)
        else:
            document.answered(answer.status_code, answer.headers, bytes(body.content), body.began)


class _Body:
    """What has come so far. Freshness counts from the moment of asking (RFC 9111 §4.2.3)."""

    def __init__(self, document: Document[Any], clock: Clock) -> None:
        self.content = bytearray()
        self.began = clock()
        self._most = document.most
        self._clock = clock

    def begin(self, answer: httpx.Response) -> None:
        # Nothing packed was asked for: it could unpack to any size.
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise _Unwelcome

    def add(self, chunk: bytes) -> None:
        self.content += chunk
        if len(self.content) > self._most or self._clock() > self.began + _SECONDS:
            raise _Unwelcome
