"""A simulator in this process, with its clock held."""

from collections.abc import AsyncIterator

import pytest

from tests.simulator.driver import Driver


@pytest.fixture
async def tiktok() -> AsyncIterator[Driver]:
    driver = Driver()
    async with driver.http:
        yield driver
