"""`python -m benchmarks.purging`: how much refreshes feel of millions of expired rows being deleted meanwhile.

It refreshes at an even pace on an idle service, puts expired rows into the database in one go, and refreshes on
until the service has deleted them all by itself. It exits 1 when the 95th percentile was more than half as much
again as it was before.
"""

import argparse
import re
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final
from urllib.parse import urlsplit
from urllib.request import urlopen

from benchmarks import rounds, service
from benchmarks.generator import Driven
from benchmarks.postgresql import PostgreSQL, postgresql
from benchmarks.processes import Generator, answering, generating

_ROWS: Final = 10_000_000
_ALLOWED: Final = 1.5
# Fewer than would keep the service busy: what is asked is how long somebody waits, not how much it can do.
_AT_ONCE: Final = 2
_REFRESHES: Final = 1_000
_LOOK_SECONDS: Final = 0.5
_IDLE_ROUNDS: Final = 5
_GONE: Final = re.compile(rb'^broker_purged_rows_total\{table="spent_ids"\} ([0-9.e+]+)', re.MULTILINE)
_FILL: Final = """
INSERT INTO spent_ids
SELECT sha256(i::text::bytea), {now} - 1 - i % 100000 FROM generate_series({first}, {last}) AS i
"""
_AT_A_TIME: Final = 1_000_000


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
            generating(**{**rounds.plan(broker.port, secret), "at_once": _AT_ONCE}) as generator,
        ):
            generator.drive("sign_in", 4 * _AT_ONCE)
            _refreshing(generator)
            idle = median(_refreshing(generator).p95 for _ in range(_IDLE_ROUNDS))
            _fill(database, rows)
            meanwhile: list[float] = []
            while not (first := _gone(broker.port)):
                time.sleep(_LOOK_SECONDS)
            gone, began = first, time.perf_counter()
            while gone < rows:
                meanwhile.append(_refreshing(generator).p95)
                gone = _gone(broker.port)
                _tell(f"{gone:,.0f} of {rows:,} deleted; 95th percentile {meanwhile[-1]:.1f} ms, idle {idle:.1f}")
            rate = (rows - first) / (time.perf_counter() - began)
            return Found(idle, median(meanwhile), max(meanwhile), rate)


def _fill(database: PostgreSQL, rows: int) -> None:
    name, now = urlsplit(database.url).path.removeprefix("/"), int(time.time())
    for first in range(1, rows + 1, _AT_A_TIME):
        last = min(first + _AT_A_TIME - 1, rows)
        database.server.run(_FILL.format(now=now, first=first, last=last), name)
        _tell(f"{last:,} rows have expired")


def _refreshing(generator: Generator) -> Driven:
    return generator.drive("refresh", _REFRESHES)


def _gone(port: int) -> float:
    with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        found = _GONE.search(answer.read())
    return float(found[1]) if found else 0.0


def _tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
