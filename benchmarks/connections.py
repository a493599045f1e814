"""Playing journeys over kept connections: one thread, one epoll, nothing between a request and its answer."""

import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import quantiles

from benchmarks.browser import Asking
from benchmarks.http import Message, Unexpected, split

_PATIENCE = 60
_CHUNK = 1 << 17


@dataclass(frozen=True, slots=True)
class Driven:
    """One leg: wall and own CPU time in seconds, and how long one operation took in milliseconds."""

    operations: int
    seconds: float
    generator_cpu: float
    p50: float
    p95: float
    p99: float


@dataclass(slots=True)
class _Line:
    socket: socket.socket
    journey: Asking[None] | None = None
    received: bytes = b""
    began: float = 0.0


@dataclass(slots=True)
class Play:
    """`count` journeys over `at_once` connections to a port of loopback, one after the other on each."""

    begin: Callable[[], Asking[None]]
    port: int
    count: int
    at_once: int
    _took: list[float] = field(default_factory=list)
    _begun: int = 0

    def run(self) -> Driven:
        """Play them. Raises `Unexpected`, `OSError`."""
        poll = select.epoll()
        lines: dict[int, _Line] = {}
        for _ in range(min(self.at_once, self.count)):
            line = _Line(socket.create_connection(("127.0.0.1", self.port)))
            line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            lines[line.socket.fileno()] = line
            poll.register(line.socket, select.EPOLLIN)
        started, cpu = time.perf_counter(), time.process_time()
        for line in lines.values():
            self._next(line)
        while len(self._took) < self.count:
            ready = poll.poll(_PATIENCE)
            if not ready:
                raise Unexpected(f"no answer within {_PATIENCE} seconds")
            for descriptor, _ in ready:
                self._hear(lines[descriptor])
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        for line in lines.values():
            line.socket.close()
        poll.close()
        cuts = [cut * 1000 for cut in quantiles(self._took, n=100)] if self.count > 1 else [seconds * 1000] * 99
        return Driven(self.count, seconds, cpu, cuts[49], cuts[94], cuts[98])

    def _hear(self, line: _Line) -> None:
        data = line.socket.recv(_CHUNK)
        if not data:
            raise Unexpected("the target closed a connection")
        message, line.received = split(line.received + data)
        if message is None or line.journey is None:
            return
        try:
            line.socket.sendall(line.journey.send(message))
        except StopIteration:
            self._took.append(time.perf_counter() - line.began)
            self._next(line)

    def _next(self, line: _Line) -> None:
        line.journey = None
        if self._begun < self.count:
            self._begun += 1
            line.journey = self.begin()
            line.began = time.perf_counter()
            line.socket.sendall(next(line.journey))


def ask(port: int, request: bytes) -> Message:
    """One question, and its answer. Raises `Unexpected`, `OSError`."""
    answers: list[Message] = []
    Play(lambda: _once(request, answers), port, 1, 1).run()
    return answers[0]


def _once(request: bytes, answers: list[Message]) -> Asking[None]:
    answers.append((yield request))
