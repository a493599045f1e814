"""A way to PostgreSQL that can be cut and mended."""

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
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def mend(self) -> None:
        """Let connections through, on the same address as before."""
        at = urlsplit(self.url).port if self.url else 0
        self._listening = await asyncio.start_server(self._forward, "127.0.0.1", at)

    async def cut(self) -> None:
        """End every connection and refuse new ones."""
        if self._listening is not None:
            self._listening.close()
        for writer in list(self._open):
            writer.transport.abort()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, here = await asyncio.open_connection(self.host, self.port)
        self._open |= {writer, here}
        await asyncio.gather(_pump(reader, here), _pump(there, writer))
        self._open -= {writer, here}


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.transport.abort()


@contextlib.asynccontextmanager
async def proxied(database_url: str) -> AsyncIterator[Proxy]:
    """A proxy before the database behind this URL; its `url` is the way through it."""
    parts = urlsplit(database_url)
    proxy = Proxy(parts.hostname or "", parts.port or 0)
    await proxy.mend()
    assert proxy._listening is not None
    port = proxy._listening.sockets[0].getsockname()[1]
    proxy.url = parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{port}").geturl()
    try:
        yield proxy
    finally:
        await proxy.cut()
