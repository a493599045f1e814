"""One of several processes of `broker serve --workers`: reads the settings anew from the environment."""

import asyncio
import contextlib
import signal
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass
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
ASKED: Final = b"asked"
ALIVE: Final = b"alive"
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
    obedience = Obedience(supervisor, end)
    threading.Thread(target=obedience.obey, daemon=True).start()

    def on_signal(number: int) -> None:
        # A second one changes nothing: a service manager signals every process, and so does the supervisor.
        if number == signal.SIGTERM:
            end.drain()

    try:
        serve_until(settings, sockets, end, on_signal, obedience.begin)
    except Exception as error:
        _log.critical("start_or_stop_failed", reason=str(error))
        raise SystemExit(CANNOT_START) from error


@dataclass(slots=True)
class Obedience:
    """What the supervisor says is heard in a thread of its own; that it is alive, only the loop can answer."""

    supervisor: Connection
    end: Leaving
    _loop: asyncio.AbstractEventLoop | None = None

    def begin(self) -> None:
        """In the loop, once it serves: tell that, and answer from then on."""
        self._loop = asyncio.get_running_loop()
        self._tell(SERVING)

    def obey(self) -> None:
        """Until there is no supervisor any more, and then end."""
        asked = {DRAIN: self.end.drain, STOP: self.end.stop, CUT: self.end.cut, ASKED: self._answer}
        try:
            while True:
                asked[self.supervisor.recv_bytes()]()
        except (OSError, EOFError):
            # Nobody would restart it or end it: what is in hand is finished, and the port given back.
            self.end.stop()

    def _answer(self) -> None:
        # A loop that has been closed has nothing to answer: the process ends.
        with contextlib.suppress(RuntimeError):
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._tell, ALIVE)

    def _tell(self, word: bytes) -> None:
        with contextlib.suppress(OSError):
            self.supervisor.send_bytes(word)
