"""Running uvicorn in this process, from the first request to an end in good order."""

import asyncio
import contextlib
import gc
import os
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any, Final

import uvicorn
from uvicorn.server import HANDLED_SIGNALS

from broker.clock import stopwatch
from broker.leaving import Leaving
from broker.settings import Settings

_KEEP_ALIVE_SECONDS: Final = 75
"""Longer than the minute for which proxies keep idle connections: whoever closes first loses no request."""

BACKLOG: Final = 2048
"""Connections that wait to be accepted."""


def leaving(settings: Settings) -> Leaving:
    """How a process with these settings ends."""
    return Leaving(settings.shutdown_drain, settings.shutdown_grace, stopwatch)


def serve_here(settings: Settings, sockets: Sequence[socket.socket]) -> None:
    """Serve in this process until SIGINT or SIGTERM. Raises what `broker.app.running` raises."""
    end = leaving(settings)

    def on_signal(number: int) -> None:
        if end.begun:
            end.cut()
        elif number == signal.SIGTERM:
            end.drain()
        else:
            # Ctrl-C: whoever sits in front of it has nobody to wait for.
            end.stop()

    serve_until(settings, sockets, end, on_signal)


def serve_until(
    settings: Settings,
    sockets: Sequence[socket.socket],
    end: Leaving,
    on_signal: Callable[[int], None],
    started: Callable[[], None] = lambda: None,
) -> None:
    """Serve until `end` says so; `on_signal` hears of SIGINT and SIGTERM, `started` is called once it serves.

    Raises what `broker.app.running` raises.
    """
    # Here and not above: whoever only supervises worker processes does without the application.
    from broker.app import running

    async def serve() -> None:
        async with running(settings, leaving=end) as app:
            _collect_seldom()
            server = _Server(server_config(settings, app=app), end, on_signal, started)
            await server.serve(list(sockets))

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serve())


def _collect_seldom() -> None:
    """Look for rings of garbage after hundreds of requests, and never again among what was made at the start.

    Requests leave hardly any, and looking for them after each takes a tenth of the time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 100)


class _Server(uvicorn.Server):
    """A server that serves on for a while when it is to end, and lets the process go on to its own end."""

    def __init__(
        self,
        config: uvicorn.Config,
        end: Leaving,
        on_signal: Callable[[int], None],
        started: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._end = end
        self._on_signal = on_signal
        self._tell_started = started
        self._closing = False
        end.changed = self._follow

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn raises the signal once more at its end.
        def hear(number: int, _frame: FrameType | None) -> None:
            self._on_signal(number)

        before = {number: signal.signal(number, hear) for number in HANDLED_SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._tell_started()

    async def on_tick(self, counter: int) -> bool:
        self._follow()
        return await super().on_tick(counter)

    def _follow(self) -> None:
        if self._end.begun and not self._closing:
            self._closing = True
            # Proxies keep connections; they are to find out now and not when one is closed under a request.
            close = (b"connection", b"close")
            self.server_state.default_headers = [*self.server_state.default_headers, close]
            # Once a second the server puts the former together anew, of these.
            self.config.encoded_headers.append(close)
        self.should_exit = self._end.serving_ends
        self.force_exit = self._end.at_once


def server_config(settings: Settings, *, app: Callable[..., Any]) -> uvicorn.Config:
    """How uvicorn serves `app`, in whatever process."""
    return uvicorn.Config(
        app,
        http="broker.cli.http_head:BoundedHead",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        # Given in any case: without a list uvicorn reads one from the environment, and trusts loopback.
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=[str(network) for network in settings.trusted_proxies],
        # Likewise: the number of processes is decided elsewhere.
        workers=1,
        backlog=BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=settings.shutdown_grace,
    )


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if os.name == "nt":
        return None
    # Here and not above: the package does not exist for Windows.
    import uvloop

    return uvloop.new_event_loop
