"""Deliveries happen once, are tried again for an hour, and survive whoever began them."""

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from broker import log_request
from broker import outbox as outboxes
from broker.outbox import Outbox
from broker.store import outbox
from broker.store.database import Database, DatabaseUnavailable, P, StoreFunction, T, Transaction, connect
from broker.store.outbox import Delivery, Outcome
from broker.telemetry import REGISTRY
from tests.stage import HeldClock

KIND = "test"
HOUR = 3600


@dataclass
class Doer:
    """Does deliveries: keeps what it was given, and says what it is told to."""

    outcome: Outcome = Outcome.DONE
    done: list[int] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    may_end: asyncio.Event | None = None
    error: Exception | None = None

    async def __call__(self, payload: Mapping[str, Any]) -> Outcome:
        self.done.append(payload["number"])
        self.begun.set()
        if self.may_end is not None:
            await self.may_end.wait()
        if self.error is not None:
            raise self.error
        return self.outcome


async def put(database: Database, clock: HeldClock, *numbers: int, kind: str = KIND) -> None:
    for number in numbers:
        await database.transact(outbox.put, kind, {"number": number}, expires_at=clock() + HOUR, now=clock())


async def put_taken(database: Database, clock: HeldClock, number: int) -> Delivery:
    delivery = Delivery(f"taken-{number}", KIND, {"number": number}, attempts=1, expires_at=clock() + HOUR)
    await database.transact(outbox.put_taken, delivery, now=clock())
    return delivery


async def rows(database: Database) -> list[dict[str, Any]]:
    async def every(tx: Transaction) -> list[Any]:
        return await tx.all(text("SELECT * FROM outbox ORDER BY due_at"))

    return [dict(row) for row in await database.read(every)]


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in capsys.readouterr().err.splitlines()]


def counted(outcome: str) -> float:
    labels = {"kind": KIND, "outcome": outcome}
    return REGISTRY.get_sample_value("broker_outbox_deliveries_total", labels) or 0.0


async def test_a_delivery_that_is_done_is_gone(database: Database, clock: HeldClock) -> None:
    doer, before = Doer(), counted("done")
    box = Outbox(database, {KIND: doer}, clock)
    await put(database, clock, 1, 2)
    assert await box.deliver_due() == 2
    assert counted("done") - before == 2
    assert sorted(doer.done) == [1, 2]
    assert await rows(database) == []
    assert await box.deliver_due() == 0


async def test_a_failure_is_tried_again_ever_more_rarely_until_an_hour_has_passed(
    database: Database, clock: HeldClock, capsys: pytest.CaptureFixture[str]
) -> None:
    doer = Doer(Outcome.AGAIN)
    box = Outbox(database, {KIND: doer}, clock)
    postponed, given_up = counted("postponed"), counted("given_up")
    await put(database, clock, 1)
    begun, times = clock(), []
    while waiting := await rows(database):
        (row,) = waiting
        clock.now = row["due_at"] - 1
        tried = len(doer.done)
        await box.deliver_due()
        assert len(doer.done) == tried, "before it was due"
        clock.now = row["due_at"]
        await box.deliver_due()
        if len(doer.done) > tried:
            times.append(clock() - begun)
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert pauses == [2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600, 600, 600]
    assert times[-1] < HOUR <= clock() - begun
    (line,) = [line for line in logged(capsys) if line["event"] == "delivery.given_up"]
    assert (line["level"], line["kind"], line["attempts"]) == ("error", KIND, len(times))
    assert (counted("postponed") - postponed, counted("given_up") - given_up) == (len(times), 1)


