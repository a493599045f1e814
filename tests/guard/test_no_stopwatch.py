"""No test says how long something may take: that tells of the machine, and of what else it is busy with.

What must not cost more is counted instead: statements, modules, blocks of memory. How fast it is, `make bench`
tells.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture import uses

TESTS = Path(__file__).parents[1]
STOPWATCHES = tuple(
    f"{name}{unit}"
    for name in ("time.perf_counter", "time.monotonic", "time.process_time", "time.thread_time")
    for unit in ("", "_ns")
)
MEASURES = (*STOPWATCHES, "timeit", "asyncio.get_running_loop().time", "asyncio.get_event_loop().time")
# The time of day may be a value; it is a stopwatch once it is subtracted or compared.
TIMES_OF_DAY = ("time.time()", "time.time_ns()", "datetime.now(")
ALLOWED = {
    "migrations/test_while_people_write.py": "`make million` asks how long writes wait; the suite does not",
    "postgres.py": "gives up on a server that does not start",
}


_SUSPICIOUS = re.compile(r"perf_counter|monotonic|process_time|thread_time|timeit|time(_ns)?\(\)|now\(")


def faults(source: str) -> Iterator[tuple[int, str]]:
    """Where a test measures time, and by what."""
    if not _SUSPICIOUS.search(source):
        return
    tree = ast.parse(source)
    for use in uses("tests", tree, package=False):
        if use.name.startswith(MEASURES):
            yield use.line, use.name
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub)):
            text = ast.unparse(node)
            yield from ((node.lineno, text) for reading in TIMES_OF_DAY if reading in text)


def test_no_test_measures_time() -> None:
    found = {
        f"{place}:{line} uses {name}"
        for path in TESTS.rglob("*.py")
        if (place := path.relative_to(TESTS).as_posix()) not in ALLOWED and "node_modules" not in place
        for line, name in faults(path.read_text())
    }
    assert found == set()


@pytest.mark.parametrize(
    "source",
    [
        "import time\nbegan = time.perf_counter()",
        "from time import monotonic_ns as now\nnow()",
        "import asyncio\nasyncio.get_running_loop().time()",
        "import time\nassert time.time() - began < 1",
        "import time\nassert time.time() < end",
        "import datetime as dt\nassert dt.datetime.now(dt.UTC) < end",
        "import timeit\ntimeit.timeit(f)",
    ],
)
def test_a_stopwatch_is_found(source: str) -> None:
    assert list(faults(source))


@pytest.mark.parametrize(
    "source", ["import time\nnow = int(time.time())", "clock.advance(5)\nassert clock() == 5"]
)
def test_a_time_that_is_a_value_passes(source: str) -> None:
    assert list(faults(source)) == []


def test_every_exception_is_there() -> None:
    for place in ALLOWED:
        assert list(faults((TESTS / place).read_text())), place
