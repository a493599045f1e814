"""Two services in turns, one over a big table and one over a small one: what a leg costs there and here."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Final

from benchmarks import rounds
from benchmarks.processes import answering
from benchmarks.scale.rows import Coming, Size
from benchmarks.scale.stages import Cost, Stage, Standing, filled, playing

LEGS: Final[Mapping[str, tuple[int, int]]] = {"sign_in": (1000, 80), "refresh": (4000, 400)}
"""How many operations a round has, and how many begin in a second.

At the same rate on both sides: a process that waits more, be it for a disk, is woken for less at a time, and each
thing then costs it more, whatever the size of the tables.
"""


@dataclass(frozen=True, slots=True)
class Side:
    """Everything about one size."""

    size: Size
    standing: Standing
    costs: Mapping[str, list[Cost]]

    def middle(self, leg: str) -> Cost:
        """The medians of all rounds."""
        played = self.costs[leg]
        return Cost(
            median(one.service for one in played),
            median(one.database for one in played),
            median(one.kernel for one in played),
            median(one.p50 for one in played),
        )


def measure(
    few: Coming, many: Coming, *, ended_share: float, number: int, tell: Callable[[str], None]
) -> tuple[Side, Side]:
    """A side with few people and one with many, over `number` alternating rounds and one more to warm up."""
    cores = rounds.keep_apart()
    with contextlib.ExitStack() as stack:
        tiktok = stack.enter_context(answering())
        tables = [stack.enter_context(filled(coming, tiktok, ended_share, tell)) for coming in (few, many)]
        first, second = (stack.enter_context(playing(table, cores)) for table in tables)
        return compare(first, second, number=number, tell=tell)


def compare(small: Stage, big: Stage, *, number: int, tell: Callable[[str], None]) -> tuple[Side, Side]:
    """Both of them in turns."""
    standing = {stage.size: stage.stand() for stage in (small, big)}
    costs: dict[Size, dict[str, list[Cost]]] = {stage.size: {leg: [] for leg in LEGS} for stage in (small, big)}
    for turn in range(number + 1):
        tell(f"round {turn} of {number}" if turn else "warming up")
        for leg, (count, per_second) in LEGS.items():
            for stage in (small, big) if turn % 2 else (big, small):
                cost = stage.play(leg, count, per_second)
                if turn:
                    costs[stage.size][leg].append(cost)
    first, second = (Side(stage.size, standing[stage.size], costs[stage.size]) for stage in (small, big))
    return first, second