async def test_a_delivery_that_raises_is_tried_again_and_leaves_the_others_alone(
    database: Database, clock: HeldClock, capsys: pytest.CaptureFixture[str]
) -> None:
    broken, well = Doer(error=RuntimeError("a fault of ours")), Doer()
    box = Outbox(database, {"broken": broken, KIND: well}, clock)
    await put(database, clock, 1, kind="broken")
    await put(database, clock, 2)
    # Of a later release, put by a replica that is newer than this one.
    await put(database, clock, 3, kind="unheard of")
    assert await box.deliver_due() == 3
    assert sorted(row["kind"] for row in await rows(database)) == ["broken", "unheard of"]
    assert well.done == [2]
    assert [line["event"] for line in logged(capsys)] == ["delivery.failed"] * 2
    broken.error = None
    clock.advance(2)
    await box.deliver_due()
    assert [row["kind"] for row in await rows(database)] == ["unheard of"]


async def test_two_replicas_deliver_once(database_url: str, clock: HeldClock) -> None:
    """Each with connections of its own, both looking at the same moment, again and again."""
    async with contextlib.AsyncExitStack() as stack:
        replicas = []
        for _ in range(2):
            database = await connect(database_url, pool_size=5)
            stack.push_async_callback(database.close)
            replicas.append(database)
        doer = Doer()
        await put(replicas[0], clock, *range(60))
        boxes = [Outbox(database, {KIND: doer}, clock) for database in replicas for _ in range(2)]
        tried = 0
        while count := sum(await asyncio.gather(*(box.deliver_due() for box in boxes))):
            tried += count
        assert sorted(doer.done) == list(range(60))
        assert tried == 60
        assert await rows(replicas[0]) == []


async def test_a_replica_that_dies_in_the_middle_leaves_the_delivery_to_the_others(
    database: Database, clock: HeldClock
) -> None:
    """Not before half a minute has passed: until then it may still be at it."""
    dying, living = Doer(may_end=asyncio.Event()), Doer()
    await put(database, clock, 1)
    task = asyncio.create_task(Outbox(database, {KIND: dying}, clock).deliver_due())
    await dying.begun.wait()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    other = Outbox(database, {KIND: living}, clock)
    clock.advance(29)
    assert await other.deliver_due() == 0
    clock.advance(1)
    assert await other.deliver_due() == 1
    assert living.done == [1]


async def test_a_nudge_is_enough_and_a_slow_app_holds_nobody_up(database: Database, clock: HeldClock) -> None:
    slow, quick = Doer(may_end=asyncio.Event()), Doer()
    box = Outbox(database, {"slow": slow, KIND: quick}, clock)
    async with asyncio.timeout(5), box.working():
        await put(database, clock, 1, kind="slow")
        box.nudge()
        await slow.begun.wait()
        await put(database, clock, 2)
        box.nudge()
        await quick.begun.wait()
        assert slow.may_end is not None
        slow.may_end.set()
    assert await rows(database) == []


