"""People who arrive and queue: discrete events, from a seed.

An operation needs a worker for its CPU time, in as many pieces as it has round trips to PostgreSQL and one more;
for each trip it travels, needs a core of the database, and, when it commits, a flush of the log. While a worker
waits for the database it serves others. A flush takes along all who came before it began (group commit), and lasts
as long as the disk needs for `fsync` and for what they wrote. Arrivals are random (Poisson), times of service
exponential.
"""

import heapq
import itertools
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import TypeAlias

from benchmarks.capacity.costs import Leg
from benchmarks.capacity.facts import Machines

Then: TypeAlias = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one simulated stretch: times in seconds, and how busy each station was (1: all the time)."""

    rate: float
    p50: float
    p99: float
    busy: Mapping[str, float]


@dataclass(slots=True)
class Timeline:
    """What happens when. Of two things at one time, the first that was said comes first."""

    now: float = 0.0
    _events: list[tuple[float, int, Then]] = field(default_factory=list)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def after(self, seconds: float, then: Then) -> None:
        heapq.heappush(self._events, (self.now + seconds, next(self._numbers), then))

    def run(self) -> None:
        """Until nothing is left."""
        while self._events:
            self.now, _, then = heapq.heappop(self._events)
            then()


@dataclass(slots=True)
class Station:
    """Servers with one queue: first come, first served."""

    timeline: Timeline
    servers: int
    worked: float = 0.0
    _waiting: deque[tuple[float, Then]] = field(default_factory=deque)

    def serve(self, seconds: float, then: Then) -> None:
        if self.servers:
            self.servers -= 1
            self._begin(seconds, then)
        else:
            self._waiting.append((seconds, then))

    def _begin(self, seconds: float, then: Then) -> None:
        def done() -> None:
            if self._waiting:
                self._begin(*self._waiting.popleft())
            else:
                self.servers += 1
            then()

        self.worked += seconds
        self.timeline.after(seconds, done)


@dataclass(slots=True)
class Log:
    """The write-ahead log: one flush at a time, for all who wait."""

    timeline: Timeline
    fsync: float
    disk: float
    worked: float = 0.0
    _flushing: bool = False
    _waiting: list[tuple[float, Then]] = field(default_factory=list)

    def flush(self, size: float, then: Then) -> None:
        self._waiting.append((size, then))
        if not self._flushing:
            self._begin()

    def _begin(self) -> None:
        taken, self._waiting = self._waiting, []
        seconds = self.fsync + sum(size for size, _ in taken) / self.disk

        def done() -> None:
            self._flushing = False
            if self._waiting:
                self._begin()
            for _, then in taken:
                then()

        self._flushing = True
        self.worked += seconds
        self.timeline.after(seconds, done)


def simulate(
    legs: Mapping[str, Leg],
    mix: Mapping[str, float],
    machines: Machines,
    rate: float,
    *,
    count: int,
    seed: int = 1,
) -> Outcome:
    """`count` operations at `rate` a second; the first fifth, in which queues build up, is not counted."""
    random, timeline = Random(seed), Timeline()
    workers = [Station(timeline, 1) for _ in range(machines.processes)]
    database, log = Station(timeline, machines.database_cores), Log(timeline, machines.fsync, machines.disk)
    names, shares = list(mix), list(mix.values())
    took: list[tuple[float, float]] = []

    def begin(leg: Leg) -> None:
        worker, begun = random.choice(workers), timeline.now
        pieces = leg.trips + 1

        def piece(left: int) -> None:
            def served() -> None:
                if left:
                    timeline.after(machines.trip, lambda: ask(left))
                else:
                    took.append((begun, timeline.now - begun))

            worker.serve(random.expovariate(1000 * pieces / leg.service), served)

        def ask(left: int) -> None:
            def answered() -> None:
                # The last trips are those that commit.
                if left <= leg.commits:
                    size = (leg.wal + machines.cold * leg.images) / leg.commits
                    log.flush(size, lambda: piece(left - 1))
                else:
                    piece(left - 1)

            database.serve(random.expovariate(1000 * leg.trips / leg.database), answered)

        piece(leg.trips)

    at = 0.0
    for name in random.choices(names, shares, k=count):
        at += random.expovariate(rate)
        timeline.after(at, partial(begin, legs[name]))
    timeline.run()
    times = sorted(seconds for begun, seconds in took if begun > at / 5)
    busy = {
        "workers": sum(worker.worked for worker in workers) / timeline.now / len(workers),
        "PostgreSQL's cores": database.worked / timeline.now / machines.database_cores,
        "write-ahead log": log.worked / timeline.now,
    }
    return Outcome(rate, times[len(times) // 2], times[len(times) * 99 // 100], busy)
