"""The drawings of `docs/performance/`: what the broker does, how long it takes, and beside whom."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from benchmarks.charts import MOST_SERIES, Bar, Chart, Panel
from benchmarks.figures import Line, lines
from benchmarks.kept import Run
from benchmarks.legs import LEGS
from benchmarks.report import conditions, heading
from benchmarks.rounds import Measured
from benchmarks.service import BROKER

_PANELS = {
    "Signing in": ("sign_in", "resume"),
    "Tokens": ("exchange", "refresh", "dpop_refresh", "hand_out"),
    "Questions": ("userinfo", "introspect", "revoke"),
    "Documents": ("read_keys", "read_discovery"),
}

PEERS: Final = "peers-"
"""How the names of drawings with others begin."""


def draw(run: Run, folder: Path) -> dict[str, Path]:
    """Write the drawings, and say which there are: one with others only when others were measured."""
    ours = [one for one in run.results if one.target == BROKER.name]
    drawings = {
        "operations": _chart(
            "Operations per CPU-second of the service", "The median of the rounds, and its range.", ours, _work
        ),
        "latency": _chart(
            "Time of one operation, 16 at a time",
            "The bar ends at the median, the line at the 99th percentile.",
            ours,
            _time,
        ),
    }
    for measured in ours:
        beside = [one for one in run.results if one.setting == measured.setting]
        if len(beside) > 1:
            drawings[f"{PEERS}{measured.setting.kind}-{measured.setting.workers}"] = _chart(
                f"Operations per CPU-second, {conditions(measured.setting)}",
                "Measured in alternating rounds: the median, and its range.",
                beside,
                _work,
            )
    folder.mkdir(parents=True, exist_ok=True)
    written = {}
    for name, chart in drawings.items():
        written[name] = folder / f"{name}.svg"
        written[name].write_text(chart.svg())
    return written


def _chart(title: str, explained: str, results: Sequence[Measured], bar: Callable[[int, Line], Bar]) -> Chart:
    shown = results[:MOST_SERIES]
    found = [{line.leg: line for line in lines(measured)} for measured in shown]
    panels = []
    for name, legs in _PANELS.items():
        rows = [
            (LEGS[leg].title, [bar(number, by_leg[leg]) for number, by_leg in enumerate(found) if leg in by_leg])
            for leg in legs
        ]
        if rows := [(label, bars) for label, bars in rows if bars]:
            panels.append(Panel(name, rows))
    return Chart(title, explained, [heading(measured) for measured in shown], panels)


def _work(series: int, line: Line) -> Bar:
    spread = line.per_cpu_second
    return Bar(series, spread.median, spread.lowest, spread.highest, f"{spread.median:,.0f}")


def _time(series: int, line: Line) -> Bar:
    return Bar(series, line.p50, line.p50, line.p99, f"{line.p50:.1f} · {line.p99:.1f} ms")
