"""Findings on a terminal: a mark, the check, what was found, and below it what to do."""

import sys
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence

import click

from broker.cli.doctor.findings import Finding, Outcome
from broker.cli.output import visible

_MARKS: Mapping[Outcome, str] = {"ok": "✓", "warning": "!", "fault": "✗"}
_COLOURS: Mapping[Outcome, str] = {"ok": "green", "warning": "yellow", "fault": "red"}
_WIDTH = 100


def show(findings: Sequence[Finding]) -> None:
    """Print them in the order in which they were made, and how many there are of each."""
    marks = _marks()
    gap = max(map(len, marks.values())) + 1
    column = max(len(finding.check) for finding in findings) + 2
    for finding in findings:
        mark = click.style(marks[finding.outcome].ljust(gap), fg=_COLOURS[finding.outcome])
        click.echo(f"{mark}{finding.check.ljust(column)}{visible(finding.found)}")
        if finding.remedy is not None:
            click.echo(textwrap.indent(textwrap.fill(visible(finding.remedy), _WIDTH), " " * (gap + column)))
    click.echo(_sum(findings))


def _marks() -> Mapping[Outcome, str]:
    """Marks, or words where the terminal knows no such marks."""
    try:
        "".join(_MARKS.values()).encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return {outcome: outcome for outcome in _MARKS}
    return _MARKS


def _sum(findings: Sequence[Finding]) -> str:
    count = Counter(finding.outcome for finding in findings)
    if not count["fault"] and not count["warning"]:
        return "All is well."
    return f"{_many(count['fault'], 'fault')}, {_many(count['warning'], 'warning')}."


def _many(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number or 'no'} {what}s"
