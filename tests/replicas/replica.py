"""What a replica's process runs: brokers, one after the other, each for as long as it is told to.

All that a process remembers it alone remembers: it is begun by another one that has read these modules, and has
done nothing. That one is what makes three of them cheap.
"""

import asyncio
import contextlib
import itertools
import multiprocessing
import os
import signal
import warnings
from collections.abc import MutableMapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from broker import settings
from broker.app import running
from broker.clock import Clock
from broker.simulator.serve import running as serving
from tests.stage import HeldClock

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload([__name__])
SIGNED = b"replica"
"""A header of every answer: the number of the process, and of how many it has given by then."""
PATIENCE = 30
"""Seconds in which a replica begins, or ends."""

_answers = itertools.count(1)


class SharedClock(HeldClock):
    """A clock that stands still in every process that began with it, until one of them moves it."""

    def __init__(self) -> None:
        # No lock: eight bytes are read and written as one.
        self._cell = CONTEXT.RawValue("q")
        super().__init__()

    @property
    def now(self) -> int:
        """What all of them read."""
        read: int = self._cell.value
        return read

    @now.setter
    def now(self, seconds: int) -> None:
        self._cell.value = seconds


async def heard(pipe: Connection) -> Any:
    """What comes through the pipe next. Raises `EOFError` when nobody holds its other end any more."""
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(pipe.fileno(), ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(pipe.fileno())
    return pipe.recv()


def work(clock: Clock, pipe: Connection) -> None:
    """Begin a broker for settings that come through the pipe, and end it at the next word; tell when that is done.

    It goes on until nobody holds the other end: who did may have been killed.
    """
    # As in the process of the tests; and who is interrupted there ends us.
    warnings.simplefilter("error")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(EOFError, BrokenPipeError):
        asyncio.run(_work(clock, pipe))


async def _work(clock: Clock, pipe: Connection) -> None:
    while True:
        environ = await heard(pipe)
        async with running(settings.load(environ), clock=clock) as broker, serving(_Signing(broker)) as origin:
            pipe.send(origin)
            try:
                await heard(pipe)
            except EOFError:
                # Nobody is left who would end us by force.
                signal.alarm(PATIENCE)
                raise
        pipe.send("ended")


@dataclass(frozen=True)
class _Signing:
    broker: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def signed(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (SIGNED, b"%d %d" % (os.getpid(), next(_answers)))]
            await send(message)

        await self.broker(scope, receive, signed)
