"""A broker in this process on SQLite."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.stage import HeldClock
from tests.web.front import Front, running_front


@pytest.fixture
def file_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A migrated SQLite file of its own."""
    file = tmp_path / "front.db"
    shutil.copy(sqlite_template, file)
    return f"sqlite:///{file}"


@pytest.fixture
async def front(file_url: str, clock: HeldClock) -> AsyncIterator[Front]:
    """A broker whose issuer is https."""
    async with running_front(file_url, clock) as ready:
        yield ready
