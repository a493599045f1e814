"""A broker in this process on SQLite, as the tests of `web` have it, and one behind a real socket."""

from collections.abc import AsyncIterator

import pytest

from broker.simulator.serve import running as serving
from tests.web.conftest import file_url, front
from tests.web.front import Front

__all__ = ["file_url", "front"]


@pytest.fixture
async def address(front: Front) -> AsyncIterator[tuple[str, int]]:
    """Host and port under which the broker listens."""
    async with serving(front.app) as origin:
        host, _, port = origin.removeprefix("http://").partition(":")
        yield host, int(port)
