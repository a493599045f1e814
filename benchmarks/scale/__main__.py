"""`python -m benchmarks.scale`: does a sign-in, or a refresh, cost more when the tables are big? Exits 1 if so."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final

from benchmarks.scale import growth
from benchmarks.scale.growth import LEGS, Side
from benchmarks.scale.rows import Coming, Size
from benchmarks.scale.stages import Cost

_KEPT_IN: Final = Path("var/bench")
_USERS: Final = 10_000_000
_FEW: Final = 20_000
_ROUNDS: Final = 5
_ALLOWED: Final = 1.2
_MEASURES: Final[Mapping[str, Callable[[Cost], float]]] = {
    "CPU of the service": lambda cost: cost.service,
    "PostgreSQL's own CPU": lambda cost: cost.database,
    "the kernel's for it": lambda cost: cost.kernel,
    "CPU, all of it": lambda cost: cost.whole,
    "median wall time": lambda cost: cost.p50,
}
_JUDGED: Final = "CPU, all of it"


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(prog="benchmarks.scale", description="Compare a big table with a small one.")
    parser.add_argument("--users", type=int, default=_USERS, help="people in the big table (%(default)s)")
    parser.add_argument("--few", type=int, default=_FEW, help="people in the small one (%(default)s)")
    parser.add_argument(
        "--ended", type=float, default=0.01, help="share of grants that have just ended (%(default)s)"
    )
    parser.add_argument(
        "--coming", type=int, help="how many of those in the big table come (as many as the small one has)"
    )
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help="alternating rounds (%(default)s)")
    chosen = parser.parse_args()
    if not sys.platform.startswith("linux"):
        parser.error("the benchmark reads /proc, so it runs on Linux only; a container will do")
    few = Coming(Size(chosen.few), chosen.few)
    many = Coming(Size(chosen.users), chosen.coming or chosen.few)
    if many.count > chosen.users:
        parser.error("no more can come than there are")
    try:
        small, big = growth.measure(few, many, ended_share=chosen.ended, number=chosen.rounds, tell=_tell)
    except RuntimeError as failed:
        sys.exit(f"The benchmark cannot go on: {failed}")
    _KEPT_IN.mkdir(parents=True, exist_ok=True)
    kept = _KEPT_IN / time.strftime("scale-%Y%m%dT%H%M%SZ.json", time.gmtime())
    kept.write_text(json.dumps({"small": asdict(small), "big": asdict(big)}, indent=2) + "\n")
    print("\n".join((*_standing(small, big), *_legs(small, big))))
    _tell(f"The figures are in {kept}.")
    sys.exit(0 if _worst(small, big) <= _ALLOWED else 1)


def _standing(small: Side, big: Side) -> list[str]:
    told = [f"{'':<34}{f'{small.size.users:,} people':>20}{f'{big.size.users:,} people':>20}"]
    for name, figures in {
        "start to ready, s": (small.standing.start[0], big.standing.start[0]),
        "start to ready, s of CPU": (small.standing.start[1], big.standing.start[1]),
        "memory when ready, MiB": (small.standing.memory, big.standing.memory),
        "idle service, ms of CPU a second": (small.standing.service, big.standing.service),
        "idle PostgreSQL, ms of CPU a second": (small.standing.database, big.standing.database),
        "a read of /metrics, ms of CPU": (small.standing.scrape, big.standing.scrape),
    }.items():
        told.append(f"{name:<36}" + "".join(f"{figure:>18.2f}" for figure in figures))
    return told


def _legs(small: Side, big: Side) -> list[str]:
    told = []
    for leg in LEGS:
        for name, measure in _MEASURES.items():
            few, many = measure(small.middle(leg)), measure(big.middle(leg))
            verdict = " – too much" if name == _JUDGED and many / few > _ALLOWED else ""
            told.append(
                f"{leg.replace('_', '-') + ', ' + name:<36}{few:>15.3f} ms{many:>15.3f} ms"
                f"{many / few:>8.2f} times{verdict}"
            )
    return told


def _worst(small: Side, big: Side) -> float:
    """The largest ratio of those that are judged."""
    cost = _MEASURES[_JUDGED]
    return max(cost(big.middle(leg)) / cost(small.middle(leg)) for leg in LEGS)


def _tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
