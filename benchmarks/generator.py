"""The load generator, a process of its own: `python -m benchmarks.generator '{"port": …}'`.

A line of JSON on standard input names a leg and how often; a line on standard output says how it went.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict, dataclass
from statistics import quantiles
from typing import Any

import uvloop

from benchmarks.http import Connection
from benchmarks.journeys import App, Unexpected


@dataclass(frozen=True, slots=True)
class Driven:
    """One leg: wall and own CPU time in seconds, and how long one operation took in milliseconds."""

    operations: int
    seconds: float
    generator_cpu: float
    p50: float
    p95: float
    p99: float


async def drive(
    operate: Callable[[Connection], Awaitable[None]], *, port: int, count: int, at_once: int
) -> Driven:
    """`count` operations over `at_once` connections, each beginning its next when it has done its last."""
    connections = [await Connection.open(port) for _ in range(at_once)]
    tickets = iter(range(count))
    took: list[float] = []
    started, cpu = time.perf_counter(), time.process_time()
    async with asyncio.TaskGroup() as workers:
        for connection in connections:
            workers.create_task(_work(operate, connection, tickets, took))
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    for connection in connections:
        connection.close()
    cuts = quantiles(took, n=100)
    return Driven(count, seconds, cpu, cuts[49] * 1000, cuts[94] * 1000, cuts[98] * 1000)


async def _work(
    operate: Callable[[Connection], Awaitable[None]],
    connection: Connection,
    tickets: Iterator[int],
    took: list[float],
) -> None:
    for _ in tickets:
        began = time.perf_counter()
        await operate(connection)
        took.append(time.perf_counter() - began)


def _obey(plan: dict[str, Any]) -> None:
    app = App(plan["host"], plan["client_id"], plan["client_secret"], plan["redirect_uri"])
    for line in sys.stdin:
        order = json.loads(line)
        operate = getattr(app, order["leg"])
        try:
            driven = uvloop.run(drive(operate, port=plan["port"], count=order["count"], at_once=plan["at_once"]))
        except* (Unexpected, OSError) as failed:
            # One is enough to read; the others went the same way.
            sys.exit(f"The load generator cannot go on: {failed.exceptions[0]}")
        print(json.dumps(asdict(driven)), flush=True)


if __name__ == "__main__":
    _obey(json.loads(sys.argv[1]))
