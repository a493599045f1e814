"""A server down to its bytes: it keeps what came, and answers however it is told."""

import asyncio
from collections.abc import Awaitable, Callable

Reply = Callable[[asyncio.StreamWriter], Awaitable[None]]


def answer(body: bytes, head: bytes = b"HTTP/1.1 200 OK\r\n") -> Reply:
    async def reply(writer: asyncio.StreamWriter) -> None:
        writer.write(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)

    return reply


def raw(data: bytes) -> Reply:
    """The bytes as they are, then the end of the connection."""

    async def reply(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        writer.close()

    return reply


def silence_after(data: bytes) -> Reply:
    """The bytes, and then nothing more for as long as the other side waits."""

    async def reply(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await asyncio.Event().wait()

    return reply


async def endless(writer: asyncio.StreamWriter) -> None:
    """A body that goes on until the other side hangs up."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"4000\r\n" + b" " * 0x4000 + b"\r\n")
        await writer.drain()


class Wire:
    """A server that keeps each request as it came and plays its replies one after the other."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.replies: list[Reply] = []
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    (int(line[15:]) for line in head.splitlines() if line.lower().startswith(b"content-length:")),
                    0,
                )
                self.requests.append(head + await reader.readexactly(length))
                await self.replies.pop(0)(writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def headers(self, index: int) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for line in self.requests[index].partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]:
            name, _, value = line.partition(": ")
            found.setdefault(name.lower(), []).append(value)
        return found
