"""Work that goes on beside the requests, in a task of its own."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any


def a_while() -> float:
    """The seconds that work has left at its end, unless somebody knows better."""
    return 6.0


@contextlib.asynccontextmanager
async def beside(
    work: Callable[[], Coroutine[Any, Any, object]],
    stop: Callable[[], None],
    *,
    patience: Callable[[], float] = a_while,
) -> AsyncIterator[None]:
    """Run `work` for the length of the block.

    Then `stop` asks it to end, and after as many seconds as `patience` then answers it is cut off. What it raises
    comes out at the end of the block.
    """
    task = asyncio.create_task(work())
    try:
        yield
    finally:
        stop()
        try:
            await asyncio.wait({task}, timeout=patience())
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def woken(event: asyncio.Event, *, within: float) -> bool:
    """Wait for the event, so many seconds at most; whether it has happened."""
    with contextlib.suppress(TimeoutError):
        # Not wait_for: in Python 3.11 it forgets that it was cancelled when both happen at the same moment.
        async with asyncio.timeout(within):
            await event.wait()
    return event.is_set()
