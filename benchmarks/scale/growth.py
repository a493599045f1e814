"""Two services in turns, one over a big table and one over a small one: what a leg costs there and here."""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final
from urllib.request import urlopen

from benchmarks import accounting, rounds, service
from benchmarks.generator import Driven
from benchmarks.postgresql import PostgreSQL, postgresql
from benchmarks.processes import Generator, answering, generating
from benchmarks.scale import filling
from benchmarks.scale.rows import Size
from benchmarks.service import Service
from broker import app_keys, log, settings
from broker.clock import system_clock
from broker.keys.making import RefreshKey
from broker.store.database import connect

LEGS: Final[Mapping[str, int]] = {"sign_in": 600, "refresh": 1500}
# How fast it is says something of the machine: nobody is turned away while this one is busy.
_PATIENT: Final = {"BROKER_DATABASE_STATEMENT_TIMEOUT": "30s"}
_IDLE_SECONDS: Final = 20.0
_SCRAPES: Final = 50
# As an operator would have it, who is told to give PostgreSQL a part of the memory.
_SERVER: Final = ("shared_buffers=2GB", "max_wal_size=8GB")


@dataclass(frozen=True, slots=True)
class Cost:
    """One leg of a round, in milliseconds per operation: CPU of the service and of PostgreSQL, and the median."""

    service: float
    database: float
    p50: float


@dataclass(frozen=True, slots=True)
class Standing:
    """What a service costs that nobody uses.

    `start` until it is ready, wall and CPU seconds; `memory` then, MiB; of `service` and `database` the CPU in
    milliseconds a second; `scrape`, CPU milliseconds of both together for one read of `/metrics`.
    """

    start: tuple[float, float]
    memory: float
    service: float
    database: float
    scrape: float


@dataclass(frozen=True, slots=True)
class Side:
    """Everything about one size."""

    size: Size
    standing: Standing
    costs: Mapping[str, list[Cost]]

    def middle(self, leg: str) -> Cost:
        """The medians of all rounds."""
        played = self.costs[leg]
        return Cost(
            median(one.service for one in played),
            median(one.database for one in played),
            median(one.p50 for one in played),
        )


def measure(
    sizes: tuple[Size, Size], *, ended_share: float, number: int, tell: Callable[[str], None]
) -> tuple[Side, Side]:
    """A small side and a big one, over `number` alternating rounds and one more to warm up."""
    cores = rounds.keep_apart()
    with contextlib.ExitStack() as stack:
        tiktok = stack.enter_context(answering())
        first, second = (stack.enter_context(_playing(size, tiktok, cores, ended_share, tell)) for size in sizes)
        standing = {one.size: one.stand() for one in (first, second)}
        costs: dict[Size, dict[str, list[Cost]]] = {size: {leg: [] for leg in LEGS} for size in sizes}
        for turn in range(number + 1):
            tell(f"round {turn} of {number}" if turn else "warming up")
            for leg, count in LEGS.items():
                for stage in (first, second) if turn % 2 else (second, first):
                    cost = stage.play(leg, count)
                    if turn:
                        costs[stage.size][leg].append(cost)
        small, big = (Side(size, standing[size], costs[size]) for size in sizes)
        return small, big


@dataclass(frozen=True, slots=True)
class _Stage:
    size: Size
    broker: Service
    generator: Generator
    server: PostgreSQL

    def play(self, leg: str, count: int) -> Cost:
        before = self._cpu_seconds()
        driven: Driven = self.generator.drive(leg, count)
        after = self._cpu_seconds()
        used, asked = ((end - begin) * 1000 / count for begin, end in zip(before, after, strict=True))
        return Cost(used, asked, driven.p50)

    def stand(self) -> Standing:
        memory = accounting.memory(self.broker.pid).now
        before = self._cpu_seconds()
        time.sleep(_IDLE_SECONDS)
        after = self._cpu_seconds()
        for _ in range(_SCRAPES):
            with urlopen(f"http://127.0.0.1:{self.broker.port}/metrics") as answer:
                answer.read()
        scraped = sum(self._cpu_seconds()) - sum(after)
        used, asked = ((end - begin) * 1000 / _IDLE_SECONDS for begin, end in zip(before, after, strict=True))
        return Standing((self.broker.wall, self.broker.cpu), memory, used, asked, scraped * 1000 / _SCRAPES)

    def _cpu_seconds(self) -> tuple[float, float]:
        return accounting.cpu_seconds(self.broker.pid), self.server.cpu_seconds()


@contextlib.contextmanager
def _playing(
    size: Size, tiktok: int, cores: set[int], ended_share: float, tell: Callable[[str], None]
) -> Iterator[_Stage]:
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(postgresql(*_SERVER))
        secret = service.prepare(server.url)
        environment = {**service.environment(server.url, tiktok), **_PATIENT}
        key = asyncio.run(_refresh_key(environment))
        tell(f"{size.users:,} people")
        filling.fill(server.url, size, refresh_kid=key.kid, ended_share=ended_share, tell=tell)
        lines = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="broker-bench-"))) / "log"
        broker = stack.enter_context(service.serving(environment, log=lines, cores=cores))
        plan = {
            **rounds.plan(broker.port, secret),
            "users": size.users,
            "refresh_kid": key.kid,
            "refresh_secret": key.secret.hex(),
        }
        generator = stack.enter_context(generating("benchmarks.scale.visitors", **plan))
        yield _Stage(size, broker, generator, server)


async def _refresh_key(environment: Mapping[str, str]) -> RefreshKey:
    """The key that the service will make refresh tokens with, made as the service does at its first start."""
    loaded = settings.load(environment)
    log.configure("console", "error")
    database = await connect(loaded.database_url.reveal())
    ring = await app_keys.rotation(loaded, database, system_clock).begin()
    await database.close()
    return ring.refresher(now=system_clock())
