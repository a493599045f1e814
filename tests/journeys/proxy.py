"""A way to PostgreSQL that can be cut and mended, or go silent."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Proxy:
    """Forwards connections while it is whole."""

    host: str
    port: int
    url: str = ""
    _listening: asyncio.Server | None = None
    _flowing: asyncio.Event = field(default_factory=asyncio.Event)
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def mend(self) -> None:
        """Let connections through, on the same address as before."""
        at = urlsplit(self.url).port if self.url else 0
        self._listening = await asyncio.start_server(self._forward, "127.0.0.1", at)

    @property
    def listens_on(self) -> int:
        """Its port."""
        assert self._listening is not None
        port: int = self._listening.sockets[0].getsockname()[1]
        return port

    async def cut(self) -> None:
        """End every connection and refuse new ones."""
        if self._listening is not None:
            self._listening.close()
        for writer in list(self._open):
            writer.transport.abort()

    def silence(self) -> None:
        """Take everything, and pass nothing on: as a server that is frozen, or behind a network that is gone."""
        self._flowing.clear()

    def flow(self) -> None:
        """Pass on what was held back, and all that follows."""
        self._flowing.set()

    def lose(self) -> None:
        """Forget the connections there are without a word to anybody, and let new ones through."""
        self._flowing.clear()
        self._flowing = asyncio.Event()
        self._flowing.set()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, here = await asyncio.open_connection(self.host, self.port)
        self._open |= {writer, here}
        flowing = self._flowing
        await asyncio.gather(_pump(reader, here, flowing), _pump(there, writer, flowing))
        self._open -= {writer, here}


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flowing: asyncio.Event) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            await flowing.wait()
            writer.write(data)
            await writer.drain()
    writer.transport.abort()


@contextlib.asynccontextmanager
async def proxied(database_url: str) -> AsyncIterator[Proxy]:
    """A proxy before the database behind this URL; its `url` is the way through it."""
    parts = urlsplit(database_url)
    proxy = Proxy(parts.hostname or "", parts.port or 0)
    proxy.flow()
    await proxy.mend()
    at = f"{parts.username}:{parts.password}@127.0.0.1:{proxy.listens_on}"
    proxy.url = parts._replace(netloc=at).geturl()
    try:
        yield proxy
    finally:
        proxy.flow()
        await proxy.cut()
