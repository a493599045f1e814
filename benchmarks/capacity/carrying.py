"""What a site carries: the highest rate at which nearly everybody is answered in time, and how many people."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from benchmarks.capacity.costs import Leg
from benchmarks.capacity.facts import MOST_SECONDS, PEAK, REFRESH_SECONDS, Machines
from benchmarks.capacity.queueing import walls
from benchmarks.capacity.simulation import Outcome, simulate

_EMPTIEST, _FULLEST = 0.05, 0.95
_STEPS = 7
_SECONDS = 1.0
_FEWEST = 6_000
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Carried:
    """The last stretch that was answered in time, and which station has no more to give first, at which rate."""

    outcome: Outcome
    wall: str
    wall_rate: float

    def people(self, share: float) -> list[float]:
        """How many are active at once, when each refreshes every so many seconds (`REFRESH_SECONDS`).

        `share` is the part of the operations that are refreshes.
        """
        return [self.outcome.rate * share * seconds for seconds in REFRESH_SECONDS]

    def a_day(self, share: float) -> float:
        """Operations of this share in a whole day whose busiest hour is `PEAK` times the average."""
        return self.outcome.rate * share * _DAY / PEAK


def carried(
    legs: Mapping[str, Leg],
    mix: Mapping[str, float],
    machines: Machines,
    *,
    seed: int = 1,
    fewest: int = _FEWEST,
    seconds: float = _SECONDS,
) -> Carried:
    """By bisection, up to 95 % of the first wall: nearer, a site falls over at the first hiccup.

    Each stretch has `fewest` operations at least, and what comes in within `seconds`.
    """
    wall, limit = min(walls(legs, mix, machines).items(), key=lambda one: one[1])

    def at(share: float) -> Outcome:
        rate = limit * share
        return simulate(legs, mix, machines, rate, count=max(fewest, int(rate * seconds)), seed=seed)

    low, high, best = 0.0, _FULLEST, at(_FULLEST)
    if best.p99 > MOST_SECONDS:
        best = at(low := _EMPTIEST)
        if best.p99 > MOST_SECONDS:
            # It is not for want of machines: nothing that waits for so long is carried.
            return Carried(replace(best, rate=0.0), wall, limit)
        for _ in range(_STEPS):
            middle = (low + high) / 2
            found = at(middle)
            if found.p99 <= MOST_SECONDS:
                low, best = middle, found
            else:
                high = middle
    return Carried(best, wall, limit)
