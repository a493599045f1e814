"""Databases emptied before each test, and processes that serve one test after the other."""

import contextlib
from collections.abc import Iterator

import pytest

from tests.emptied import empty_database_url
from tests.replicas.balanced import Crew

__all__ = ["empty_database_url"]


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    """Three processes, not begun before they are wanted."""
    with contextlib.ExitStack() as stack:
        ready = Crew()
        stack.callback(ready.end)
        yield ready
