"""The one place that asks what time it is.

Everything else takes `now` as an argument, or a `Clock` as a field, so that a test can hold it still.
"""

import time
from collections.abc import Callable
from typing import TypeAlias

Clock: TypeAlias = Callable[[], int]
"""Answers the current time in whole epoch seconds."""

Stopwatch: TypeAlias = Callable[[], float]
"""Answers seconds from an arbitrary start, never backwards: for durations."""


def system_clock() -> int:
    """Epoch seconds as the machine knows them."""
    return int(time.time())


def tick() -> int:
    """Epoch nanoseconds, to tell apart what happened in one second. Nothing is decided by it."""
    return time.time_ns()


def stopwatch() -> float:
    """Seconds on the monotonic clock."""
    return time.perf_counter()
