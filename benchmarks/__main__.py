"""`python -m benchmarks`: measure, print the tables, keep the figures."""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import get_args

from benchmarks import ceiling, report, rounds
from benchmarks.legs import LEGS
from benchmarks.peers.table import PEERS
from benchmarks.rounds import Effort, Measured, Setting
from benchmarks.service import BROKER
from benchmarks.targets import Kind

_KEPT_IN = Path("var/bench")
_ROUNDS, _QUICK_ROUNDS, _QUICK_SHARE = 5, 3, 0.25
_WORKERS = (1, 2)


def main() -> None:
    """Read the command line and do it."""
    parser = _parser()
    chosen = parser.parse_args()
    if not sys.platform.startswith("linux"):
        parser.error("the benchmark reads /proc, so it runs on Linux only; a container will do")
    if unknown := set(chosen.legs) - LEGS.keys():
        parser.error(f"there is no leg {', '.join(sorted(unknown))}; there are {', '.join(LEGS)}")
    legs = [leg for leg in LEGS if leg in chosen.legs]
    effort = Effort(legs, chosen.rounds or (_QUICK_ROUNDS if chosen.quick else _ROUNDS), _share(chosen))
    targets = [BROKER, *(PEERS[name] for name in chosen.peer)]
    settings = [Setting(kind, workers) for workers in chosen.workers for kind in chosen.database]
    results: list[Measured] = []
    try:
        _tell("The load generator's ceiling")
        reached = ceiling.measure(effort)
        for setting in settings:
            _tell(report.conditions(setting))
            taking_part = [target for target in targets if setting.kind in target.kinds]
            results += rounds.measure(taking_part, setting, effort, _tell)
    except RuntimeError as failed:
        sys.exit(f"The benchmark cannot go on: {failed}")
    text = json.dumps(report.document(results, reached), indent=2)
    _KEPT_IN.mkdir(parents=True, exist_ok=True)
    kept = _KEPT_IN / time.strftime("%Y%m%dT%H%M%SZ.json", time.gmtime())
    kept.write_text(text + "\n")
    print(text if chosen.json else report.table(results, reached))
    _tell(f"The figures are in {kept}.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measure what the broker's legs cost.")
    parser.add_argument("--quick", action="store_true", help="three short rounds instead of five long ones")
    parser.add_argument("--rounds", type=int, metavar="N", help="another number of rounds")
    parser.add_argument("--share", type=float, metavar="PART", help="the part of each leg that a round plays: 0.1")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the tables")
    parser.add_argument(
        "--database",
        nargs="+",
        choices=get_args(Kind),
        default=get_args(Kind),
        help="one database instead of both",
    )
    parser.add_argument("--workers", nargs="+", type=int, default=_WORKERS, metavar="N", help="1 2 if not said")
    parser.add_argument("--legs", nargs="+", default=list(LEGS), metavar="LEG", help=f"some of {', '.join(LEGS)}")
    parser.add_argument("--peer", nargs="+", choices=sorted(PEERS), default=(), help="others to compare with")
    return parser


def _share(chosen: argparse.Namespace) -> float:
    return chosen.share or (_QUICK_SHARE if chosen.quick else 1.0)


def _tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
