"""One database after the other: start the service, warm it up, and play the legs round after round."""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from benchmarks import accounting, service
from benchmarks.accounting import Memory
from benchmarks.generator import Driven
from benchmarks.postgresql import PostgreSQL, postgresql
from benchmarks.processes import Generator, answering, generating
from benchmarks.service import Service

Kind: TypeAlias = Literal["sqlite", "postgresql"]

LEGS: Mapping[str, int] = {"sign_in": 600, "exchange": 1000, "refresh": 1500, "read_keys": 16_000}
"""How often each leg is played in a round; several CPU-seconds, since the kernel's meter counts in hundredths."""

_AT_ONCE = 16
_COUNTED = 200
_STARTS = 3


@dataclass(frozen=True, slots=True)
class Effort:
    """How thoroughly to measure: rounds that count, and the part of `LEGS` that each plays."""

    rounds: int
    share: float

    def operations(self, leg: str) -> int:
        return max(_AT_ONCE, int(LEGS[leg] * self.share))


@dataclass(frozen=True, slots=True)
class Played:
    """One leg of one round. CPU in seconds: of the service's processes, and of PostgreSQL's (none with SQLite)."""

    leg: str
    driven: Driven
    service_cpu: float
    database_cpu: float


@dataclass(frozen=True, slots=True)
class Start:
    """From the command to the first `GET /readyz` that says yes, in seconds, and the memory then in MiB."""

    wall: float
    cpu: float
    idle: float


@dataclass(frozen=True, slots=True)
class Transactions:
    """On PostgreSQL, per operation: all, and those that wrote."""

    all: float
    writing: float


@dataclass(frozen=True, slots=True)
class Measured:
    """Everything about one kind of database. `memory` is the service's when all was done."""

    kind: Kind
    starts: list[Start]
    played: list[Played]
    transactions: Mapping[str, Transactions]
    memory: Memory


def keep_apart() -> set[int]:
    """Leave one core to the service, and stay on the others with everything else; the service's cores."""
    cores = os.sched_getaffinity(0)
    if len(cores) < 2:
        return cores
    os.sched_setaffinity(0, cores - {min(cores)})
    return {min(cores)}


def ceiling(count: int) -> Driven:
    """What the load generator reaches at a server that does nothing, which shares its cores."""
    with answering() as port, generating(**plan(port, "-")) as generator:
        generator.drive("read_keys", count // 4)
        return generator.drive("read_keys", count)


def measure(kind: Kind, effort: Effort, cores: set[int], tell: Callable[[str], None]) -> Measured:
    """All rounds on a fresh database of this kind."""
    with _database(kind) as (url, server), tempfile.TemporaryDirectory(prefix="broker-bench-") as scratch:
        secret = service.prepare(url)
        with answering() as tiktok:
            settings = service.environment(url, tiktok)
            log = Path(scratch) / "log"
            starts = [_start(settings, log, cores) for _ in range(_STARTS)]
            with (
                service.serving(settings, log=log, cores=cores) as broker,
                generating(**plan(broker.port, secret)) as generator,
            ):
                stage = _Stage(broker, generator, server)
                tell(f"{kind}: warming up")
                stage.round(effort)
                played: list[Played] = []
                for number in range(1, effort.rounds + 1):
                    tell(f"{kind}: round {number} of {effort.rounds}")
                    played += stage.round(effort)
                memory = accounting.memory(broker.pid)
                if server is not None:
                    tell(f"{kind}: counting transactions, ten seconds a leg")
                return Measured(kind, starts, played, stage.count_transactions(), memory)


@dataclass(frozen=True, slots=True)
class _Stage:
    broker: Service
    generator: Generator
    server: PostgreSQL | None

    def round(self, effort: Effort) -> list[Played]:
        return [self._play(leg, effort.operations(leg)) for leg in LEGS]

    def count_transactions(self) -> dict[str, Transactions]:
        if self.server is None:
            return {}
        found = {}
        for leg in LEGS:
            self._stock(leg, _COUNTED)
            before, wrote = self.server.transactions(), self.server.written()
            self.generator.drive(leg, _COUNTED)
            wrote = self.server.written() - wrote
            found[leg] = Transactions((self.server.transactions() - before) / _COUNTED, wrote / _COUNTED)
        return found

    def _play(self, leg: str, count: int) -> Played:
        self._stock(leg, count)
        service_before, database_before = self._cpu_seconds()
        driven = self.generator.drive(leg, count)
        service_after, database_after = self._cpu_seconds()
        return Played(leg, driven, service_after - service_before, database_after - database_before)

    def _stock(self, leg: str, count: int) -> None:
        """Codes to exchange have to be there; sign-ins leave more refresh tokens than there are connections."""
        if leg == "exchange":
            self.generator.drive("come_back", count)

    def _cpu_seconds(self) -> tuple[float, float]:
        database = self.server.cpu_seconds() if self.server else 0.0
        return accounting.cpu_seconds(self.broker.pid), database


def _start(settings: Mapping[str, str], log: Path, cores: set[int]) -> Start:
    with service.serving(settings, log=log, cores=cores) as broker:
        return Start(broker.wall, broker.cpu, accounting.memory(broker.pid).now)


def plan(port: int, secret: str) -> dict[str, str | int]:
    """What a load generator is to know of the service on this port."""
    return {
        "port": port,
        "at_once": _AT_ONCE,
        "host": service.ISSUER.removeprefix("https://"),
        "client_id": service.CLIENT_ID,
        "client_secret": secret,
        "redirect_uri": service.REDIRECT_URI,
    }


@contextlib.contextmanager
def _database(kind: Kind) -> Iterator[tuple[str, PostgreSQL | None]]:
    if kind == "postgresql":
        with postgresql() as server:
            yield server.url, server
    else:
        with tempfile.TemporaryDirectory(prefix="broker-bench-") as folder:
            yield f"sqlite:///{folder}/broker.db", None
