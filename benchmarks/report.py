"""What was measured, as a table for people and as JSON for programs."""

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from statistics import median
from typing import Any

from benchmarks.connections import Driven
from benchmarks.figures import Line, Spread, lines, ratios
from benchmarks.legs import LEGS
from benchmarks.rounds import Measured, Setting

_KINDS = {"sqlite": "SQLite, synchronous=FULL", "postgresql": "PostgreSQL, durable"}
_HEADINGS = (
    "per CPU-s", "min–max", "per s", "p50", "p95", "p99", "CPU",
    "PostgreSQL", "statements", "transactions", "writing",
)  # fmt: skip
_WIDEST = 24
_TOO_NEAR = 2

Ceiling = Mapping[str, Driven]
"""By leg what the load generator reaches at a target that does nothing."""


def table(results: Sequence[Measured], ceiling: Ceiling) -> str:
    """Everything worth reading, in lines of text. Targets that were measured together stand together."""
    told = [
        "The load generator's ceiling, in operations per second: "
        + ", ".join(f"{LEGS[leg].title} {rate(driven):,.0f}" for leg, driven in ceiling.items())
    ]
    for measured in results:
        told += ["", f"{measured.title}, {conditions(measured.setting)}", _row("", _HEADINGS)]
        told += [_row(LEGS[line.leg].title, cells(line)) for line in lines(measured)]
        told.append(footing(measured))
        for ours in _compared(measured, results):
            told.append(_row(f"{ours.title} is", [f"{LEGS[leg].title}" for leg in ratios(ours, measured)]))
            told.append(_row("", [times(each) for each in ratios(ours, measured).values()]))
    told += [f"Warning: {words}" for words in warnings(results, ceiling)]
    return "\n".join(told)


def document(results: Sequence[Measured], ceiling: Ceiling) -> dict[str, Any]:
    """The same as JSON's types, with every single round."""
    return {
        "machine": {
            "python": platform.python_version(),
            "system": platform.platform(),
            "cores": os.cpu_count(),
        },
        "ceiling": {leg: asdict(driven) for leg, driven in ceiling.items()},
        "warnings": list(warnings(results, ceiling)),
        "results": [
            {
                **asdict(measured),
                "legs": [asdict(line) for line in lines(measured)],
                "ratios": {
                    ours.target: {leg: asdict(each) for leg, each in ratios(ours, measured).items()}
                    for ours in _compared(measured, results)
                },
            }
            for measured in results
        ],
    }


def warnings(results: Sequence[Measured], ceiling: Ceiling) -> Iterator[str]:
    """Which wall rates may be the generator's own, rather than the target's."""
    for measured in results:
        for line in lines(measured):
            if (reached := ceiling.get(line.leg)) and line.per_second.highest * _TOO_NEAR > rate(reached):
                yield (
                    f"{measured.title}, {conditions(measured.setting)}, {LEGS[line.leg].title}:"
                    f" {line.per_second.highest:,.0f} per second is more than half of what the load generator can"
                    f" do ({rate(reached):,.0f}), so the rate per second says little; that per CPU-second holds"
                )


def conditions(setting: Setting) -> str:
    """Database and workers in words."""
    return f"{_KINDS[setting.kind]}, {setting.workers} worker{'s' if setting.workers > 1 else ''}"


def cells(line: Line) -> Iterator[str]:
    """A leg's figures in the order of the headings."""
    yield f"{line.per_cpu_second.median:,.0f}"
    yield f"{line.per_cpu_second.lowest:,.0f}–{line.per_cpu_second.highest:,.0f}"
    yield f"{line.per_second.median:,.0f}"
    yield from (f"{took:.1f} ms" for took in (line.p50, line.p95, line.p99))
    yield f"{line.service_cpu:.3f} ms"
    if line.counted is None:
        yield from "–" * 4
    else:
        yield f"{line.database_cpu:.3f} ms"
        yield from (
            f"{each:.2f}" for each in (line.counted.statements, line.counted.transactions, line.counted.writing)
        )


def footing(measured: Measured) -> str:
    """Start and memory."""
    starts = measured.starts
    return (
        f"start to ready {median(one.wall for one in starts):.2f} s"
        f" ({min(one.wall for one in starts):.2f}–{max(one.wall for one in starts):.2f} s,"
        f" {median(one.cpu for one in starts):.2f} s of CPU);"
        f" memory: idle {median(one.idle for one in starts):.0f} MiB, at the end {measured.memory.now:.0f} MiB,"
        f" peak {measured.memory.peak:.0f} MiB"
    )


def times(ratio: Spread) -> str:
    """A ratio with its spread."""
    return f"{ratio.median:.2f}× ({ratio.lowest:.2f}–{ratio.highest:.2f})"


def rate(driven: Driven) -> float:
    """Operations a second of wall time."""
    return driven.operations / driven.seconds


def _compared(measured: Measured, results: Sequence[Measured]) -> Iterator[Measured]:
    """Who came first in the same setting, and so is what the others are compared with."""
    first = next(one for one in results if one.setting == measured.setting)
    if first is not measured:
        yield first


def _row(name: str, columns: Iterator[str] | Sequence[str]) -> str:
    return f"{name:<{_WIDEST}}" + "".join(f"{cell:>15}" for cell in columns)
