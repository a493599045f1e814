"""A stage whose apps may sign out."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.logout.apps import register
from tests.stage import HeldClock, Stage, running_stage


@pytest.fixture
async def apps(stage: Stage) -> Stage:
    """The stage on each database, with sign-out addresses registered."""
    await register(stage)
    return stage


@pytest.fixture
async def one(sqlite_template: Path, tmp_path: Path, clock: HeldClock) -> AsyncIterator[Stage]:
    """The same on SQLite alone, for what no database has a part in."""
    file = tmp_path / "one.db"
    shutil.copy(sqlite_template, file)
    async with running_stage(f"sqlite:///{file}", clock) as stage:
        await register(stage)
        yield stage
