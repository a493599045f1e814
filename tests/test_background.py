"""Work beside the requests ends with its block: in good order, or at all."""

import asyncio

import pytest

from broker.background import beside, woken


async def test_what_is_in_hand_at_the_end_is_finished() -> None:
    asked, finished = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await asked.wait()
        for _ in range(3):
            await asyncio.sleep(0)
        finished.set()

    async with beside(work, asked.set, patience=lambda: 1):
        pass
    assert finished.is_set()


async def test_what_does_not_end_is_cut_off() -> None:
    asked = asyncio.Event()
    async with asyncio.timeout(1) as limit:
        async with beside(asyncio.Event().wait, asked.set, patience=lambda: 0):
            assert not asked.is_set()
    assert asked.is_set()
    assert not limit.expired(), "it was the test that ended it"


async def test_what_is_woken_and_cut_off_at_the_same_moment_is_cut_off() -> None:
    """As the outbox is when nothing may be waited for: what it began would keep the process."""
    asked = asyncio.Event()

    async def work() -> None:
        await woken(asked, within=3_600)
        await asyncio.Event().wait()

    async with asyncio.timeout(1) as limit, beside(work, asked.set, patience=lambda: 0):
        await asyncio.sleep(0)
    assert not limit.expired(), "it was the test that ended it"


async def test_the_work_is_asked_to_end_also_when_the_block_fails() -> None:
    asked = asyncio.Event()
    with pytest.raises(LookupError):
        async with beside(asked.wait, asked.set, patience=lambda: 1):
            raise LookupError
    assert asked.is_set()


async def test_what_the_work_raises_comes_out() -> None:
    async def work() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        async with beside(work, lambda: None, patience=lambda: 1):
            pass


async def test_who_waits_for_an_event_waits_no_longer_than_it_takes() -> None:
    event = asyncio.Event()
    assert not await woken(event, within=0.01)
    asyncio.get_running_loop().call_soon(event.set)
    async with asyncio.timeout(1):
        assert await woken(event, within=3_600)
