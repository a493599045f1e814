"""What was measured, as a table for people and as JSON for programs."""

import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from benchmarks.generator import Driven
from benchmarks.rounds import LEGS, Measured, Played

_NAMES = {"sign_in": "sign-in", "exchange": "code exchange", "refresh": "refresh", "read_keys": "key set (JWKS)"}
_KINDS = {"sqlite": "SQLite, synchronous=FULL", "postgresql": "PostgreSQL, durable"}
_HEADINGS = ("per CPU-s", "min–max", "per s", "CPU", "PostgreSQL", "transactions", "writing", "p50", "p95", "p99")


@dataclass(frozen=True, slots=True)
class Line:
    """One leg over all rounds: medians, and the spread of what counts. Times are milliseconds an operation."""

    leg: str
    per_cpu_second: float
    lowest: float
    highest: float
    per_second: float
    service_cpu: float
    database_cpu: float
    generator_cpu: float
    transactions: float | None
    writing_transactions: float | None
    p50: float
    p95: float
    p99: float


def lines(measured: Measured) -> Iterator[Line]:
    """A line for each leg."""
    for leg in LEGS:
        played = [one for one in measured.played if one.leg == leg]
        rates = [one.driven.operations / max(one.service_cpu, 0.01) for one in played]
        counted = measured.transactions.get(leg)
        yield Line(
            leg=leg,
            per_cpu_second=median(rates),
            lowest=min(rates),
            highest=max(rates),
            per_second=median(one.driven.operations / one.driven.seconds for one in played),
            service_cpu=median(_each(one, one.service_cpu) for one in played),
            database_cpu=median(_each(one, one.database_cpu) for one in played),
            generator_cpu=median(_each(one, one.driven.generator_cpu) for one in played),
            transactions=counted.all if counted else None,
            writing_transactions=counted.writing if counted else None,
            p50=median(one.driven.p50 for one in played),
            p95=median(one.driven.p95 for one in played),
            p99=median(one.driven.p99 for one in played),
        )


def table(results: Sequence[Measured], ceiling: Driven) -> str:
    """Everything worth reading, in lines of text."""
    told = [
        "The load generator reaches"
        f" {ceiling.operations / ceiling.seconds:,.0f} requests per second at a server that does nothing,"
        f" {ceiling.operations / ceiling.generator_cpu:,.0f} per CPU-second of its own."
    ]
    for measured in results:
        told += ["", _KINDS[measured.kind], _row("", _HEADINGS)]
        told += [_row(_NAMES[line.leg], tuple(_cells(line))) for line in lines(measured)]
        starts = measured.starts
        told.append(
            f"start to ready {median(one.wall for one in starts):.2f} s"
            f" ({median(one.cpu for one in starts):.2f} s of CPU); memory: idle"
            f" {median(one.idle for one in starts):.0f} MiB, at the end {measured.memory.now:.0f} MiB,"
            f" peak {measured.memory.peak:.0f} MiB"
        )
    return "\n".join(told)


def document(results: Sequence[Measured], ceiling: Driven) -> dict[str, Any]:
    """The same as JSON's types, with every single round."""
    return {
        "machine": {"python": platform.python_version(), "system": platform.platform()},
        "ceiling": asdict(ceiling),
        "databases": {
            measured.kind: {"legs": [asdict(line) for line in lines(measured)], **asdict(measured)}
            for measured in results
        },
    }


def _each(played: Played, seconds: float) -> float:
    return seconds * 1000 / played.driven.operations


def _cells(line: Line) -> Iterator[str]:
    yield f"{line.per_cpu_second:,.0f}"
    yield f"{line.lowest:,.0f}–{line.highest:,.0f}"
    yield f"{line.per_second:,.0f}"
    yield f"{line.service_cpu:.3f} ms"
    yield f"{line.database_cpu:.3f} ms" if line.database_cpu else "–"
    yield "–" if line.transactions is None else f"{line.transactions:.2f}"
    yield "–" if line.writing_transactions is None else f"{line.writing_transactions:.2f}"
    yield from (f"{took:.1f} ms" for took in (line.p50, line.p95, line.p99))


def _row(name: str, cells: Sequence[str]) -> str:
    return f"{name:<15}" + "".join(f"{cell:>15}" for cell in cells)
