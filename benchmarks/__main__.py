"""`python -m benchmarks`: measure, print the table, keep the figures."""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import get_args

from benchmarks import report, rounds
from benchmarks.rounds import Effort, Kind

_KEPT_IN = Path("var/bench")
_THOROUGH = Effort(rounds=5, share=1.0)
_QUICK = Effort(rounds=3, share=0.25)


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measure what the broker's legs cost.")
    parser.add_argument("--quick", action="store_true", help="three short rounds instead of five long ones")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    parser.add_argument("--database", choices=get_args(Kind), help="one database instead of both")
    chosen = parser.parse_args()
    if not sys.platform.startswith("linux"):
        parser.error("the benchmark reads /proc, so it runs on Linux only; a container will do")
    effort = _QUICK if chosen.quick else _THOROUGH
    kinds = [chosen.database] if chosen.database else get_args(Kind)
    try:
        cores = rounds.keep_apart()
        ceiling = rounds.ceiling(effort.operations("read_keys"))
        results = [rounds.measure(kind, effort, cores, _tell) for kind in kinds]
    except RuntimeError as failed:
        sys.exit(f"The benchmark cannot go on: {failed}")
    text = json.dumps(report.document(results, ceiling), indent=2)
    _KEPT_IN.mkdir(parents=True, exist_ok=True)
    kept = _KEPT_IN / time.strftime("%Y%m%dT%H%M%SZ.json", time.gmtime())
    kept.write_text(text + "\n")
    print(text if chosen.json else report.table(results, ceiling))
    _tell(f"The figures are in {kept}.")


def _tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
