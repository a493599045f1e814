"""One of several processes of `broker serve --workers`: reads the settings anew from the environment."""

import contextlib
import signal
import socket
import threading
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Final

from broker import log
from broker.cli.serving import leaving, serve_until
from broker.cli.stopping import end_on_sigterm
from broker.leaving import Leaving
from broker.settings import BadSettings, from_environment

CANNOT_START: Final = 3
"""The exit code of a process that could not begin to serve."""

SERVING: Final = b"serving"
DRAIN: Final = b"drain"
STOP: Final = b"stop"
CUT: Final = b"cut"
"""What a worker and its supervisor say to each other."""

_log = log.get("serve")


def work(sockets: Sequence[socket.socket], supervisor: Connection) -> None:
    """Serve until the supervisor says otherwise, or is no more; a SIGTERM of its own is as good as its word."""
    # Ctrl-C reaches every process of a terminal; only the supervisor is meant.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_on_sigterm()
    try:
        settings = from_environment()
    except BadSettings as bad:
        _log.critical("bad_settings", faults=list(bad.faults))
        raise SystemExit(CANNOT_START) from bad
    log.configure(settings.log_format, settings.log_level)
    end = leaving(settings)
    threading.Thread(target=_obey, args=(supervisor, end), daemon=True).start()

    def on_signal(number: int) -> None:
        # A second one changes nothing: a service manager signals every process, and so does the supervisor.
        if number == signal.SIGTERM:
            end.drain()

    def started() -> None:
        with contextlib.suppress(OSError):
            supervisor.send_bytes(SERVING)

    try:
        serve_until(settings, sockets, end, on_signal, started)
    except Exception as error:
        _log.critical("start_or_stop_failed", reason=str(error))
        raise SystemExit(CANNOT_START) from error


def _obey(supervisor: Connection, end: Leaving) -> None:
    asked = {DRAIN: end.drain, STOP: end.stop, CUT: end.cut}
    try:
        while True:
            asked[supervisor.recv_bytes()]()
    except (OSError, EOFError):
        # Nobody would restart it or end it: what is in hand is finished, and the port given back.
        end.stop()
