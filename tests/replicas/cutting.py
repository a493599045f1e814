"""A way to PostgreSQL that is cut at a chosen message of its protocol, on either side of the server's work."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

Side = Literal["before", "after"]
# Protocol 3.0, "Message Formats": a type of one byte, and a length that counts itself but not the type.
_HEAD = 5


@dataclass
class Scissors:
    """Passes messages on, and counts them when it is armed: the n-th is not passed on, and both ends are reset.

    `before`: of what goes to the server, which never hears of it. `after`: of what comes back, when the server has
    done its work. `seen` are the types of the messages that were counted.
    """

    host: str
    port: int
    url: str = ""
    seen: list[str] = field(default_factory=list)
    _ends: list[Callable[[], None]] = field(default_factory=list)
    _at: int = 0
    _side: Side = "before"

    def arm(self, at: int, side: Side) -> None:
        """Cut at this message, counted from now on; 0 for none."""
        self.seen, self._at, self._side = [], at, side

    def drop(self) -> None:
        """Reset every connection."""
        for end in self._ends:
            end()

    @property
    def has_cut(self) -> bool:
        """Whether the armed cut was made."""
        return 0 < self._at <= len(self.seen)

    def _falls(self, side: Side, kind: str) -> bool:
        if side != self._side or self._at == 0 or self.has_cut:
            return False
        self.seen.append(kind)
        return self.has_cut

    async def forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, to its end."""
        there, here = await asyncio.open_connection(self.host, self.port)

        def end() -> None:
            writer.transport.abort()
            here.transport.abort()

        self._ends.append(end)
        # The first message of a client has no type.
        asking = self._pass(reader, here, "before", end, typed=False)
        await asyncio.gather(asking, self._pass(there, writer, "after", end, typed=True))
        self._ends.remove(end)

    async def _pass(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        side: Side,
        end: Callable[[], None],
        *,
        typed: bool,
    ) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readexactly(_HEAD - (not typed))
                if not typed and int.from_bytes(head) == 8:
                    # A question for TLS: a length and a number, answered by one byte.
                    raise ConnectionError("ask for sslmode=disable")
                body = await reader.readexactly(int.from_bytes(head[-4:]) - 4)
                if self._falls(side, head[:1].decode() if typed else "startup"):
                    break
                writer.write(head + body)
                await writer.drain()
                typed = True
        end()


@contextlib.asynccontextmanager
async def scissors(database_url: str) -> AsyncIterator[Scissors]:
    """Before the database behind this URL; its `url` is the way through."""
    parts = urlsplit(database_url)
    ready = Scissors(parts.hostname or "", parts.port or 0)
    server = await asyncio.start_server(ready.forward, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    at = f"{parts.username}:{parts.password}@127.0.0.1:{port}"
    ready.url = parts._replace(netloc=at, query="sslmode=disable").geturl()
    try:
        yield ready
    finally:
        server.close()
