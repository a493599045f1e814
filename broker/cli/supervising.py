"""Several processes that serve on the same sockets: started together, replaced when they die, ended together."""

import contextlib
import signal
import socket
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing import connection, get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import FrameType
from typing import Final

import click

from broker import log
from broker.cli import worker
from broker.cli.worker import ALIVE, ASKED, CANNOT_START, CUT, DRAIN, SERVING, STOP
from broker.clock import Stopwatch, stopwatch
from broker.configuration.process import share_counts
from broker.settings import Settings

_SOON_SECONDS: Final = 10.0
"""Whoever dies within that of its start did not die of what it was asked to do."""

_MOST_DEATHS: Final = 5
"""Deaths so soon, one after the other, after which there is no use in going on if nobody else serves."""

_FIRST_DELAY = 1.0
_LONGEST_DELAY: Final = 30.0
_CUT_SECONDS: Final = 2.0
_OVERTIME_SECONDS: Final = 10.0

_ASK_SECONDS: Final = 15.0
_MOST_UNANSWERED: Final = 4
"""Whoever has not answered by then hangs. Counted, not measured: all may have been frozen together for an hour."""

_log = log.get("serve")


def serve_in_workers(settings: Settings, sockets: Sequence[socket.socket], workers: int) -> None:
    """Serve in that many processes until SIGINT or SIGTERM; one that dies is replaced.

    Raises `click.ClickException` when they could not start, die again and again, or had to be killed.
    """
    patience = settings.shutdown_drain + settings.shutdown_grace + _OVERTIME_SECONDS
    supervisor = _Supervisor(list(sockets), workers, patience, stopwatch)
    with _counts(), supervisor.hearing_signals():
        supervisor.run()


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


@dataclass(slots=True)
class _Worker:
    process: SpawnProcess
    line: Connection
    started_at: float
    serves: bool = False
    unanswered: int = 0

    def tell(self, word: bytes) -> None:
        # It may be gone already; then that is what the supervisor hears next.
        with contextlib.suppress(OSError):
            self.line.send_bytes(word)

    def listen(self) -> None:
        try:
            while self.line.poll():
                word = self.line.recv_bytes()
                self.serves = self.serves or word == SERVING
                if word == ALIVE:
                    self.unanswered = 0
        except (OSError, EOFError):
            self.line.close()


@dataclass(slots=True)
class _Supervisor:
    sockets: list[socket.socket]
    wanted: int
    patience: float
    stopwatch: Stopwatch
    _workers: list[_Worker] = field(default_factory=list)
    _signals: list[int] = field(default_factory=list)
    _woken: socket.socket = field(init=False)
    _told: bytes = b""
    _killed: bool = False
    _kill_at: float | None = None
    _deaths: int = 0
    _next_start: float = 0.0
    _ask_at: float = 0.0
    _served: bool = False

    @contextlib.contextmanager
    def hearing_signals(self) -> Iterator[None]:
        """SIGINT and SIGTERM are kept for `run`, which wakes up for them."""
        self._woken, waker = socket.socketpair()
        with self._woken, waker:
            self._woken.setblocking(False)
            waker.setblocking(False)
            before_fd = signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
            before = {each: signal.signal(each, self._hear) for each in (signal.SIGINT, signal.SIGTERM)}
            try:
                yield
            finally:
                for each, handler in before.items():
                    signal.signal(each, handler)
                signal.set_wakeup_fd(before_fd)

    def run(self) -> None:
        """Until all have ended. Raises `click.ClickException`."""
        try:
            while self._workers or not self._told:
                self._start_missing()
                self._wait()
                for number in self._taken_signals():
                    self._end(number)
                self._ask()
                self._bury()
                self._kill_late()
        finally:
            # Only where that ended by an exception is anybody left.
            for each in self._workers:
                each.process.kill()
        if self._killed:
            raise click.ClickException("A worker process did not end in time and was killed; look into the log.")

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        self._signals.append(number)

    def _taken_signals(self) -> list[int]:
        taken, self._signals = self._signals, []
        with contextlib.suppress(BlockingIOError):
            self._woken.recv(4096)
        return taken

    def _start_missing(self) -> None:
        while not self._told and len(self._workers) < self.wanted and self.stopwatch() >= self._next_start:
            ours, theirs = connection.Pipe()
            process = get_context("spawn").Process(target=worker.work, args=(self.sockets, theirs), daemon=True)
            process.start()
            theirs.close()
            self._workers.append(_Worker(process, ours, self.stopwatch()))

    def _wait(self) -> None:
        """Until something happens, or is due."""
        due = [self._kill_at] if self._kill_at is not None else []
        if not self._told and len(self._workers) < self.wanted:
            due.append(self._next_start)
        if not self._told:
            due.append(self._ask_at)
        timeout = max(0.0, min(due) - self.stopwatch()) if due else None
        lines = [each.line for each in self._workers if not each.line.closed]
        connection.wait([self._woken, *(each.process.sentinel for each in self._workers), *lines], timeout)
        for each in self._workers:
            if not each.line.closed:
                each.listen()
                self._served = self._served or each.serves

    def _end(self, number: int) -> None:
        self._told = CUT if self._told else (DRAIN if number == signal.SIGTERM else STOP)
        self._kill_at = self.stopwatch() + (_CUT_SECONDS if self._told == CUT else self.patience)
        for ours in self.sockets:
            # Theirs are open for as long as they serve; here nobody would answer whoever connects afterwards.
            ours.close()
        for each in self._workers:
            # Who does not serve yet has nobody to serve on for.
            each.tell(STOP if self._told == DRAIN and not each.serves else self._told)

    def _ask(self) -> None:
        """Ask everybody who serves whether they are alive, and kill who does not answer: it is replaced."""
        if self._told or self.stopwatch() < self._ask_at:
            return
        self._ask_at = self.stopwatch() + _ASK_SECONDS
        for each in self._workers:
            if each.unanswered == _MOST_UNANSWERED:
                _log.error("worker.hangs", pid=each.process.pid)
                each.process.kill()
            elif each.serves:
                if not each.unanswered:
                    # One question waits at most: a pipe that nobody reads would fill up.
                    each.tell(ASKED)
                each.unanswered += 1

    def _kill_late(self) -> None:
        if self._kill_at is not None and self.stopwatch() >= self._kill_at:
            for each in self._workers:
                each.process.kill()
                self._killed = self._told != CUT
            self._kill_at = None

    def _bury(self) -> None:
        dead = [each for each in self._workers if each.process.exitcode is not None]
        for each in dead:
            self._workers.remove(each)
            each.line.close()
            if not self._told:
                self._replace(each)

    def _replace(self, dead: _Worker) -> None:
        lived = self.stopwatch() - dead.started_at
        code = dead.process.exitcode
        if code == CANNOT_START and not self._served:
            raise click.ClickException("The worker processes could not start; the log lines above say why.")
        self._deaths = self._deaths + 1 if lived < _SOON_SECONDS else 0
        if self._deaths >= _MOST_DEATHS and not any(each.serves for each in self._workers):
            raise click.ClickException(
                "The worker processes die as soon as they have started, again and again; look into the log."
            )
        # The first is replaced at once, whenever it died.
        delay = min(_FIRST_DELAY * 2 ** (self._deaths - 2), _LONGEST_DELAY) if self._deaths > 1 else 0.0
        self._next_start = self.stopwatch() + delay
        facts = {"pid": dead.process.pid, "exit_code": code, "seconds": round(lived, 1), "next_in": delay}
        if code:
            _log.error("worker.died", **facts)
        else:
            _log.info("worker.died", **facts)
