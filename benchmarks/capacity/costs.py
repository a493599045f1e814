"""What one operation costs: by itself as it was measured, or from a run that `make bench` kept.

The service's time is that of one process on one core, the database's that of all its processes. The defaults are
medians of a two-core machine, and the bytes of `--measure`; bytes are the same on every machine, times are not.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

KEPT_IN = Path("var/bench")


@dataclass(frozen=True, slots=True)
class Leg:
    """One operation: CPU in milliseconds, bytes, and what it waits for.

    `trips` are round trips to PostgreSQL, `commits` those that wait for the disk. `wal` is what is written in any
    case, `images` whole pages that are written the first time they change after a checkpoint (`full_page_writes`).
    """

    title: str
    service: float
    database: float
    trips: int
    commits: int
    wal: int
    images: int
    log: int


DEFAULTS: Mapping[str, Leg] = {
    "sign_in": Leg("sign-in", 2.9, 1.9, 9, 2, 5_000, 140_000, 800),
    "resume": Leg("sign-in from a session", 1.4, 0.7, 7, 2, 4_800, 98_000, 540),
    "refresh": Leg("refresh", 0.6, 0.31, 1, 1, 300, 8_000, 260),
    "introspect": Leg("introspection", 0.5, 0.15, 1, 0, 0, 0, 270),
}


def newest(folder: Path = KEPT_IN) -> Path | None:
    """The last run that `make bench` kept, if there is one."""
    return max(folder.glob("*.json"), default=None)


def measured(file: Path) -> dict[str, Leg]:
    """The defaults with the CPU times of this run: of the broker, one worker, on PostgreSQL.

    Raises ValueError when there is nothing of that in it.
    """
    try:
        results = json.loads(file.read_text())["results"]
        (found,) = (one for one in results if _is_ours(one))
        times = {line["leg"]: line for line in found["legs"]}
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{file} holds no run of the broker with one worker on PostgreSQL") from error
    return {name: _timed(leg, times.get(name)) for name, leg in DEFAULTS.items()}


def _is_ours(result: Mapping[str, Any]) -> bool:
    return bool(result["target"] == "broker" and result["setting"] == {"kind": "postgresql", "workers": 1})


def _timed(leg: Leg, line: Mapping[str, Any] | None) -> Leg:
    if line is None or not line["service_cpu"] or not line["database_cpu"]:
        return leg
    return replace(leg, service=line["service_cpu"], database=line["database_cpu"])
