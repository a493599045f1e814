"""`python -m benchmarks.purging`: how much refreshes feel of millions of expired rows being deleted meanwhile.

It puts expired rows into the database and waits until the service has deleted them all by itself. Meanwhile, after
equal shares of them, it refreshes for some seconds, and takes the lease away so that the same refreshes are
measured without, whatever else this machine does. It exits 1 when the 95th percentile is more than half as much
again.
"""

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import urlopen

from benchmarks import rounds, service
from benchmarks.connections import Driven
from benchmarks.postgresql import PostgreSQL, postgresql
from benchmarks.processes import Generator, answering, generating
from benchmarks.targets import Place

_ROWS: Final = 10_000_000
_ALLOWED: Final = 1.5
# Fewer than would keep the service busy: what is asked is how long somebody waits, not how much it can do.
_AT_ONCE: Final = 2
_REFRESHES: Final = 1_000
_LOOK_SECONDS: Final = 0.5
_VISITS: Final = 20
_WINDOWS: Final = 5
_PATIENCE_SECONDS: Final = 120
_GONE: Final = re.compile(rb'^broker_purged_rows_total\{table="spent_ids"\} ([0-9.e+]+)', re.MULTILINE)
_FILL: Final = """
INSERT INTO spent_ids
SELECT sha256(i::text::bytea), {now} - 1 - i % 100000 FROM generate_series({first}, {last}) AS i
"""
_AT_A_TIME: Final = 250_000


@dataclass(frozen=True, slots=True)
class Found:
    """Percentiles of a refresh in milliseconds, idle and meanwhile, and the rows deleted in a second."""

    idle: float
    meanwhile: float
    worst: float
    rate: float

    @property
    def good(self) -> bool:
        """Whether it was hardly felt."""
        return self.meanwhile <= self.idle * _ALLOWED


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(prog="benchmarks.purging", description="Refresh while rows are deleted.")
    parser.add_argument("--rows", type=int, default=_ROWS, help="how many rows have expired (%(default)s)")
    found = measure(parser.parse_args().rows)
    print(f"95th percentile of a refresh, idle:      {found.idle:.1f} ms")
    times = found.meanwhile / found.idle
    print(f"95th percentile while rows are deleted:  {found.meanwhile:.1f} ms ({times:.2f} times)")
    print(f"the worst thousand refreshes:            {found.worst:.1f} ms")
    print(f"rows deleted in a second:                {found.rate:.0f}")
    sys.exit(0 if found.good else 1)


def measure(rows: int) -> Found:
    """On a fresh PostgreSQL with durable settings."""
    cores = rounds.keep_apart()
    with postgresql() as database, tempfile.TemporaryDirectory(prefix="broker-bench-") as scratch:
        secret = service.prepare(database.url)
        with (
            answering() as tiktok,
            service.serving(
                service.environment(database.url, tiktok), log=Path(scratch) / "log", cores=cores
            ) as broker,
            generating(**_plan(broker.port, tiktok, secret)) as generator,
        ):
            generator.drive("sign_in", 4 * _AT_ONCE)
            _refreshing(generator)
            _fill(database, rows)
            purging = _Purging(database, broker.port)
            idle: list[float] = []
            meanwhile: list[float] = []
            seconds = 0.0
            while (before := purging.gone()) < rows:
                began = time.perf_counter()
                purging.go_on()
                meanwhile += [_refreshing(generator).p95 for _ in range(_WINDOWS)]
                purging.reach(min(rows, before + rows / _VISITS))
                seconds += time.perf_counter() - began
                purging.pause()
                idle += [_refreshing(generator).p95 for _ in range(_WINDOWS)]
                _tell(
                    f"{purging.gone():,.0f} of {rows:,} deleted; 95th percentile {median(meanwhile):.1f} ms, "
                    f"idle {median(idle):.1f} ms"
                )
            return Found(median(idle), median(meanwhile), max(meanwhile), rows / seconds)


@dataclass(frozen=True, slots=True)
class _Purging:
    """What the service does by itself, and a hand on its lease."""

    database: PostgreSQL
    port: int

    def gone(self) -> float:
        """Rows deleted so far."""
        with urlopen(f"http://127.0.0.1:{self.port}/metrics") as answer:
            found = _GONE.search(answer.read())
        return float(found[1]) if found else 0.0

    def pause(self) -> None:
        """Take the lease away, and wait until that has been noticed."""
        self._lease("holder = 'the benchmark', until = 9999999999")
        self._wait(lambda before: self.gone() == before)

    def go_on(self) -> None:
        """Give it back, and wait until somebody has taken it."""
        self._lease("until = 0")
        self._wait(lambda before: self.gone() > before)

    def reach(self, rows: float) -> None:
        """Wait until so many are gone."""
        while self.gone() < rows:
            self._wait(lambda before: self.gone() > before)

    def _lease(self, change: str) -> None:
        self.database.server.run(f"UPDATE leases SET {change}", _name(self.database))

    def _wait(self, condition: Callable[[float], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        before = self.gone()
        time.sleep(_LOOK_SECONDS)
        while not condition(before):
            if time.monotonic() > deadline:
                raise RuntimeError("the service does not purge, or does not stop")
            before = self.gone()
            time.sleep(_LOOK_SECONDS)


def _plan(port: int, tiktok: int, secret: str) -> dict[str, Any]:
    place = Place(port, tiktok, "", 1, Path())
    return service.program({}, secret, port=port).plan(place, at_once=_AT_ONCE)


def _fill(database: PostgreSQL, rows: int) -> None:
    name, now = _name(database), int(time.time())
    for first in range(1, rows + 1, _AT_A_TIME):
        last = min(first + _AT_A_TIME - 1, rows)
        database.server.run(_FILL.format(now=now, first=first, last=last), name)
        _tell(f"{last:,} rows have expired")


def _refreshing(generator: Generator) -> Driven:
    return generator.drive("refresh", _REFRESHES)


def _name(database: PostgreSQL) -> str:
    return urlsplit(database.url).path.removeprefix("/")


def _tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
