"""uvicorn's httptools protocol, with bounds on what it collects before a request is handed on, and for how long.

The parser keeps the request line and headers (and a chunked body's trailers) until they are complete, however
long that takes; an anonymous sender could fill the memory, or hold connections open by sending next to nothing.
How large a body may be is decided where it is read, how long it may take, here.
"""

import asyncio
from enum import Enum
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from broker.cli.http_writing import OneWrite

MOST_BYTES: Final = 64 * 1024
"""Room for a query of 16 KiB and all the cookies that a browser sends."""

MOST_HEADERS: Final = 100
"""Headers of one request; browsers and proxies send thirty together."""

HEAD_SECONDS = 10.0
"""From a new connection, or the first byte of a further request on it, to the end of the headers."""

BODY_SECONDS = 20.0
"""From the end of the headers to the end of the body, which is 64 KiB at most."""

_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
)
_TOO_SLOW: Final = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class _Owed(Enum):
    """What the sender has begun and not finished."""

    NOTHING = 0
    HEAD = 1
    BODY = 2


class _TooManyHeaders(Exception):
    """More than `MOST_HEADERS`."""


class BoundedHead(HttpToolsProtocol):
    """Ends a connection on which too much has come without completing anything (RFC 6585 §5), or which takes too
    long for it (RFC 9110 §15.5.9)."""

    # Beside uvicorn's attributes, of which there are as many as Python keeps in little space: among them, these
    # would make every connection a kilobyte larger.
    __slots__ = ("_collected", "_deadline", "_owed", "_too_many")

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._collected = 0
        self._too_many = False
        self._owed = _Owed.HEAD
        self._deadline: asyncio.TimerHandle | None = None
        # The connection is there; whether anything ever comes on it is the sender's to show.
        self._set_deadline()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from asyncio's, but do all that those do.
        super().connection_made(OneWrite(cast("asyncio.Transport", transport), self.loop))

    def connection_lost(self, exc: Exception | None) -> None:
        self._settle(_Owed.NOTHING)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._collected += len(data)
        if self._owed is _Owed.NOTHING:
            self._owed = _Owed.HEAD
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._collected > MOST_BYTES:
            self._end(_TOO_LARGE)
        else:
            self._set_deadline()

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(self.headers) >= MOST_HEADERS:
            self._too_many = True
            raise _TooManyHeaders
        super().on_header(name, value)

    def send_400_response(self, msg: str) -> None:
        if self._too_many:
            self._end(_TOO_LARGE)
        else:
            super().send_400_response(msg)

    def on_message_begin(self) -> None:
        self._settle(_Owed.HEAD)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._collected = 0
        self._settle(_Owed.BODY)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._collected = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._settle(_Owed.NOTHING)
        super().on_message_complete()

    def _settle(self, now_owed: _Owed) -> None:
        self._owed = now_owed
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _set_deadline(self) -> None:
        # After reading, and not where something begins: what comes whole, as nearly all does, needs no timer.
        if self._owed is not _Owed.NOTHING and self._deadline is None:
            seconds = HEAD_SECONDS if self._owed is _Owed.HEAD else BODY_SECONDS
            self._deadline = self.loop.call_later(seconds, self._give_up)

    def _give_up(self) -> None:
        self._deadline = None
        self._end(_TOO_SLOW if self._collected or self._owed is _Owed.BODY else b"")

    def _end(self, answer: bytes) -> None:
        """Close, with this answer unless another one has begun."""
        if self._owed is _Owed.HEAD:
            unanswered = self.cycle is None or self.cycle.response_complete
        else:
            unanswered = not self.cycle.response_started
        if unanswered:
            self.transport.write(answer)
        self.transport.close()
