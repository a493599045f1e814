"""The simulator's own clock: the one place of it that asks what time it is."""

import time
from collections.abc import Callable
from typing import TypeAlias

Clock: TypeAlias = Callable[[], int]
"""Answers the current time in whole epoch seconds."""


def system_clock() -> int:
    """Epoch seconds as the machine knows them."""
    return int(time.time())
