"""What coverage is measured of: lines that another test of the suite has run already are not watched once more.

Watching takes half as long again as running. On PostgreSQL the service runs the lines that it runs on SQLite, but
for those that speak to a database; and a process of its own runs what every other such process does.
"""

import os
from collections.abc import Generator
from pathlib import Path

import pytest

_TESTS = Path(__file__).parent
# Where the difference between the two databases is what is tested.
_OF_DATABASES = ("store", "migrations", "replicas", "cli", "operators")
# Where lines run that run in a process of its own only.
_OF_PROCESSES = (
    "cli/test_asking.py",
    "cli/test_serve.py",
    "cli/test_simulator.py",
    "demo/test_command.py",
    "serving/test_stopping.py",
    "watching/test_workers.py",
)
# What coverage tells a process that it is to be measured too.
_TOLD = "COVERAGE_PROCESS_CONFIG"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Nobody watches a test on PostgreSQL whose twin on SQLite runs the same lines."""
    for item in items:
        if "[postgresql" in item.name and item.path.relative_to(_TESTS).parts[0] not in _OF_DATABASES:
            item.add_marker("no_cover")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Processes are measured only where they tell something new."""
    told = None
    if item.path.relative_to(_TESTS).as_posix() not in _OF_PROCESSES:
        told = os.environ.pop(_TOLD, None)
    try:
        return (yield)
    finally:
        if told is not None:
            os.environ[_TOLD] = told
