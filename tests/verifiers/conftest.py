"""A broker in the time of this machine, which the programs read themselves, or a known while before it."""

import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from broker.clock import system_clock
from tests.stage import HeldClock, Stage, running_stage


@dataclass
class ShiftedClock(HeldClock):
    """The clock of this machine, set back by some seconds."""

    back: int = 0

    def __call__(self) -> int:
        return system_clock() - self.back


@pytest.fixture
def shifted() -> ShiftedClock:
    return ShiftedClock()


@pytest.fixture
async def stage(sqlite_template: Path, tmp_path: Path, shifted: ShiftedClock) -> AsyncIterator[Stage]:
    file = tmp_path / "broker.db"
    shutil.copy(sqlite_template, file)
    async with running_stage(f"sqlite:///{file}", shifted) as ready:
        yield ready