async def test_what_is_nudged_by_its_id_waits_for_no_slow_app(
    database: Database, clock: HeldClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as there can be hang already, and more are before it."""
    monkeypatch.setattr(outboxes, "_MOST_ROUNDS", 1)
    monkeypatch.setattr(outboxes, "_AT_ONCE", 1)
    slow, quick = Doer(may_end=asyncio.Event()), Doer()
    box = Outbox(database, {"slow": slow, KIND: quick}, clock)
    await put(database, clock, 1, 2, kind="slow")
    async with asyncio.timeout(5), box.working():
        await slow.begun.wait()
        await database.transact(
            outbox.put, KIND, {"number": 3}, delivery_id="named", expires_at=clock() + HOUR, now=clock()
        )
        box.nudge("named")
        async with asyncio.timeout(0.9):
            await quick.begun.wait()
        assert slow.may_end is not None
        slow.may_end.set()
    assert quick.done == [3]


async def test_what_its_writer_begins_is_asked_of_nobody(
    database: Database, clock: HeldClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It needs no look and no taking: others see it as taken. Only that it is done is written down."""
    asked = Spied(database)
    doer, before = Doer(), counted("done")
    box = Outbox(asked, {KIND: doer}, clock)
    monkeypatch.setattr(outboxes, "_LOOK_SECONDS", 3600)
    async with asyncio.timeout(5), box.working():
        await asked.heard.wait()
        delivery = await put_taken(database, clock, 1)
        assert await Outbox(database, {KIND: doer}, clock).deliver_due() == 0
        box.begin(delivery)
        await doer.begun.wait()
    assert asked.functions == [outbox.due, outbox.done]
    assert (doer.done, await rows(database), counted("done") - before) == ([1], [], 1)


async def test_what_its_writer_never_begins_is_done_by_others_after_half_a_minute(
    database: Database, clock: HeldClock
) -> None:
    """The writer has died, is ending, or has too much on its way."""
    await put_taken(database, clock, 1)
    doer = Doer()
    box = Outbox(database, {KIND: doer}, clock)
    clock.advance(29)
    assert await box.deliver_due() == 0
    clock.advance(1)
    assert await box.deliver_due() == 1
    assert (doer.done, await rows(database)) == ([1], [])


async def test_what_is_begun_and_fails_is_tried_again_by_anybody(database: Database, clock: HeldClock) -> None:
    failing, postponed = Doer(Outcome.AGAIN), counted("postponed")
    box = Outbox(database, {KIND: failing}, clock)
    async with asyncio.timeout(5), box.working():
        box.begin(await put_taken(database, clock, 1))
        await failing.begun.wait()
    (row,) = await rows(database)
    assert (row["attempts"], row["due_at"], counted("postponed") - postponed) == (1, clock() + 2, 1)


async def test_what_is_begun_is_no_part_of_the_request_that_asked_for_it(
    database: Database, clock: HeldClock
) -> None:
    """Its lines come when that request has long been answered, and do not name it."""
    requests: list[str | None] = []

    async def doer(_: Mapping[str, Any]) -> Outcome:
        requests.append(log_request.current_id())
        return Outcome.DONE

    box = Outbox(database, {KIND: doer}, clock)
    async with asyncio.timeout(5), box.working():
        log_request.begin("a-request")
        box.begin(await put_taken(database, clock, 1))
    assert requests == [None]


async def test_so_many_are_begun_at_once_and_no_more(
    database: Database, clock: HeldClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host that hangs fills no memory with those who wait for it; what ends makes room."""
    monkeypatch.setattr(outboxes, "_MOST_BEGUN", 2)
    doer = Doer(may_end=asyncio.Event())
    assert doer.may_end is not None
    box = Outbox(database, {KIND: doer}, clock)
    async with asyncio.timeout(5), box.working():
        for number in (1, 2, 3):
            box.begin(await put_taken(database, clock, number))
        await doer.begun.wait()
        doer.may_end.set()
        left = await rows(database)
        while len(left) > 1:
            await asyncio.sleep(0)
            left = await rows(database)
        box.begin(await put_taken(database, clock, 4))
    assert sorted(doer.done) == [1, 2, 4]
    assert [row["id"] for row in await rows(database)] == ["taken-3"]


async def test_nothing_is_begun_before_the_work_or_at_its_end(database: Database, clock: HeldClock) -> None:
    """It waits for its lease to end, as if its writer had died."""
    doer, last = Doer(may_end=asyncio.Event()), await put_taken(database, clock, 1)
    assert doer.may_end is not None
    box = Outbox(database, {KIND: doer}, clock)
    box.begin(last)
    async with asyncio.timeout(5), box.working():
        box.begin(await put_taken(database, clock, 2))
        await doer.begun.wait()
        asyncio.get_running_loop().call_soon(box.begin, last)
        asyncio.get_running_loop().call_later(0.05, doer.may_end.set)
    box.begin(last)
    async with box.working():
        # Nor when it is to work again, and has not begun to.
        box.begin(last)
    assert doer.done == [2]
    assert [row["id"] for row in await rows(database)] == ["taken-1"]


async def test_the_row_of_a_delivery_may_go_with_what_was_done(database: Database, clock: HeldClock) -> None:
    asked = Spied(database)
    doer, before = Doer(Outcome.CLEARED), counted("done")
    await put(database, clock, 1)
    assert await Outbox(asked, {KIND: doer}, clock).deliver_due() == 1
    assert asked.functions == [outbox.due, outbox.take]
    assert counted("done") - before == 1


async def test_without_a_nudge_it_is_found_within_a_second(database: Database, clock: HeldClock) -> None:
    """Another replica wrote it, and has died before it could deliver."""
    doer = Doer()
    async with Outbox(database, {KIND: doer}, clock).working():
        await put(database, clock, 1)
        async with asyncio.timeout(1.5):
            await doer.begun.wait()


async def test_the_end_waits_for_what_is_on_its_way(database: Database, clock: HeldClock) -> None:
    """Cut off, it would be delivered a second time by another replica."""
    doer = Doer(may_end=asyncio.Event())
    assert doer.may_end is not None
    box = Outbox(database, {KIND: doer}, clock)
    await put(database, clock, 1)
    async with asyncio.timeout(5), box.working():
        await doer.begun.wait()
        asyncio.get_running_loop().call_later(0.05, doer.may_end.set)
    assert await rows(database) == []


async def test_the_end_does_not_wait_for_ever(
    database: Database, clock: HeldClock, capsys: pytest.CaptureFixture[str]
) -> None:
    doer = Doer(may_end=asyncio.Event())
    await put(database, clock, 1)
    async with asyncio.timeout(5), Outbox(database, {KIND: doer}, clock, patience=lambda: 0.01).working():
        await doer.begun.wait()
    (row,) = await rows(database)
    assert (row["attempts"], row["due_at"]) == (1, clock() + 30)
    assert logged(capsys) == []


@dataclass
class Spied:
    """A database that keeps what it was asked for."""

    inner: Database
    functions: list[object] = field(default_factory=list)
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    dialect: str = "spied"

    async def run(self, function: StoreFunction[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        self.functions.append(function)
        self.heard.set()
        return await self.inner.run(function, *args, **kwargs)

    transact = run
    read = run

    async def close(self) -> None:
        await self.inner.close()


@dataclass
class Away:
    """A database that is away when asked for `what`, so many times; each time somebody hears of it."""

    inner: Database
    what: object
    times: int
    heard: Callable[[], None]
    dialect: str = "away"

    async def run(self, function: StoreFunction[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        if function is self.what and self.times > 0:
            self.times -= 1
            self.heard()
            raise DatabaseUnavailable("away")
        return await self.inner.run(function, *args, **kwargs)

    transact = run
    read = run

    async def close(self) -> None:
        await self.inner.close()


@pytest.mark.parametrize("what", [outbox.due, outbox.take])
async def test_the_database_may_go_away_and_come_back(
    database: Database, clock: HeldClock, capsys: pytest.CaptureFixture[str], what: object
) -> None:
    doer = Doer()
    away = Away(database, what, 2, lambda: box.nudge())
    box = Outbox(away, {KIND: doer}, clock)
    await put(database, clock, 1)
    async with asyncio.timeout(5), box.working():
        await doer.begun.wait()
    assert await rows(database) == []
    assert [line["event"] for line in logged(capsys)] == ["outbox.waiting"] * 2


async def test_a_delivery_whose_end_is_not_written_down_breaks_off_no_other(
    database: Database, clock: HeldClock
) -> None:
    """The one is made again, when its lease is over; the other is finished first."""
    quick, slow = Doer(), Doer(may_end=asyncio.Event())
    assert slow.may_end is not None
    away = Away(database, outbox.done, 1, slow.may_end.set)
    box = Outbox(away, {KIND: quick, "slow": slow}, clock)
    await put(database, clock, 1)
    await put(database, clock, 2, kind="slow")
    with pytest.raises(DatabaseUnavailable):
        await box.deliver_due()
    assert [row["kind"] for row in await rows(database)] == [KIND]
    clock.advance(30)
    assert await box.deliver_due() == 1
    assert (quick.done, slow.done) == ([1, 1], [2])
