"""`python -m benchmarks`: measure, print the tables, keep the figures."""

import os
import sys
import time
from pathlib import Path

from benchmarks import ceiling, kept, page, plots, report, rounds
from benchmarks.asked import Asked, read
from benchmarks.kept import Run
from benchmarks.rounds import Measured

_KEPT_IN = Path("var/bench")


def main() -> None:
    """Read the command line and do it."""
    asked = read()
    try:
        run = kept.read(asked.again) if asked.again else _measure(asked)
    except RuntimeError as failed:
        sys.exit(f"The benchmark cannot go on: {failed}")
    if asked.again is None:
        _keep(run)
    drawn = plots.draw(run, asked.plots) if asked.plots else {}
    if asked.page is not None:
        beside = {name: os.path.relpath(path, asked.page.parent) for name, path in drawn.items()}
        asked.page.write_text(page.filled(asked.page.read_text(), run, beside))
    for path in (*drawn.values(), *([asked.page] if asked.page else [])):
        _tell(f"Written: {path}")
    print({"table": report.table, "markdown": page.whole, "json": kept.document}[asked.shape](run))


def _measure(asked: Asked) -> Run:
    _tell("The load generator's ceiling")
    reached = ceiling.measure(asked.effort)
    results: list[Measured] = []
    for setting in asked.settings:
        _tell(f"{report.conditions(setting)}:")
        taking_part = [target for target in asked.targets if setting.kind in target.kinds]
        results += rounds.measure(taking_part, setting, asked.effort, _tell)
    return Run(results, reached, kept.machine())


def _keep(run: Run) -> None:
    _KEPT_IN.mkdir(parents=True, exist_ok=True)
    path = _KEPT_IN / time.strftime("%Y%m%dT%H%M%SZ.json", time.gmtime())
    path.write_text(kept.document(run) + "\n")
    _tell(f"The figures are in {path}.")


def _tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
