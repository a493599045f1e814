"""A stage with a second replica on the same database."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.resting import often
from tests.stage import Stage
from tests.tokens.test_replicas import replica

__all__ = ["often"]


@pytest.fixture
async def other(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    """Another replica."""
    async with replica(stage) as http:
        yield http
