"""A broker in real time, since libraries that are not ours read the clock themselves."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from broker.clock import system_clock
from tests.stage import HeldClock, Stage, running_stage


class RealClock(HeldClock):
    """The clock of this machine."""

    def __call__(self) -> int:
        return system_clock()


@pytest.fixture
async def stage(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Stage]:
    file = tmp_path / "broker.db"
    shutil.copy(sqlite_template, file)
    async with running_stage(f"sqlite:///{file}", RealClock()) as ready:
        yield ready
