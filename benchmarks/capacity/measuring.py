"""Bytes, taken from a broker and a durable PostgreSQL that are run for it: `make capacity ARGS=--measure`.

What one operation writes into the write-ahead log and into the broker's own, and what a row takes with its
indexes. None of it depends on how fast this machine is.
"""

import asyncio
import io
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from broker.store import migrations
from tests.postgres import PostgresServer, postgres_server
from tests.stage import WEB, WEB_SECRET, HeldClock, Stage, make_keys, running_stage

PEOPLE = 1_000
_AGAIN = 100
_COLD = 12
TABLES = ("users", "accounts", "sessions", "grants", "audit_events")

Operate = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Bytes:
    """Of one operation: write-ahead log as such, the page images right after a checkpoint, the broker's log."""

    wal: float
    images: float
    log: float


@dataclass(frozen=True, slots=True)
class Found:
    """By leg; and by table the bytes of a row with its indexes."""

    legs: dict[str, Bytes]
    rows: dict[str, float]


class _Counting(io.TextIOBase):
    """Standard error, of which only the length is kept."""

    length = 0

    def write(self, text: str) -> int:
        self.length += len(text.encode())
        return len(text)


def measure() -> Found:
    """Start a broker and a PostgreSQL, play, and read what it took."""
    with postgres_server() as server:
        url = server.create_database()
        migrations.upgrade(url)
        # It would write in between, and nobody knows when.
        server.run("ALTER SYSTEM SET autovacuum = off")
        server.run("SELECT pg_reload_conf()")
        with _lines_counted() as log:
            return asyncio.run(_measured(server, url, log))


async def _measured(server: PostgresServer, url: str, log: _Counting) -> Found:
    await make_keys(url)
    clock = HeldClock()
    async with running_stage(url, clock) as stage:
        meter = _Meter(server, urlsplit(url).path.removeprefix("/"), log)
        empty = meter.sizes()
        app = _App(stage, clock)
        legs = {"sign_in": await meter.take(app.sign_in, PEOPLE)}
        full = meter.sizes()
        rows = {table: (full[table][0] - empty[table][0]) / full[table][1] for table in TABLES}
        for name in ("resume", "refresh", "introspect", "userinfo"):
            legs[name] = await meter.take(getattr(app, name), _AGAIN)
    return Found(legs, rows)


@dataclass(slots=True)
class _Meter:
    server: PostgresServer
    database: str
    log: _Counting

    async def take(self, operate: Operate, count: int) -> Bytes:
        """Averages: of many in a row, and of some with a checkpoint before each."""
        begun, said = self._position(), self.log.length
        for _ in range(count):
            await operate()
        wal, lines = (self._position() - begun) / count, (self.log.length - said) / count
        cold = 0
        for _ in range(_COLD):
            self.server.run("CHECKPOINT")
            begun = self._position()
            await operate()
            cold += self._position() - begun
        return Bytes(wal, max(0.0, cold / _COLD - wal), lines)

    def sizes(self) -> dict[str, tuple[int, int]]:
        """Bytes and rows of each table."""
        asked = "SELECT pg_total_relation_size('{0}') || ' ' || count(*) FROM {0}"
        told = {table: self.server.run(asked.format(table), self.database).split() for table in TABLES}
        return {table: (int(size), int(rows)) for table, (size, rows) in told.items()}

    def _position(self) -> int:
        return int(self.server.run("SELECT pg_current_wal_insert_lsn() - '0/0'"))


class _App:
    """Operations one after the other; each sign-in is of somebody new."""

    def __init__(self, stage: Stage, clock: HeldClock) -> None:
        self._stage = stage
        self._clock = clock
        self._people = 0
        self._tokens: dict[str, Any] = {}
        self._browser: Any = None

    async def sign_in(self) -> None:
        """A person in a fresh browser, from `/authorize` to the tokens."""
        world, self._people = self._stage.world, self._people + 1
        somebody = f"somebody-{self._people}"
        world.people[somebody] = replace(world.people["p1"], id=somebody)
        # TikTok answers so many a minute.
        self._clock.advance(1)
        self._tokens = await self._stage.sign_in(person=somebody)

    async def resume(self) -> None:
        """A sign-in from the browser's session."""
        if self._browser is None:
            self._browser = await self._stage.browser()
            await self._stage.come_back(self._browser, self._stage.question())
        sent = await self._stage.authorize(self._browser, self._stage.question())
        code = sent.headers["location"].partition("code=")[2].partition("&")[0]
        assert (await self._stage.redeem(code)).status_code == 200

    async def refresh(self) -> None:
        """A refresh."""
        answer = await self._stage.refresh(self._tokens["refresh_token"])
        assert answer.status_code == 200
        self._tokens = answer.json()

    async def introspect(self) -> None:
        """A backend asks."""
        form = {"token": self._tokens["access_token"]}
        assert (await self._stage.http.post("/introspect", data=form, auth=(WEB, WEB_SECRET))).json()["active"]

    async def userinfo(self) -> None:
        """The app asks who it is."""
        assert (await self._stage.userinfo(self._tokens["access_token"])).status_code == 200


@contextmanager
def _lines_counted() -> Iterator[_Counting]:
    kept, sys.stderr = sys.stderr, _Counting()
    try:
        yield sys.stderr
    finally:
        sys.stderr = kept
