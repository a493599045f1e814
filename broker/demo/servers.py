"""Several uvicorn servers in one event loop, on ports of `localhost`."""

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import AsyncIterator, Iterator, Sequence

import uvicorn
from starlette.types import ASGIApp

_LOOPBACK = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


class CannotServe(Exception):
    """A port is taken or an app did not start; the text is a sentence for whoever ran the command."""


def listen(port: int) -> list[socket.socket]:
    """Sockets on `port` for both addresses a browser tries for `localhost`; 0 takes any free port.

    Raises `CannotServe` when one is taken: the browser would find the stranger there.
    """
    sockets: list[socket.socket] = []
    for family, address in _LOOPBACK:
        try:
            sockets.append(_bind(family, address, port))
        except OSError as fault:
            if family == socket.AF_INET6 and fault.errno != errno.EADDRINUSE:
                continue  # A machine without IPv6.
            for opened in sockets:
                opened.close()
            raise CannotServe(
                f"Port {port} of localhost cannot be used ({fault.strerror}); choose other ports with --port."
            ) from fault
        port = sockets[-1].getsockname()[1]
    return sockets


def _bind(family: int, address: str, port: int) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            # Elsewhere the option means that two programs may share the port.
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Inherited by connections, on which asyncio sets it only when the socket names its protocol.
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened.bind((address, port))
        opened.listen(128)
    except OSError:
        opened.close()
        raise
    opened.setblocking(False)
    return opened


@contextlib.asynccontextmanager
async def serving(*apps: tuple[ASGIApp, Sequence[socket.socket]]) -> AsyncIterator[None]:
    """Serve each app on its sockets while the block runs, then end them all. Raises `CannotServe`."""
    servers = [(_Server(app), list(sockets)) for app, sockets in apps]
    tasks = [asyncio.create_task(server.serve(sockets)) for server, sockets in servers]
    try:
        for (server, _), task in zip(servers, tasks, strict=True):
            await asyncio.wait((server.ready, task), return_when=asyncio.FIRST_COMPLETED)
        if all(server.ready.done() for server, _ in servers):
            yield
    finally:
        for server, _ in servers:
            server.should_exit = True
        await asyncio.wait(tasks)
        for _, sockets in servers:
            for opened in sockets:
                opened.close()
        for task in tasks:
            task.result()


class _Server(uvicorn.Server):
    """A server that says when it is ready, and leaves signals to the one who runs several of them."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(
            uvicorn.Config(
                app, log_config=None, access_log=False, lifespan="on", ws="none", timeout_graceful_shutdown=2
            )
        )
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        except SystemExit as ended:
            raise CannotServe("A server did not start; the lines above say why.") from ended
        self.ready.set_result(None)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
