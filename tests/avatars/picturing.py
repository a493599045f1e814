"""What the tests of pictures do and look at."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import jwt
import orjson
import pytest
from sqlalchemy import text

from broker import telemetry
from broker.store.database import Row, Transaction
from tests.stage import Stage

HOUR = 3600
_numbers = itertools.count()


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


@contextlib.asynccontextmanager
async def counted(stage: Stage, outcome: str, by: int) -> AsyncIterator[None]:
    """So many pictures come to this end in the block; each is counted just after it is written down."""
    counter = telemetry.AVATARS.labels(outcome)._value
    before = counter.get()
    yield
    async with asyncio.timeout(2):
        while counter.get() - before < by:
            await stage.http.get("/healthz")
    assert counter.get() - before == by


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in capsys.readouterr().err.splitlines()]
