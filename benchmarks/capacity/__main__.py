"""`python -m benchmarks.capacity`: reckon, simulate, print."""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.capacity import costs, facts, report
from benchmarks.capacity.carrying import carried
from benchmarks.capacity.facts import Machines
from benchmarks.capacity.growth import Habits

_MIXES = {
    "sign-ins": facts.SIGN_IN,
    "refreshes": facts.REFRESH,
    "introspections": facts.INTROSPECT,
    "a day's mix": facts.DAILY,
}


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(prog="benchmarks.capacity", description="Simulate what machines carry.")
    parser.add_argument("--costs", type=Path, help="a run that `make bench` kept, for this machine's CPU times")
    parser.add_argument(
        "--measure", action="store_true", help="measure bytes with a broker and a PostgreSQL, and end"
    )
    parser.add_argument("--replicas", type=int, help="a site of your own instead of the three: its replicas")
    parser.add_argument("--workers", type=int, default=1, help="of each replica (%(default)s)")
    parser.add_argument("--database-cores", type=int, default=4, help="of PostgreSQL (%(default)s)")
    parser.add_argument("--fsync", type=float, default=1.0, help="milliseconds of a flush (%(default)s)")
    parser.add_argument(
        "--trip", type=float, default=0.3, help="milliseconds to PostgreSQL and back (%(default)s)"
    )
    parser.add_argument("--disk", type=float, default=200, help="MB of log written in a second (%(default)s)")
    parser.add_argument(
        "--cold", type=float, default=1.0, help="share of pages new since a checkpoint (%(default)s)"
    )
    parser.add_argument("--people", type=int, default=10_000_000, help="for the disk they take (%(default)s)")
    parser.add_argument("--sign-ins", type=float, default=0.2, help="of each person in a day (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other random arrivals (%(default)s)")
    chosen = parser.parse_args()
    try:
        lines = _measured() if chosen.measure else _told(chosen)
        for line in lines:
            print(line, flush=True)
    except (OSError, ValueError) as error:
        sys.exit(f"The reckoning cannot go on: {error}")


def _measured() -> Iterator[str]:
    # Here and not above: whoever only reckons needs no PostgreSQL.
    from benchmarks.capacity.measuring import measure

    return report.measured(measure())


def _told(chosen: argparse.Namespace) -> Iterator[str]:
    legs = costs.measured(chosen.costs) if chosen.costs else dict(costs.DEFAULTS)
    sites = _sites(chosen)
    yield from report.costs(legs)
    yield ""
    yield from report.stations(sites, _MIXES, legs)
    yield ""
    found = {
        (site.title, name): carried(legs, mix, site, seed=chosen.seed)
        for site in sites
        for name, mix in _MIXES.items()
    }
    yield from report.carries(found, _MIXES)
    yield ""
    yield from report.grows(Habits(chosen.sign_ins), chosen.people, sites)


def _sites(chosen: argparse.Namespace) -> tuple[Machines, ...]:
    if chosen.replicas is None:
        return facts.SITES
    yours = Machines("yours", chosen.replicas, chosen.workers, chosen.database_cores, cold=chosen.cold)
    return (replace(yours, fsync=chosen.fsync / 1e3, trip=chosen.trip / 1e3, disk=chosen.disk * 1e6),)


if __name__ == "__main__":
    main()
