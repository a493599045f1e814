"""What formulas know: the heaviest load of each station, and how long one waits at a station of many servers."""

from collections.abc import Mapping
from math import exp

from benchmarks.capacity.costs import Leg
from benchmarks.capacity.facts import Machines


def erlang_c(servers: int, load: float) -> float:
    """The probability of having to wait in an M/M/c queue, at `load` erlangs (below `servers`).

    A. K. Erlang, 1917; by the recursion of Erlang B, which does not overflow.
    """
    blocked = 1.0
    for number in range(1, servers + 1):
        blocked = load * blocked / (number + load * blocked)
    return blocked / (1 - load / servers * (1 - blocked))


def mean_wait(servers: int, rate: float, service: float) -> float:
    """How long one waits on average in an M/M/c queue: `rate` a second, `service` seconds each."""
    load = rate * service
    return erlang_c(servers, load) * service / (servers - load)


def longer_than(seconds: float, servers: int, rate: float, service: float) -> float:
    """The probability of waiting longer than this in an M/M/c queue."""
    return erlang_c(servers, rate * service) * exp(-(servers / service - rate) * seconds)


def walls(legs: Mapping[str, Leg], mix: Mapping[str, float], machines: Machines) -> dict[str, float]:
    """Operations a second at which each station would be busy all the time: the lowest is the first wall.

    Commits share a flush, so how many there are costs CPU and not disk; what they write is a wall of its own.
    """

    def each(of: str) -> float:
        return sum(share * float(getattr(legs[name], of)) for name, share in mix.items())

    written = each("wal") + machines.cold * each("images")
    return {
        "workers": machines.processes * 1000 / each("service"),
        "PostgreSQL's cores": machines.database_cores * 1000 / each("database"),
        "write-ahead log": machines.disk / written if written else float("inf"),
    }
