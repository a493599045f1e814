"""A service over a table that was filled: its processes, its visitors, and what it costs."""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.request import urlopen

from benchmarks import accounting, service
from benchmarks.scale import filling
from benchmarks.scale.rows import Coming, Size
from benchmarks.scale.visitors import Generator, Plan, generating
from broker import app_keys, log, settings
from broker.clock import system_clock
from broker.keys.making import RefreshKey
from broker.store.database import connect
from tests.postgres import postgres_server

# How fast it is says something of the machine: nobody is turned away while this one is busy.
_PATIENT: Final = {"BROKER_DATABASE_STATEMENT_TIMEOUT": "30s"}
_IDLE_SECONDS: Final = 20.0
_SCRAPES: Final = 50
# As an operator would have it, who is told to give PostgreSQL a part of the memory.
_SERVER: Final = ("shared_buffers=4GB", "max_wal_size=8GB")


@dataclass(frozen=True, slots=True)
class Cost:
    """One leg of a round, in milliseconds per operation, and what one took as the median.

    `service` and `database` are CPU time: of PostgreSQL its own, and `kernel` what the kernel took for it.
    """

    service: float
    database: float
    kernel: float
    p50: float

    @property
    def whole(self) -> float:
        """All CPU time together."""
        return self.service + self.database + self.kernel


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
class Stage:
    """A service over a table of this size. `broker` and `database` are processes, `start` wall and CPU seconds."""

    size: Size
    broker: int
    port: int
    start: tuple[float, float]
    database: int
    generator: Generator

    def play(self, leg: str, count: int, per_second: float) -> Cost:
        """What the leg costs, that often, at this rate."""
        before = self._cpu_seconds()
        played = self.generator.play(leg, count, per_second)
        after = self._cpu_seconds()
        used, asked, own = ((end - begin) * 1000 / count for begin, end in zip(before, after, strict=True))
        return Cost(used, own, asked - own, played.p50)

    def stand(self) -> Standing:
        """What it costs while nobody comes."""
        memory = accounting.memory(self.broker).now
        before = self._cpu_seconds()
        time.sleep(_IDLE_SECONDS)
        after = self._cpu_seconds()
        for _ in range(_SCRAPES):
            with urlopen(f"http://127.0.0.1:{self.port}/metrics") as answer:
                answer.read()
        scraped = sum(self._cpu_seconds()[:2]) - sum(after[:2])
        used, asked, _ = ((end - begin) * 1000 / _IDLE_SECONDS for begin, end in zip(before, after, strict=True))
        return Standing(self.start, memory, used, asked, scraped * 1000 / _SCRAPES)

    def _cpu_seconds(self) -> tuple[float, float, float]:
        """Of the service, of PostgreSQL, and the part of the latter that is its own."""
        database = self.database
        return (
            accounting.cpu_seconds(self.broker),
            accounting.cpu_seconds(database),
            accounting.user_seconds(database),
        )


@dataclass(frozen=True, slots=True)
class Filled:
    """A database, and who comes to it: the service's settings for it, its app's secret, its server's process."""

    coming: Coming
    url: str
    environment: Mapping[str, str]
    secret: str
    key: RefreshKey
    server: int


@contextlib.contextmanager
def filled(coming: Coming, tiktok: int, ended_share: float, tell: Callable[[str], None]) -> Iterator[Filled]:
    """A PostgreSQL of its own with so many rows, for the length of the block."""
    with postgres_server(settings=_SERVER) as server:
        url = server.create_database()
        secret = service.prepare(url)
        environment = {**service.environment(url, tiktok), **_PATIENT}
        key = asyncio.run(_refresh_key(environment))
        tell(f"{coming.size.users:,} people")
        filling.fill(url, coming.size, refresh_kid=key.kid, ended_share=ended_share, tell=tell)
        # The file's first line is the process id of the server.
        pid = int(server.run("SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)"))
        yield Filled(coming, url, environment, secret, key, pid)


@contextlib.contextmanager
def playing(filled: Filled, cores: set[int]) -> Iterator[Stage]:
    """A service over it, and its visitors."""
    filling.awaken(filled.url, filled.coming)
    with (
        tempfile.TemporaryDirectory(prefix="broker-bench-") as scratch,
        service.serving(filled.environment, log=Path(scratch) / "log", cores=cores) as broker,
    ):
        plan = Plan(
            port=broker.port,
            host=service.ISSUER.removeprefix("https://"),
            client_id=service.CLIENT_ID,
            secret=filled.secret,
            users=filled.coming.size.users,
            coming=filled.coming.count,
            refresh_kid=filled.key.kid,
            refresh_secret=filled.key.secret.hex(),
        )
        with generating(plan) as generator:
            start = broker.wall, broker.cpu
            yield Stage(filled.coming.size, broker.pid, broker.port, start, filled.server, generator)


async def _refresh_key(environment: Mapping[str, str]) -> RefreshKey:
    """The key that the service will make refresh tokens with, made as the service does at its first start."""
    loaded = settings.load(environment)
    log.configure("console", "error")
    database = await connect(loaded.database_url.reveal())
    ring = await app_keys.rotation(loaded, database, system_clock).begin()
    await database.close()
    return ring.refresher(now=system_clock())
