"""The command line."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from benchmarks.legs import LEGS
from benchmarks.peers.table import PEERS
from benchmarks.rounds import Effort, Setting
from benchmarks.service import BROKER
from benchmarks.targets import Kind, Target

_ROUNDS, _QUICK_ROUNDS = 5, 3
_SHARE, _QUICK_SHARE = 1.0, 0.25
_WORKERS = (1, 2)

_EXAMPLES = """\
The tables come on standard output, progress on standard error, every single round as JSON under var/bench.

  make bench                                             everything, about half an hour
  make bench ARGS="--quick --database postgresql --workers 1"
  make bench ARGS="--legs sign_in refresh --rounds 9"    two legs, thoroughly
  make bench ARGS="--again var/bench/….json --page docs/performance.md --plots docs/performance"

Legs:
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """What to measure, or which run to show `again`, and in which shape."""

    targets: Sequence[Target]
    settings: Sequence[Setting]
    effort: Effort
    shape: Literal["table", "markdown", "json"]
    plots: Path | None
    page: Path | None
    again: Path | None


def read() -> Asked:
    """What was asked for; a fault ends the program with 2."""
    parser = _parser()
    chosen = parser.parse_args()
    if not sys.platform.startswith("linux"):
        parser.error("the benchmark reads /proc, so it runs on Linux only; a container will do")
    usual, share = (_QUICK_ROUNDS, _QUICK_SHARE) if chosen.quick else (_ROUNDS, _SHARE)
    return Asked(
        targets=[BROKER, *(PEERS[name] for name in chosen.peer)],
        settings=[Setting(kind, workers) for workers in chosen.workers for kind in chosen.database],
        effort=Effort([leg for leg in LEGS if leg in chosen.legs], chosen.rounds or usual, chosen.share or share),
        shape=chosen.shape,
        plots=chosen.plots,
        page=chosen.page,
        again=chosen.again,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="benchmarks",
        description="Measure what each leg costs the broker, and its database.",
        epilog=_EXAMPLES + "\n".join(f"  {name:<15} {leg.title}" for name, leg in LEGS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    several: dict[str, Any] = {"nargs": "+", "metavar": "NAME"}
    add = parser.add_argument
    add("--quick", action="store_true", help=f"{_QUICK_ROUNDS} rounds of a quarter's length instead of {_ROUNDS}")
    add("--legs", choices=LEGS, default=list(LEGS), help="these legs only; all of them if not said", **several)
    kinds = get_args(Kind)
    add("--database", choices=kinds, default=kinds, help=f"{' or '.join(kinds)}; both if not said", **several)
    add("--workers", nargs="+", type=_count, default=_WORKERS, metavar="N", help="processes; 1 2 if not said")
    add(
        "--peer",
        choices=sorted(PEERS),
        default=(),
        help=f"measure others beside it: {', '.join(PEERS)}",
        **several,
    )
    add("--rounds", type=_count, metavar="N", help="as many rounds, after the one that warms up")
    add("--share", type=_part, metavar="PART", help="the part of each leg that a round plays: 0.1")
    add("--again", type=Path, metavar="FILE", help="measure nothing: show a run that was kept")
    add("--plots", type=Path, metavar="FOLDER", help="draw the figures there, as SVG")
    add("--page", type=Path, metavar="FILE", help="put the figures into a page, where it is marked for them")
    shape = parser.add_mutually_exclusive_group()
    shape.set_defaults(shape="table")
    for name, what in (("json", "JSON instead of tables"), ("markdown", "tables in Markdown, for a page")):
        shape.add_argument(f"--{name}", dest="shape", action="store_const", const=name, help=what)
    return parser


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _part(text: str) -> float:
    part = float(text)
    if not 0 < part <= 1:
        raise argparse.ArgumentTypeError("must be more than 0 and at most 1")
    return part
