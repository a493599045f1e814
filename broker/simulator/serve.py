"""Running the simulator: by itself until stopped, or inside somebody else's event loop."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator, Sequence

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
            server.should_exit = True
            await task


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes any. Raises `OSError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=1024)


class _Guest(uvicorn.Server):
    """A server that leaves the signals to whoever owns the loop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


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
