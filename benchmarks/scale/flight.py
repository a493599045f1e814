"""`python -m benchmarks.scale.flight`: what a sign-in costs while it waits for TikTok, with ten thousand of them.

Every browser begins a sign-in and keeps its connection. Then TikTok sends all of them back in the time that it
takes for an answer, ten seconds, and the service asks it for two: so all of them wait at once. Exits 1 when a
sign-in takes more than 40 KiB of the service's memory, or does not come to its end.
"""

import argparse
import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final
from urllib.error import URLError
from urllib.request import urlopen

import uvloop

from benchmarks import accounting, rounds, service
from benchmarks.processes import free_port
from benchmarks.scale.web import App, Away, Connection, Refused
from broker.cli.open_files import allow_many
from tests.postgres import postgres_server

_ALLOWED_KIB: Final = 40.0
_AT_ONCE: Final = 32
_WARM_UP: Final = 64
_LOOK_SECONDS: Final = 0.25
_START_SECONDS: Final = 30
_PATIENT: Final = {"BROKER_DATABASE_STATEMENT_TIMEOUT": "1m"}


@dataclass(frozen=True, slots=True)
class Flight:
    """Resident memory of the service in MiB: before anybody came, with all who began, and at most.

    `ends` says how they came to their end, and how often; `seconds` is when the last did.
    """

    logins: int
    before: float
    begun: float
    most: float
    seconds: float
    ends: Counter[str]

    @property
    def each(self) -> float:
        """What one took, in KiB."""
        return (self.most - self.before) * 1024 / self.logins


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(prog="benchmarks.scale.flight", description="Many wait for TikTok at once.")
    parser.add_argument("--logins", type=int, default=10_000, help="how many (%(default)s)")
    parser.add_argument("--seconds", type=float, default=10.0, help="what TikTok takes to answer (%(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="processes of the service (%(default)s)")
    chosen = parser.parse_args()
    allow_many()
    with _services(chosen.seconds, chosen.workers) as (pid, port, app):
        flight = uvloop.run(_fly(pid, port, app, chosen.logins, chosen.seconds))
    print(f"before, begun, at most:  {flight.before:.0f}, {flight.begun:.0f}, {flight.most:.0f} MiB")
    print(f"each sign-in in flight:  {flight.each:.1f} KiB")
    print(f"all were done after:     {flight.seconds:.0f} s")
    print(f"how they ended:          {', '.join(f'{count:,} {end}' for end, count in flight.ends.most_common())}")
    sys.exit(0 if flight.each <= _ALLOWED_KIB and flight.ends.keys() == {"well"} else 1)


async def _fly(pid: int, port: int, app: App, logins: int, seconds: float) -> Flight:
    await asyncio.gather(*(_sign_in(port, app, person) for person in range(_WARM_UP)))
    before = accounting.memory(pid).now
    gate = asyncio.Semaphore(_AT_ONCE)

    async def begin() -> tuple[Connection, Away]:
        async with gate:
            browser = await Connection.open(port)
            return browser, await app.leave(browser)

    away = await asyncio.gather(*(begin() for _ in range(logins)))
    begun = most = accounting.memory(pid).now
    _tell(f"{logins:,} have been sent to TikTok")

    async def come_back(browser: Connection, login: Away, person: int) -> str:
        await asyncio.sleep(seconds * (person - _WARM_UP) / logins)
        try:
            await app.arrive(browser, login, person)
        except (Refused, ConnectionError) as failed:
            return str(failed).splitlines()[0]
        return "well"

    began = time.perf_counter()
    coming = asyncio.gather(*(come_back(*one, _WARM_UP + number) for number, one in enumerate(away)))
    while not coming.done():
        await asyncio.wait((coming,), timeout=_LOOK_SECONDS)
        most = max(most, accounting.memory(pid).now)
    return Flight(logins, before, begun, most, time.perf_counter() - began, Counter(await coming))


async def _sign_in(port: int, app: App, person: int) -> None:
    """What the first of all cost, nobody costs again."""
    browser = await Connection.open(port)
    await app.arrive(browser, await app.leave(browser), person)
    browser.close()


@contextlib.contextmanager
def _services(seconds: float, workers: int) -> Iterator[tuple[int, int, App]]:
    """PostgreSQL, a slow TikTok and the service; its process and port, and an app that is registered there."""
    cores = rounds.keep_apart()
    with (
        postgres_server(settings=("shared_buffers=256MB",)) as server,
        tempfile.TemporaryDirectory(prefix="broker-bench-") as scratch,
        (Path(scratch) / "log").open("ab") as log,
    ):
        url = server.create_database()
        secret = service.prepare(url)
        tiktok, port = free_port(), free_port()
        environment = {**service.environment(url, tiktok), **_PATIENT, "PATH": os.environ.get("PATH", "")}
        serving = ("serve", "--host", "127.0.0.1", "--port", str(port), "--workers", str(workers))
        with (
            _running("slow_tiktok", str(tiktok), str(seconds)),
            _running("patient", *serving, environment=environment, log=log) as broker,
        ):
            os.sched_setaffinity(broker.pid, cores)
            _wait(port)
            yield broker.pid, port, App(service.ISSUER.removeprefix("https://"), service.CLIENT_ID, secret)


@contextlib.contextmanager
def _running(
    module: str, *arguments: str, environment: dict[str, str] | None = None, log: IO[bytes] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    command = (sys.executable, "-m", f"benchmarks.scale.{module}", *arguments)
    with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log) as process:
        try:
            yield process
        finally:
            process.terminate()


def _wait(port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(URLError, OSError), urlopen(f"http://127.0.0.1:{port}/readyz"):
            return
        time.sleep(0.05)
    raise RuntimeError("the service did not get ready")


def _tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
