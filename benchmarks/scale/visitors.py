"""The load generator, a process of its own: `python -m benchmarks.scale.visitors '{"port": …}'`.

A line of JSON on standard input names a leg and how often; a line on standard output says how long it took. Every
other one who comes is new; those between, and the grants that are refreshed, are any of those in the table, at
random. Each refresh token is used once.
"""

import asyncio
import contextlib
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Final

import uvloop

from benchmarks.scale.rows import Coming, Size, grant_id
from benchmarks.scale.web import App, Connection, Refused
from broker.keys import refresh
from broker.keys.making import RefreshKey

_AT_ONCE: Final = 16
_FORGIVEN: Final = 20
"""Refusals in one leg, as a machine with other work has them: who is told to come back does."""
_AGAIN_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Plan:
    """Whom to call on which port, as whom, and over which table.

    Of the people in the table so many are `coming`. `everywhere`: each visitor has an address of their own, as a
    proxy says it.
    """

    port: int
    host: str
    client_id: str
    secret: str
    users: int
    coming: int
    refresh_kid: str
    refresh_secret: str
    everywhere: bool = False


@dataclass(frozen=True, slots=True)
class Played:
    """A leg: wall seconds of all, and of one operation the median in milliseconds."""

    seconds: float
    p50: float


class Visitors:
    """The people of a plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._app = App(plan.host, plan.client_id, plan.secret)
        self._size = Size(plan.users)
        self._coming = Coming(self._size, plan.coming)
        self._key = RefreshKey(plan.refresh_kid, bytes.fromhex(plan.refresh_secret), 0)
        # The same people at every run.
        self._chance = random.Random(20_261_122)
        self._grants = self._unspent()
        self._visits = 0

    async def sign_in(self, broker: Connection) -> None:
        """From the app's request to its tokens."""
        person, headers = self._somebody(), self._headers()
        away = await self._app.leave(broker, *headers)
        code = await self._app.arrive(broker, away, person, *headers)
        await self._app.exchange(broker, code, *headers)

    async def refresh(self, broker: Connection) -> None:
        """Of somebody who has not been here since the table was filled."""
        token = refresh.mint(
            self._key, grant_id=grant_id(next(self._grants)), generation=0, client_id=self._plan.client_id
        )
        await self._app.refresh(broker, token, *self._headers())

    async def play(self, leg: str, count: int, per_second: float | None) -> Played:
        """So many operations over a few connections, each beginning its next when it has done its last.

        With `per_second` none begins before its time.
        """
        operate = {"sign_in": self.sign_in, "refresh": self.refresh}[leg]
        connections = [await Connection.open(self._plan.port) for _ in range(_AT_ONCE)]
        tickets, took = iter(range(count)), list[float]()

        refusals: list[Refused] = []

        async def work(connection: Connection) -> None:
            for number in tickets:
                if per_second is not None:
                    await asyncio.sleep(started + number / per_second - time.perf_counter())
                began = time.perf_counter()
                try:
                    await operate(connection)
                except Refused as refused:
                    refusals.append(refused)
                    if len(refusals) > _FORGIVEN:
                        raise
                    await asyncio.sleep(_AGAIN_SECONDS)
                    continue
                took.append(time.perf_counter() - began)

        started = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for connection in connections:
                group.create_task(work(connection))
        seconds = time.perf_counter() - started
        for connection in connections:
            connection.close()
        return Played(seconds, median(took) * 1000)

    def _somebody(self) -> int:
        self._visits += 1
        return self._size.users + self._visits if self._visits % 2 else self._known()

    def _known(self) -> int:
        return self._coming.person(self._chance.randint(1, self._coming.count))

    def _headers(self) -> tuple[str, ...]:
        if not self._plan.everywhere:
            return ()
        address = ".".join(str(self._chance.randint(1, 254)) for _ in range(4))
        return (f"X-Forwarded-For: {address}",)

    def _unspent(self) -> Iterator[int]:
        seen = set[int]()
        while True:
            number = 2 * self._known() - self._chance.randint(0, 1)
            # Every twentieth ended long ago, some a moment ago: see `rows`.
            if number not in seen and number % 20 not in (0, 5):
                seen.add(number)
                yield number


@dataclass(frozen=True, slots=True)
class Generator:
    """A load generator waiting for orders."""

    process: subprocess.Popen[str]

    def play(self, leg: str, count: int, per_second: float | None = None) -> Played:
        """Let it play `sign_in` or `refresh` that often, as fast as it goes or so many `per_second`.

        Raises `RuntimeError`.
        """
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps({"leg": leg, "count": count, "per_second": per_second}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the load generator gave up at {leg}; its words are above")
        return Played(**json.loads(line))


@contextlib.contextmanager
def generating(plan: Plan) -> Iterator[Generator]:
    """A load generator for the length of the block."""
    command = (sys.executable, "-m", "benchmarks.scale.visitors")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        # Not as an argument, which everybody can read.
        process.stdin.write(json.dumps(asdict(plan)) + "\n")
        try:
            yield Generator(process)
        finally:
            process.terminate()


def _obey(lines: Iterator[str]) -> None:
    visitors = Visitors(Plan(**json.loads(next(lines))))
    for line in lines:
        order: dict[str, Any] = json.loads(line)
        try:
            played = uvloop.run(visitors.play(**order))
        except* (Refused, OSError) as failed:
            # One is enough to read; the others went the same way.
            sys.exit(f"The load generator cannot go on: {failed.exceptions[0]}")
        print(json.dumps(asdict(played)), flush=True)


if __name__ == "__main__":
    _obey(iter(sys.stdin))
