"""What machines are like, and what people do: all that is assumed, with the units."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Machines:
    """Replicas with workers, and one PostgreSQL. A worker, as a core of the database, does one thing at a time.

    `fsync` and `trip` in seconds: what a flush of the log takes, and the way to the database and back; `disk` in
    bytes a second, for the log. `cold` is the share of changed pages that change the first time since the last
    checkpoint: one for a table far bigger than what changes between two, towards zero for a small one.
    """

    title: str
    replicas: int
    workers: int
    database_cores: int
    fsync: float = 0.001
    trip: float = 0.0003
    disk: float = 200e6
    cold: float = 1.0

    @property
    def processes(self) -> int:
        """All workers of all replicas."""
        return self.replicas * self.workers


ONE_CORE = Machines("one core", replicas=1, workers=1, database_cores=1)
ONE_MACHINE = Machines("one machine of eight cores", replicas=1, workers=5, database_cores=3, trip=0.00005)
TEN_REPLICAS = Machines("ten replicas, one PostgreSQL of 16 cores", replicas=10, workers=4, database_cores=16)
SITES = (ONE_CORE, ONE_MACHINE, TEN_REPLICAS)

MOST_SECONDS = 0.1
"""A site carries what it answers within this time, 99 of 100 times; TikTok's own time is not in it."""
REFRESH_SECONDS = (900, 3600)
PEAK = 3.0
"""The busiest hour has so many times the average."""

SIGN_IN: Mapping[str, float] = {"sign_in": 1.0}
REFRESH: Mapping[str, float] = {"refresh": 1.0}
INTROSPECT: Mapping[str, float] = {"introspect": 1.0}
DAILY: Mapping[str, float] = {"refresh": 0.90, "sign_in": 0.03, "resume": 0.07}
"""What comes in where apps are used every day: shares of operations."""
