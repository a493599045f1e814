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
# Where the same lines run hundreds of times.
_REPEATED = (
    "attacks/test_fuzz.py",
    "attacks/test_races.py",
    "client_auth/test_assertion_any_input.py",
    "conformance/test_openapi.py",
    "keys/test_a_year.py",
    "migrations/test_survival.py",
    "provider/test_lifecycle_machine.py",
    "replicas/test_every_journey.py",
)
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
    """Nobody watches a test whose twin on SQLite runs the same lines, or that repeats others."""
    for item in items:
        place = item.path.relative_to(_TESTS)
        twin = "[postgresql" in item.name and place.parts[0] not in _OF_DATABASES
        if twin or place.as_posix() in _REPEATED:
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
