"""Servers for tests that are not written as coroutines, or that share what takes long to start."""

import asyncio
import contextlib
import random
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

from starlette.types import ASGIApp

from broker import app, settings
from broker.demo.addresses import Addresses
from broker.demo.check import Target
from broker.demo.run import running
from broker.demo.servers import CannotServe, listen

T = TypeVar("T")


@contextlib.contextmanager
def in_thread(begin: Callable[[], AbstractAsyncContextManager[T]]) -> Iterator[T]:
    """Enter the context in an event loop of its own, in a thread of its own, for the length of the block."""
    begun: Future[T] = Future()
    end = threading.Event()

    async def live() -> None:
        async with begin() as value:
            begun.set_result(value)
            await asyncio.to_thread(end.wait)

    def work() -> None:
        try:
            asyncio.run(live())
        except BaseException as error:
            if begun.done():
                raise
            begun.set_exception(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield begun.result(30)
    finally:
        end.set()
        thread.join(30)


def free_addresses() -> Addresses:
    """Three ports in a row that nobody uses, below those that systems give to outgoing connections."""
    while True:
        first = random.randrange(15_000, 32_000, 3)
        with contextlib.ExitStack() as held, contextlib.suppress(CannotServe):
            for port in range(first, first + 3):
                for opened in listen(port):
                    held.callback(opened.close)
            return Addresses(first)


def broker(environ: Mapping[str, str]) -> AbstractAsyncContextManager[ASGIApp]:
    """The real one."""
    return app.running(settings.load(environ))


@contextlib.asynccontextmanager
async def demo() -> AsyncIterator[Target]:
    """The whole demo, on ports that are free."""
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(20):
            with contextlib.suppress(CannotServe):
                target = await stack.enter_async_context(running(free_addresses(), broker))
                break
        else:
            raise CannotServe("no three free ports in a row")
        yield target
