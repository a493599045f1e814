"""HTTP/1.1 by hand, both ends: keep-alive, fixed lengths and cookies, at as little cost as can be."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)\r\n", re.IGNORECASE)
_COOKIE = re.compile(rb"\r\nset-cookie: *([^=;\r]+)=([^;\r]*)", re.IGNORECASE)
_LOCATION = re.compile(rb"\r\nlocation: *([^\r]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Message:
    """A request or an answer: its first line and headers with the line ends, and its body."""

    head: bytes
    body: bytes

    @property
    def status(self) -> int:
        """Of an answer."""
        return int(self.head[9:12])

    @property
    def location(self) -> bytes:
        """Where a redirect leads."""
        found = _LOCATION.search(self.head)
        return found[1] if found else b""

    @property
    def cookies(self) -> bytes:
        """The cookies of an answer as a `Cookie` header sends them back, without those it deletes."""
        return b"; ".join(b"%s=%s" % pair for pair in _COOKIE.findall(self.head) if pair[1] not in (b"", b'""'))


def split(received: bytes) -> tuple[Message | None, bytes]:
    """The first whole message in what was received, and the rest."""
    end = received.find(_END)
    if end < 0:
        return None, received
    head, start = received[: end + 2], end + len(_END)
    found = _LENGTH.search(head)
    stop = start + int(found[1]) if found else start
    if len(received) < stop:
        return None, received
    return Message(head, received[start:stop]), received[stop:]


class Connection(asyncio.Protocol):
    """A client's connection: one question, its answer, the next question."""

    def __init__(self) -> None:
        self._received = b""
        self._answer: asyncio.Future[Message] | None = None

    @classmethod
    async def open(cls, port: int) -> "Connection":
        """A connection to a port of loopback."""
        _, connection = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        return connection

    async def ask(self, request: bytes) -> Message:
        """Send a whole request and wait for its answer. Raises `ConnectionError`."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        message, self._received = split(self._received + data)
        if message is not None and self._answer is not None and not self._answer.done():
            self._answer.set_result(message)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("the server closed the connection"))


class Server(asyncio.Protocol):
    """The other end: answers each request with what `answer` makes of it."""

    def __init__(self, answer: Callable[[Message], bytes]) -> None:
        self._answer = answer
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while True:
            message, self._received = split(self._received)
            if message is None:
                return
            self._transport.write(self._answer(message))
