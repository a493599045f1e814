"""Running uvicorn: one server in this process, or a supervisor with several processes."""

import asyncio
import contextlib
import os
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import click
import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.server import HANDLED_SIGNALS
from uvicorn.supervisors import Multiprocess

from broker.configuration.process import share_counts
from broker.settings import Settings

GRACE_SECONDS: Final = 8
"""What open requests get to finish after SIGTERM: as long as a call to TikTok may take, and less than the ten
seconds after which containers are killed."""

_KEEP_ALIVE_SECONDS: Final = 75
"""Longer than the minute for which proxies keep idle connections: whoever closes first loses no request."""

BACKLOG: Final = 2048
"""Connections that wait to be accepted."""


def serve_here(settings: Settings, sockets: Sequence[socket.socket]) -> None:
    """Serve in this process until SIGINT or SIGTERM. Raises what `broker.app.running` raises."""
    # Here and not above: whoever only supervises worker processes does without the application.
    from broker.app import running

    async def serve() -> None:
        async with running(settings) as app:
            await _Server(server_config(settings, app=app, lifespan="off")).serve(list(sockets))

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serve())


def serve_in_workers(settings: Settings, sockets: Sequence[socket.socket], workers: int) -> None:
    """Serve in that many processes until SIGINT or SIGTERM; one that dies is replaced.

    Raises `click.ClickException` when they could not start; their log lines say why.
    """
    config = server_config(settings, app="broker.cli.worker:app", factory=True, lifespan="on", workers=workers)
    supervisor = Multiprocess(config, list(sockets))
    with _counts():
        supervisor.run()
    if any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes):
        raise click.ClickException("The worker processes could not start; the log lines above say why.")


@contextlib.contextmanager
def _counts() -> Iterator[None]:
    """A folder in which all processes count, each in files of its own, so that any of them can answer for all."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="broker-metrics-", ignore_cleanup_errors=True)
    except OSError as error:
        raise click.ClickException(
            f"Several workers need a folder for temporary files ({error.strerror}); let TMPDIR name one that can "
            "be written to, or serve with one worker."
        ) from None
    with folder as name:
        share_counts(Path(name))
        yield


class _Server(uvicorn.Server):
    """A server that ends in order and lets the process go on to its end: uvicorn raises the signal once more."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {number: signal.signal(number, self.handle_exit) for number in HANDLED_SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def server_config(settings: Settings, *, app: Callable[..., Any] | str, **more: Any) -> uvicorn.Config:
    """How uvicorn serves `app`, in whatever process; `more` is what differs."""
    return uvicorn.Config(
        app,
        # Of a module and not the class itself: worker processes receive it by name.
        http="broker.cli.http_head:BoundedHead",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        # Given in any case: without a list uvicorn reads one from the environment, and trusts loopback.
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=[str(network) for network in settings.trusted_proxies],
        backlog=BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        **more,
    )


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if os.name == "nt":
        return None
    # Here and not above: the package does not exist for Windows.
    import uvloop

    return uvloop.new_event_loop
