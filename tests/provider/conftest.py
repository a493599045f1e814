"""A stage on SQLite alone, for what no database has a part in, and an ear at the driver."""

from collections.abc import AsyncIterator

import pytest

from tests.stage import HeldClock, Stage, running_stage
from tests.store.watching import statements
from tests.web.conftest import file_url

__all__ = ["file_url", "statements"]


@pytest.fixture
async def file_stage(file_url: str, clock: HeldClock) -> AsyncIterator[Stage]:
    async with running_stage(file_url, clock) as ready:
        yield ready
