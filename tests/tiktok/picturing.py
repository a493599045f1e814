"""One stage for all tests of pictures, and what they look at: it copies, and looks for work all the time."""

import asyncio
import contextlib
import itertools
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import jwt
import orjson
import pytest
import pytest_asyncio
from sqlalchemy import text

from broker import outbox, telemetry
from broker.avatars import endpoint
from broker.store.database import Row, Transaction
from tests.postgres import PostgresServer
from tests.stage import HeldClock, Stage, running_stage

HOUR = 3600
_numbers = itertools.count()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def module_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if request.param == "sqlite":
        file = tmp_path_factory.mktemp("avatars") / "broker.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), file)
        yield f"sqlite:///{file}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.create_database(copy_of=request.getfixturevalue("postgres_template"))
    yield url
    server.drop_database(url)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(module_url: str) -> AsyncIterator[Stage]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outbox, "_LOOK_SECONDS", 0.02)
        patch.setattr(endpoint, "_PAUSES", (0.02, 0.05))
        async with running_stage(module_url, HeldClock(), BROKER_AVATARS="copy") as stage:
            yield stage


@pytest.fixture
def stage(shared: Stage) -> Stage:
    """The one stage of the module, with nothing going wrong, and Ada with a picture nobody has seen."""
    shared.world.faults.clear()
    shared.world.public_origin = None
    shared.world.switches = replace(shared.world.switches, avatar_lifetime=48 * HOUR)
    take_picture(shared)
    return shared


def take_picture(stage: Stage, person: str = "p1") -> None:
    """The person takes another picture at TikTok."""
    stage.world.people[person] = replace(stage.world.people[person], picture=f"picture {next(_numbers)}")


def claims(tokens: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = jwt.decode(tokens["id_token"], options={"verify_signature": False})
    return told


async def picture_told(stage: Stage, tokens: dict[str, Any]) -> str | None:
    """What `/userinfo` says now."""
    found: str | None = (await stage.userinfo(tokens["access_token"])).json().get("picture")
    return found


def fetched(stage: Stage) -> int:
    """How many calls TikTok's picture host has had."""
    return stage.world.counters["avatars"]["calls"]


async def waiting(stage: Stage) -> list[Row]:
    async def rows(tx: Transaction) -> list[Row]:
        return await tx.all(text("SELECT id, due_at, attempts FROM outbox WHERE kind = 'avatar'"))

    return await stage.database.read(rows)


async def settled(stage: Stage, *, left: int = 0) -> None:
    """Return when so many pictures are left, none of them in work; TimeoutError after two seconds."""
    async with asyncio.timeout(2):
        while True:
            rows = await waiting(stage)
            # In work, a row is due after its lease of thirty seconds; the first pauses are shorter.
            if len(rows) == left and all(0 < row["due_at"] - stage.clock() < 30 for row in rows):
                return
            await stage.http.get("/healthz")


@contextlib.contextmanager
def counted(outcome: str, by: int) -> Iterator[None]:
    """So many pictures come to this end in the block."""
    before = telemetry.AVATARS.labels(outcome)._value.get()
    yield
    assert telemetry.AVATARS.labels(outcome)._value.get() - before == by


async def execute(stage: Stage, sql: str) -> None:
    async def run(tx: Transaction) -> int:
        return await tx.run(text(sql))

    await stage.database.transact(run)


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in capsys.readouterr().err.splitlines()]
