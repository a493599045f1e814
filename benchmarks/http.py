"""HTTP/1.1 by hand: whole messages out of what a socket brings, and a server that answers them.

Keep-alive and fixed lengths only, at as little cost as can be. What a target answers in chunks is refused.
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
_COOKIE = re.compile(rb"\r\nset-cookie: *([^\r]*)", re.IGNORECASE)
_LOCATION = re.compile(rb"\r\nlocation: *([^\r]*)", re.IGNORECASE)


class Unexpected(Exception):
    """The target did not answer as it should have: the benchmark ends here."""


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
    def location(self) -> str:
        """Where a redirect leads; nothing when it is none."""
        found = _LOCATION.search(self.head)
        return found[1].decode() if found else ""

    @property
    def cookies(self) -> list[str]:
        """The `Set-Cookie` headers of an answer."""
        return [line.decode() for line in _COOKIE.findall(self.head)]


def split(received: bytes) -> tuple[Message | None, bytes]:
    """The first whole message in what was received, and the rest. Raises `Unexpected`."""
    end = received.find(_END)
    if end < 0:
        return None, received
    head, start = received[: end + 2], end + len(_END)
    found = _LENGTH.search(head)
    if found is None and _CHUNKED.search(head) is not None:
        raise Unexpected("the target answers in chunks, which this generator does not read; set Content-Length")
    stop = start + int(found[1]) if found else start
    if len(received) < stop:
        return None, received
    return Message(head, received[start:stop]), received[stop:]


class Server(asyncio.Protocol):
    """Answers each request with what `answer` makes of it."""

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
