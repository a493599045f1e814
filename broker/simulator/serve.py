"""Running the simulator: by itself until stopped, or inside somebody else's event loop."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.config import LOGGING_CONFIG

from broker.simulator.app import create_app
from broker.simulator.apps import App
from broker.simulator.world import World

_PATIENCE = 2
"""Seconds that open requests get to finish when the simulator stops."""


def serve(host: str, port: int, apps: Sequence[App], *, public_origin: str | None = None) -> None:
    """Serve these apps until SIGINT or SIGTERM.

    Raises `OSError` when the address cannot be had, and `ValueError` when two apps share a client key.
    """
    world = World(public_origin=public_origin)
    for app in apps:
        world.add_app(app)
    # The server raises SIGINT again once it has ended in good order.
    with listening(host, port) as listener, contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(_config(create_app(world), alone=True)).run(sockets=[listener])


@contextlib.asynccontextmanager
async def running(app: ASGIApp, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve `app` in the running loop for the length of the block; its origin, such as `http://127.0.0.1:41007`.

    The address listens before the block begins, so that a request made at once is answered. Signals are left to
    the caller. Raises `OSError` when the address cannot be had.
    """
    with listening(host, port) as listener:
        server = _Guest(_config(app, alone=False))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
        finally:
            server.end()
            await task


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes any. Raises `OSError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=1024)
    # Connections inherit it; asyncio sets it only on sockets that name their protocol. Without it the second part
    # of an answer waits 40 ms for the first one's acknowledgement (Nagle's algorithm, RFC 896).
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


class _Open(set[Any]):
    """What the server holds open and takes out by itself; tells when the last has gone."""

    def __init__(self) -> None:
        super().__init__()
        self._one_gone = asyncio.Event()

    def discard(self, element: object) -> None:
        super().discard(element)
        self._one_gone.set()

    async def all_gone(self) -> None:
        while self:
            self._one_gone.clear()
            await self._one_gone.wait()


class _Guest(uvicorn.Server):
    """A server that leaves the signals to whoever owns the loop, and ends at once.

    uvicorn looks for its end, for open connections and for open requests every tenth of a second; in a test suite
    with a simulator for each test that adds up to a minute.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ended = asyncio.Event()
        self._connections = _Open()
        self._requests = _Open()
        self.server_state.connections, self.server_state.tasks = self._connections, self._requests

    def end(self) -> None:
        """Let `serve` come to its end."""
        self.should_exit = True
        self._ended.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        ticking = asyncio.create_task(super().main_loop())
        await self._ended.wait()
        ticking.cancel()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for listener in (*self.servers, *(sockets or ())):
            listener.close()
        for connection in list(self._connections):
            connection.shutdown()
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._connections.all_gone()
                await self._requests.all_gone()
        except TimeoutError:
            for task in self._requests:
                task.cancel()


def _config(app: ASGIApp, *, alone: bool) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        # A guest leaves logging as it found it.
        log_config=LOGGING_CONFIG if alone else None,
        access_log=alone,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=_PATIENCE,
    )
