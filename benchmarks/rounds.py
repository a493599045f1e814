"""One setting after the other: start the targets, warm them up, and play the legs round after round."""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks import accounting
from benchmarks.accounting import Memory
from benchmarks.connections import Driven
from benchmarks.legs import LEGS
from benchmarks.postgresql import Counted, PostgreSQL, postgresql
from benchmarks.processes import Generator, answering, free_port, generating
from benchmarks.running import Service, last_words, running
from benchmarks.targets import Kind, Place, Program, Target

AT_ONCE: Final = 16
"""Connections over which the load generator asks."""

_ALL_CORES = frozenset(os.sched_getaffinity(0))
_COUNTED = 200
_LOG = "log"
_STARTS = 5


@dataclass(frozen=True, slots=True)
class Effort:
    """How thoroughly to measure: which legs, how many rounds that count, and the part of a leg's count in each."""

    legs: Sequence[str]
    rounds: int
    share: float

    def operations(self, leg: str) -> int:
        """How often a leg is played in a round."""
        return max(AT_ONCE, int(LEGS[leg].count * self.share))


@dataclass(frozen=True, slots=True)
class Setting:
    """What all targets of a run share."""

    kind: Kind
    workers: int


@dataclass(frozen=True, slots=True)
class Played:
    """One leg of one round. CPU in seconds: of the service's processes, and of PostgreSQL's (none with SQLite)."""

    leg: str
    driven: Driven
    service_cpu: float
    database_cpu: float


@dataclass(frozen=True, slots=True)
class Start:
    """From the command to the first yes, in seconds, and the memory then in MiB."""

    wall: float
    cpu: float
    idle: float


@dataclass(frozen=True, slots=True)
class Measured:
    """Everything about one target in one setting. `memory` is the service's when all was done."""

    target: str
    title: str
    setting: Setting
    starts: list[Start]
    played: list[Played]
    counted: dict[str, Counted]
    memory: Memory


def keep_apart(workers: int = 1) -> set[int]:
    """Leave a core to each worker, but half of all at most, and stay on the others with everything else.

    The cores left, for the service.
    """
    if len(_ALL_CORES) < 2:
        return set(_ALL_CORES)
    left = set(sorted(_ALL_CORES)[: max(1, min(workers, len(_ALL_CORES) // 2))])
    os.sched_setaffinity(0, _ALL_CORES - left)
    return left


def measure(
    targets: Sequence[Target], setting: Setting, effort: Effort, tell: Callable[[str], None]
) -> list[Measured]:
    """All rounds on fresh databases; of several targets, each leg is played on one after the other."""
    cores = keep_apart(setting.workers)
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(postgresql()) if setting.kind == "postgresql" else None
        tiktok = stack.enter_context(answering())
        stages = []
        for target in targets:
            tell(f"{target.title}: {_STARTS} starts")
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="broker-bench-")))
            url = database.create() if database else f"sqlite:///{folder}/broker.db"
            place = Place(free_port(), tiktok, url, setting.workers, folder)
            stages.append(stack.enter_context(_staged(target, place, database, cores)))
        played: list[list[Played]] = [[] for _ in stages]
        for number in range(effort.rounds + 1):
            tell(f"round {number} of {effort.rounds}" if number else "warming up")
            if number == 1 and database is not None:
                for stage in stages:
                    database.acquaint(stage.place.database_url)
            for leg in effort.legs:
                # Whoever begins is followed by the others, and ends the next time: so changes hit all.
                for index in sorted(range(len(stages)), reverse=number % 2 == 1):
                    one = stages[index].play(leg, effort.operations(leg))
                    if one is not None and number:
                        played[index].append(one)
        memories = [accounting.memory(stage.service.pid) for stage in stages]
        if database is not None:
            tell("counting statements")
        return [
            Measured(
                stage.target.name,
                stage.target.title,
                setting,
                stage.starts,
                rounds,
                stage.count(effort.legs),
                memory,
            )
            for stage, rounds, memory in zip(stages, played, memories, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class _Stage:
    target: Target
    place: Place
    starts: list[Start]
    service: Service
    generator: Generator
    database: PostgreSQL | None

    def play(self, leg: str, count: int) -> Played | None:
        """A leg once, if the target has it."""
        if leg not in self.generator.legs:
            return None
        try:
            return self._play(leg, count)
        except RuntimeError as failed:
            words = last_words(self.place.folder / _LOG)
            raise RuntimeError(f"{failed}. {self.target.title} said:\n{words}") from failed

    def _play(self, leg: str, count: int) -> Played:
        self.generator.stock(leg, count)
        accounting.settle(self.service.pid)
        service_before, database_before = self._cpu_seconds()
        driven = self.generator.drive(leg, count)
        # What a leg leaves to be done in the background is its cost, too.
        accounting.settle(self.service.pid)
        service_after, database_after = self._cpu_seconds()
        return Played(leg, driven, service_after - service_before, database_after - database_before)

    def count(self, legs: Sequence[str]) -> dict[str, Counted]:
        """What PostgreSQL is asked per operation; nothing is known of other databases."""
        if self.database is None:
            return {}
        found = {}
        with self.database.telling():
            for leg in legs:
                if leg in self.generator.legs:
                    self.generator.stock(leg, _COUNTED)
                    accounting.settle(self.service.pid)
                    with self.database.counting(self.place.database_url) as counted:
                        self.generator.drive(leg, _COUNTED)
                        accounting.settle(self.service.pid)
                    found[leg] = counted().each(_COUNTED)
        return found

    def _cpu_seconds(self) -> tuple[float, float]:
        database = self.database.cpu_seconds() if self.database else 0.0
        return accounting.cpu_seconds(self.service.pid), database


@contextlib.contextmanager
def _staged(target: Target, place: Place, database: PostgreSQL | None, cores: set[int]) -> Iterator[_Stage]:
    program = target.prepare(place)
    log = place.folder / _LOG
    starts = [_start(program, place.port, log, cores) for _ in range(_STARTS)]
    with (
        running(program, place.port, log=log, cores=cores) as started,
        generating(**program.plan(place, at_once=AT_ONCE)) as generator,
    ):
        yield _Stage(target, place, starts, started, generator, database)


def _start(program: Program, port: int, log: Path, cores: set[int]) -> Start:
    with running(program, port, log=log, cores=cores) as started:
        return Start(started.wall, started.cpu, accounting.memory(started.pid).now)
