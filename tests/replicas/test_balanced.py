"""What the journeys on three processes stand on."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping

import pytest

from broker.clock import Clock
from tests.cli.running import CHECKOUT, clean
from tests.replicas.balanced import REPLICAS, Balancer, Crew
from tests.replicas.replica import PATIENCE
from tests.stage import environment, running_stage


@pytest.fixture
async def answered(postgres_with_keys: str, crew: Crew) -> list[tuple[int, int]]:
    """Which process gave each answer of two sign-ins, and how many it remembers to have given by then."""
    balancers = []

    @contextlib.asynccontextmanager
    async def watched(environ: Mapping[str, str], clock: Clock) -> AsyncIterator[Balancer]:
        async with crew.serving(environ, clock) as balancer:
            balancers.append(balancer)
            yield balancer

    async with running_stage(postgres_with_keys, crew.clock, watched) as stage:
        await stage.sign_in()
        await stage.sign_in()
    return balancers[0].answered


def test_no_two_requests_in_a_row_get_to_the_same_one(answered: list[tuple[int, int]]) -> None:
    processes = [process for process, _ in answered]
    assert len(set(processes)) == REPLICAS
    assert processes == [processes[turn % REPLICAS] for turn in range(len(processes))]


def test_they_are_processes_of_which_none_shares_what_it_remembers(answered: list[tuple[int, int]]) -> None:
    assert os.getpid() not in dict(answered)
    for each in dict(answered):
        counts = [count for process, count in answered if process == each]
        assert counts == list(range(counts[0], counts[0] + len(counts)))


async def test_after_one_died_the_next_test_gets_three(postgres_with_keys: str, crew: Crew) -> None:
    with pytest.raises((EOFError, OSError)):
        async with running_stage(postgres_with_keys, crew.clock, crew.serving):
            crew.members[1][1].kill()
    assert not crew.members
    async with running_stage(postgres_with_keys, crew.clock, crew.serving) as stage:
        await stage.sign_in()


HOLDING = """
import asyncio, json, sys
from tests.replicas.balanced import Crew

async def hold():
    crew = Crew()
    async with crew.serving(json.load(sys.stdin), crew.clock):
        print("serving", flush=True)
        await asyncio.Event().wait()

asyncio.run(hold())
"""


def test_they_end_when_the_process_of_the_tests_is_killed(postgres_with_keys: str) -> None:
    """Each of them has its standard output, which ends with the last of them."""
    environ = environment("http://127.0.0.1:8000", postgres_with_keys, "http://127.0.0.1:8001")
    with subprocess.Popen(
        (sys.executable, "-c", HOLDING),
        env=clean({}),
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as holding:
        assert holding.stdin is not None
        assert holding.stdout is not None
        try:
            json.dump(environ, holding.stdin)
            holding.stdin.close()
            assert holding.stdout.readline() == "serving\n"
            holding.kill()
            ended, _, _ = select.select([holding.stdout], [], [], PATIENCE)
            assert ended == [holding.stdout]
            assert holding.stdout.read() == ""
        finally:
            # Whoever is left, after all.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(holding.pid, signal.SIGKILL)
