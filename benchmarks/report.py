"""What was measured, in words and tables for a terminal."""

from collections.abc import Iterator, Sequence
from statistics import median

from benchmarks.connections import Driven
from benchmarks.figures import Line, Spread, lines, ratios
from benchmarks.kept import Run
from benchmarks.legs import LEGS
from benchmarks.rounds import Measured, Setting

_KINDS = {"sqlite": "SQLite, synchronous=FULL", "postgresql": "PostgreSQL, durable"}
HEADINGS = (
    "per CPU-s", "min–max", "per s", "p50", "p95", "p99", "CPU",
    "PostgreSQL", "statements", "transactions", "writing",
)  # fmt: skip
_WIDEST = 24
_NOTHING = "–"
_TOO_NEAR = 2


def table(run: Run) -> str:
    """Lines of text."""
    told = [ceiling(run)]
    for measured in run.results:
        told += ["", heading(measured), _row("", HEADINGS)]
        told += [_row(LEGS[line.leg].title, cells(line)) for line in lines(measured)]
        told.append(footing(measured))
    for ours, theirs in pairs(run):
        told += ["", f"{ours.title}, as many times {theirs.title}, {conditions(ours.setting)}"]
        told += [_row(LEGS[leg].title, [times(each)]) for leg, each in ratios(ours, theirs).items()]
    told += ["", machine(run), *(f"Warning: {words}" for words in warnings(run))]
    return "\n".join(told).rstrip()


def machine(run: Run) -> str:
    """On what it was measured."""
    return f"{run.machine['processor']}, {run.machine['cores']} cores, Python {run.machine['python']}."


def ceiling(run: Run) -> str:
    """What the load generator could do."""
    reached = ", ".join(f"{LEGS[leg].title} {possible(driven):,.0f}" for leg, driven in run.ceiling.items())
    return f"The load generator's ceiling, in operations per second of a core of its own: {reached}."


def warnings(run: Run) -> Iterator[str]:
    """Which wall rates may be the generator's own, rather than the target's."""
    for measured in run.results:
        for line in lines(measured):
            most = possible(run.ceiling[line.leg])
            highest = line.per_second.highest
            if highest * _TOO_NEAR > most:
                yield (
                    f"{heading(measured)}, {LEGS[line.leg].title}: {highest:,.0f} per second is more than half of"
                    f" what the load generator can do ({most:,.0f}), so the rate per second says little; that per"
                    " CPU-second holds"
                )


def pairs(run: Run) -> Iterator[tuple[Measured, Measured]]:
    """Whom to compare: who came first in a setting, with each of the others."""
    for measured in run.results:
        ours = run.first(measured.setting)
        if ours is not measured:
            yield ours, measured


def heading(measured: Measured) -> str:
    """Whose figures these are."""
    return f"{measured.title}, {conditions(measured.setting)}"


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
        yield from _NOTHING * 4
    else:
        counted = (line.counted.statements, line.counted.transactions, line.counted.writing)
        yield f"{line.database_cpu:.3f} ms"
        yield from (f"{each:.2f}" for each in counted)


def footing(measured: Measured) -> str:
    """Start and memory."""
    starts, memory = measured.starts, measured.memory
    walls = [one.wall for one in starts]
    cpu, idle = median(one.cpu for one in starts), median(one.idle for one in starts)
    return (
        f"start to ready {median(walls):.2f} s ({min(walls):.2f}–{max(walls):.2f} s), {cpu:.2f} s of CPU;"
        f" memory: idle {idle:.0f} MiB, at the end {memory.now:.0f} MiB, peak {memory.peak:.0f} MiB,"
        f" of one process {memory.largest:.0f} MiB"
    )


def times(ratio: Spread) -> str:
    """A ratio with its spread."""
    return f"{ratio.median:.2f} ({ratio.lowest:.2f}–{ratio.highest:.2f})"


def possible(driven: Driven) -> float:
    """Operations a second that a generator with a core of its own could do: on a busy machine it had less."""
    return driven.operations / driven.generator_cpu


def _row(name: str, columns: Iterator[str] | Sequence[str]) -> str:
    return f"{name:<{_WIDEST}}" + "".join(f"{cell:>15}" for cell in columns)
