"""What was measured, in Markdown, and put into pages where they are marked for it.

The marks are comments, as `<!-- figures: begin -->` and `<!-- figures: end -->`; `ratios` are those to others.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from benchmarks import figures, report
from benchmarks.kept import Run
from benchmarks.legs import LEGS
from benchmarks.plots import PEERS
from benchmarks.rounds import Measured
from benchmarks.service import BROKER

_MARKED = re.compile(r"(<!-- (figures|ratios): begin -->\n).*?(<!-- \2: end -->)", re.DOTALL)


def whole(run: Run) -> str:
    """Everything."""
    return "\n\n".join(part for part in (_figures(run), _ratios(run)) if part)


def filled(text: str, run: Run, drawings: Mapping[str, str] = MappingProxyType({})) -> str:
    """A page with the figures of this run in place of those before. Raises `RuntimeError` when it has no marks.

    `drawings` are those of `plots.draw`, by name, as the page can name their files.
    """
    shown = {name: f"![{_words(name)}]({path})" for name, path in drawings.items()}
    parts = {
        "figures": [_figures(run), *(one for name, one in shown.items() if not _of_others(name))],
        "ratios": [_ratios(run), *(one for name, one in shown.items() if _of_others(name))],
    }

    def fill(mark: re.Match[str]) -> str:
        # A run without others says nothing about them, so what is there stays.
        return "\n\n".join([mark[1].rstrip(), *parts[mark[2]], mark[3]]) if parts[mark[2]][0] else mark[0]

    done, found = _MARKED.subn(fill, text)
    if not found:
        raise RuntimeError("the page has no marks that say where figures go")
    return done


def _of_others(drawing: str) -> bool:
    return drawing.startswith(PEERS)


def _words(drawing: str) -> str:
    return f"{drawing.replace('-', ' ')}, drawn"


def _figures(run: Run) -> str:
    """What the broker does by itself."""
    told = [report.machine(run), report.ceiling(run)]
    for measured in run.results:
        if measured.target == BROKER.name:
            rows = [[LEGS[line.leg].title, *report.cells(line)] for line in figures.lines(measured)]
            told.append(f"**{report.conditions(measured.setting)}**")
            told.append(_table(["", *report.HEADINGS], rows))
            words = report.footing(measured)
            told.append(f"{words[0].upper()}{words[1:]}.")
    return "\n\n".join(told)


def _ratios(run: Run) -> str:
    """A table for each setting in which others took part."""
    told = []
    for measured in run.results:
        others = [theirs for ours, theirs in report.pairs(run) if ours is measured]
        if others:
            headings = ["", measured.title, *(each for one in others for each in (one.title, "as many times"))]
            told.append(f"**{report.conditions(measured.setting)}**, operations per CPU-second")
            told.append(_table(headings, list(_beside(measured, others))))
    return "\n\n".join(told)


def _beside(ours: Measured, others: Sequence[Measured]) -> Iterator[list[str]]:
    theirs = [({line.leg: line for line in figures.lines(one)}, figures.ratios(ours, one)) for one in others]
    for line in figures.lines(ours):
        row = [LEGS[line.leg].title, f"{line.per_cpu_second.median:,.0f}"]
        for by_leg, ratios in theirs:
            other = by_leg.get(line.leg)
            row += [f"{other.per_cpu_second.median:,.0f}", report.times(ratios[line.leg])] if other else ["–", "–"]
        yield row


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    ruler = ["---", *("---:" for _ in headings[1:])]
    return "\n".join(f"| {' | '.join(columns)} |" for columns in (headings, ruler, *rows))
