"""What the load generator can do at most, leg by leg."""

import tempfile
from pathlib import Path

from benchmarks.connections import Driven
from benchmarks.nothing import NOTHING
from benchmarks.processes import Generator, free_port, generating
from benchmarks.rounds import AT_ONCE, Effort, keep_apart
from benchmarks.running import running
from benchmarks.targets import Place


def measure(effort: Effort) -> dict[str, Driven]:
    """By leg what it reaches at a target that does nothing, on the core that is the service's later."""
    with tempfile.TemporaryDirectory(prefix="broker-bench-") as scratch:
        place = Place(free_port(), free_port(), "", 1, Path(scratch))
        program = NOTHING.prepare(place)
        with (
            running(program, place.port, log=place.folder / "log", cores=keep_apart()),
            generating(**program.plan(place, at_once=AT_ONCE)) as generator,
        ):
            return {leg: _played(generator, leg, effort.operations(leg)) for leg in effort.legs}


def _played(generator: Generator, leg: str, count: int) -> Driven:
    generator.stock(leg, 2 * count)
    generator.drive(leg, count)
    return generator.drive(leg, count)
