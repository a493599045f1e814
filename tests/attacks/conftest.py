"""A broker in this process on SQLite, as the tests of `web` have it, one behind a socket, and a whole stage."""

from collections.abc import AsyncIterator

import pytest

from broker.simulator.serve import running as serving
from tests.stage import HeldClock, Stage, running_stage
from tests.web.conftest import file_url, front
from tests.web.front import Front

__all__ = ["file_url", "front"]


@pytest.fixture
async def address(front: Front) -> AsyncIterator[tuple[str, int]]:
    """Host and port under which the broker listens."""
    async with serving(front.app) as origin:
        host, _, port = origin.removeprefix("http://").partition(":")
        yield host, int(port)


@pytest.fixture
async def file_stage(file_url: str, clock: HeldClock) -> AsyncIterator[Stage]:
    """A stage on SQLite alone: for attacks that end before any statement is reached."""
    async with running_stage(file_url, clock) as ready:
        yield ready
