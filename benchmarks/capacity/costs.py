"""What one operation costs: by itself as it was measured, or from a run that `make bench` kept.

The service's time is that of one process on one core, the database's that of all its processes. The defaults are
medians of a two-core machine, and the bytes of `--measure`; bytes are the same on every machine, times are not.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any


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
    "sign_in": Leg("sign-in", 1.75, 0.8, 2, 2, 5_000, 140_000, 800),
    "resume": Leg("sign-in from a session", 0.78, 0.44, 3, 2, 4_800, 98_000, 540),
    "refresh": Leg("refresh", 0.41, 0.21, 1, 1, 300, 8_000, 260),
    "introspect": Leg("introspection", 0.39, 0.11, 1, 0, 0, 0, 270),
}


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
