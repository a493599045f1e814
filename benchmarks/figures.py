"""Medians and spreads: what the rounds come to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.legs import LEGS
from benchmarks.postgresql import Counted
from benchmarks.rounds import Measured, Played

_TICK = 0.01


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of the rounds, and the lowest and highest."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Of at least one value."""
        return cls(median(values), min(values), max(values))


@dataclass(frozen=True, slots=True)
class Line:
    """One leg over all rounds. CPU and percentiles are milliseconds an operation."""

    leg: str
    per_cpu_second: Spread
    per_second: Spread
    service_cpu: float
    database_cpu: float
    generator_cpu: float
    p50: float
    p95: float
    p99: float
    counted: Counted | None


def lines(measured: Measured) -> Iterator[Line]:
    """A line for each leg that was played."""
    for leg in LEGS:
        played = [one for one in measured.played if one.leg == leg]
        if played:
            yield Line(
                leg=leg,
                per_cpu_second=Spread.of([per_cpu_second(one) for one in played]),
                per_second=Spread.of([one.driven.operations / one.driven.seconds for one in played]),
                service_cpu=median(_each(one, one.service_cpu) for one in played),
                database_cpu=median(_each(one, one.database_cpu) for one in played),
                generator_cpu=median(_each(one, one.driven.generator_cpu) for one in played),
                p50=median(one.driven.p50 for one in played),
                p95=median(one.driven.p95 for one in played),
                p99=median(one.driven.p99 for one in played),
                counted=measured.counted.get(leg),
            )


def per_cpu_second(played: Played) -> float:
    """Operations per CPU-second of the service."""
    return played.driven.operations / max(played.service_cpu, _TICK)


def ratios(ours: Measured, theirs: Measured) -> dict[str, Spread]:
    """By leg how many operations ours does per CPU-second for each of theirs, round by round."""
    found = {}
    for leg in LEGS:
        pairs = zip(
            (one for one in ours.played if one.leg == leg),
            (one for one in theirs.played if one.leg == leg),
            strict=False,
        )
        each = [per_cpu_second(one) / per_cpu_second(other) for one, other in pairs]
        if each:
            found[leg] = Spread.of(each)
    return found


def _each(played: Played, seconds: float) -> float:
    return seconds * 1000 / played.driven.operations
