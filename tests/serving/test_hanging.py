"""A worker that hangs is killed, and so replaced; one that answers, or was frozen with everybody else, is not."""

import asyncio
import json
import signal
import threading
from multiprocessing.connection import Connection, Pipe
from typing import Any, cast

import click
import pytest

from broker.cli.supervising import _ASK_SECONDS, _MOST_UNANSWERED, _Supervisor, _Worker
from broker.cli.worker import ALIVE, ASKED, DRAIN, SERVING, STOP, Obedience
from broker.leaving import Leaving
from tests.cli.running import PATIENCE


class Process:
    """What a supervisor sees of one."""

    pid = 7
    killed = False
    exitcode: int | None = None

    def __init__(self) -> None:
        self.sentinel, self._alive = Pipe()

    def kill(self) -> None:
        self.killed = True
        self.exitcode = -signal.SIGKILL
        self._alive.close()


@pytest.fixture
def seconds() -> list[float]:
    return [1_000.0]


@pytest.fixture
def supervised(seconds: list[float]) -> tuple[_Supervisor, _Worker, Connection]:
    """A supervisor, its one worker, which serves, and that worker's end of the line."""
    ours, theirs = Pipe()
    worker = _Worker(cast("Any", Process()), cast("Any", ours), 0.0, serves=True)
    return _Supervisor([], 1, 60.0, lambda: seconds[0], [worker]), worker, cast("Any", theirs)


def test_who_does_not_answer_for_a_minute_is_killed(
    supervised: tuple[_Supervisor, _Worker, Connection], seconds: list[float], capfd: pytest.CaptureFixture[str]
) -> None:
    supervisor, worker, line = supervised
    for _ in range(_MOST_UNANSWERED):
        supervisor._ask()
        # Sooner it asks nobody.
        supervisor._ask()
        assert not cast("Any", worker.process).killed
        seconds[0] += _ASK_SECONDS
    assert line.recv_bytes() == ASKED
    assert not line.poll()
    supervisor._ask()
    assert cast("Any", worker.process).killed
    assert json.loads(capfd.readouterr().err)["event"] == "worker.hangs"


def test_who_has_not_ended_in_time_is_killed_and_that_is_no_good_end(
    supervised: tuple[_Supervisor, _Worker, Connection], seconds: list[float]
) -> None:
    supervisor, worker, line = supervised
    with supervisor.hearing_signals():
        supervisor._end(signal.SIGTERM)
        assert line.recv_bytes() == DRAIN
        seconds[0] += 59.9
        supervisor._kill_late()
        assert not cast("Any", worker.process).killed
        seconds[0] += 0.2
        with pytest.raises(click.ClickException, match="did not end in time and was killed"):
            supervisor.run()
    assert cast("Any", worker.process).killed


@pytest.mark.parametrize(("serves", "word"), [(True, DRAIN), (False, STOP)])
def test_only_who_serves_has_anybody_to_serve_on_for(
    supervised: tuple[_Supervisor, _Worker, Connection], serves: bool, word: bytes
) -> None:
    supervisor, worker, line = supervised
    worker.serves = serves
    supervisor._end(signal.SIGTERM)
    assert line.recv_bytes() == word


def test_who_answers_in_the_end_and_who_was_frozen_with_the_supervisor_lives(
    supervised: tuple[_Supervisor, _Worker, Connection], seconds: list[float]
) -> None:
    supervisor, worker, line = supervised
    for _ in range(3):
        for _ in range(_MOST_UNANSWERED):
            supervisor._ask()
            seconds[0] += 3_600
        line.send_bytes(ALIVE)
        worker.listen()
    supervisor._ask()
    assert not cast("Any", worker.process).killed
    assert worker.serves


async def test_the_loop_answers_and_nobody_in_its_place() -> None:
    ours, theirs = Pipe()
    obedience = Obedience(cast("Any", theirs), Leaving(0, 0, lambda: 0.0))
    obedience.begin()
    assert ours.recv_bytes() == SERVING
    obeying = threading.Thread(target=obedience.obey, daemon=True)
    obeying.start()
    ours.send_bytes(ASKED)
    # As long as this function runs the loop hangs.
    assert not ours.poll(0.05)
    assert await asyncio.to_thread(ours.poll, PATIENCE)
    assert ours.recv_bytes() == ALIVE
    ours.close()
    obeying.join()
    assert obedience.end.begun
