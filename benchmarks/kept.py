"""A run as JSON, with every single round, and such a file as a run again."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.accounting import Memory
from benchmarks.connections import Driven
from benchmarks.figures import lines, ratios
from benchmarks.postgresql import Counted
from benchmarks.rounds import Measured, Played, Setting, Start


@dataclass(frozen=True, slots=True)
class Run:
    """Everything that was measured. `ceiling`: by leg, what the load generator reaches at a target of no work."""

    results: Sequence[Measured]
    ceiling: dict[str, Driven]
    machine: dict[str, Any]

    def first(self, setting: Setting) -> Measured:
        """With whom the others of the same setting are compared."""
        return next(one for one in self.results if one.setting == setting)


def machine() -> dict[str, Any]:
    """What a figure depends on and nobody can read out of it."""
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "processor": _processor(),
    }


def document(run: Run) -> str:
    """JSON: the rounds, and what they come to."""
    results = [
        {
            **asdict(measured),
            "legs": [asdict(line) for line in lines(measured)],
            "ratios": {leg: asdict(each) for leg, each in ratios(run.first(measured.setting), measured).items()},
        }
        for measured in run.results
    ]
    ceiling = {leg: asdict(driven) for leg, driven in run.ceiling.items()}
    return json.dumps({"machine": run.machine, "ceiling": ceiling, "results": results}, indent=2)


def read(path: Path) -> Run:
    """What `document` wrote. Raises `OSError`, `ValueError`, `KeyError`."""
    found = json.loads(path.read_text())
    return Run(
        [_measured(one) for one in found["results"]],
        {leg: Driven(**driven) for leg, driven in found["ceiling"].items()},
        found["machine"],
    )


def _measured(found: dict[str, Any]) -> Measured:
    return Measured(
        found["target"],
        found["title"],
        Setting(**found["setting"]),
        [Start(**one) for one in found["starts"]],
        [Played(**{**one, "driven": Driven(**one["driven"])}) for one in found["played"]],
        {leg: Counted(**counted) for leg, counted in found["counted"].items()},
        Memory(**found["memory"]),
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
