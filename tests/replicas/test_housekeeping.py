"""Every replica could purge; one at a time does, a little at a time, and another one when it dies."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from broker import housekeeping
from broker.clock import stopwatch
from broker.housekeeping import Housekeeping
from broker.store import audit, leases, purging
from broker.store.database import Database, SchemaMismatch, Transaction, connect
from broker.telemetry import REGISTRY
from tests.by_hand import execute
from tests.stage import HeldClock, running_stage
from tests.store.rows import row

DAY = 86_400
ROUND = 60
LEASE = 30


@pytest.fixture
async def database(empty_database_url: str) -> AsyncIterator[Database]:
    opened = await connect(empty_database_url)
    yield opened
    await opened.close()


@pytest.fixture
def rests(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was rested after each batch; nobody waits for it."""
    heard: list[float] = []

    async def rested(_: Housekeeping, seconds: float) -> bool:
        heard.append(seconds)
        await asyncio.sleep(0)
        return False

    monkeypatch.setattr(Housekeeping, "_stopped_within", rested)
    return heard


async def names(database: Database, *, expired: int, live: int = 0) -> None:
    """Names that count once, of which so many may be forgotten."""
    blob = "BLOB" if database.dialect == "sqlite" else "BYTEA"
    end = f"CASE WHEN i < {expired} THEN i ELSE 9999999999 END"
    await execute(
        database,
        f"INSERT INTO spent_ids SELECT CAST('name ' || i AS {blob}), {end}"
        f" FROM (WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {expired + live - 1})"
        " SELECT * FROM n) AS numbers",
    )


async def left(database: Database) -> int:
    found: int = (await row(database, "SELECT count(*) AS found FROM spent_ids"))["found"]
    return found


def purged() -> float:
    return REGISTRY.get_sample_value("broker_purged_rows_total", {"table": "spent_ids"}) or 0.0


async def test_a_round_deletes_all_that_is_over_and_nothing_else(
    database: Database, clock: HeldClock, rests: list[float]
) -> None:
    await names(database, expired=1_200, live=7)
    before = purged()
    counts = await Housekeeping(database, clock, stopwatch).look()
    assert counts == {**dict.fromkeys(purging.KINDS, 0), "spent_ids": 1_200}
    assert (await left(database), purged() - before) == (7, 1_200)
    # After each batch of a hundred, and after the last of each other table.
    assert len(rests) == 12 + len(purging.KINDS)


async def test_of_several_replicas_one_at_a_time_does_a_round_a_minute(
    database: Database, clock: HeldClock, rests: list[float]
) -> None:
    keepers = [Housekeeping(database, clock, stopwatch) for _ in range(3)]
    for _ in range(3):
        await names(database, expired=600)
        rounds = await asyncio.gather(*(keeper.look() for keeper in keepers))
        assert sorted(counts["spent_ids"] for counts in rounds if counts is not None) == [600]
        clock.advance(ROUND - 1)
        assert [await keeper.look() for keeper in keepers] == [None] * 3
        clock.advance(1)


async def test_who_dies_in_a_round_is_followed_within_half_a_minute(
    database: Database, clock: HeldClock, rests: list[float]
) -> None:
    await names(database, expired=5)

    async def dies(_: Housekeeping, _seconds: float) -> bool:
        raise asyncio.CancelledError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Housekeeping, "_stopped_within", dies)
        with pytest.raises(asyncio.CancelledError):
            await Housekeeping(database, clock, stopwatch).look()
    keeper = Housekeeping(database, clock, stopwatch)
    clock.advance(LEASE - 1)
    assert await keeper.look() is None
    clock.advance(1)
    assert await keeper.look() is not None
    assert await left(database) == 0


async def test_a_long_round_keeps_its_lease(database: Database, clock: HeldClock, rests: list[float]) -> None:
    await names(database, expired=2_000)
    rested, other = Housekeeping._stopped_within, Housekeeping(database, clock, stopwatch)
    answers = []

    async def slowly(keeper: Housekeeping, seconds: float) -> bool:
        clock.advance(9)
        if keeper is not other:
            answers.append(await other.look())
        return await rested(keeper, seconds)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Housekeeping, "_stopped_within", slowly)
        counts = await Housekeeping(database, clock, stopwatch).look()
    assert counts is not None
    assert counts["spent_ids"] == 2_000
    assert set(map(str, answers)) == {"None"}
    assert len(answers) > 10


async def test_who_was_stopped_so_long_that_another_one_took_over_stops(
    database: Database, clock: HeldClock, rests: list[float]
) -> None:
    await names(database, expired=2_000)
    rested, other = Housekeeping._stopped_within, Housekeeping(database, clock, stopwatch)

    async def frozen(keeper: Housekeeping, seconds: float) -> bool:
        if keeper is not other:
            clock.advance(LEASE)
            assert await database.run(leases.take, "purge", holder="other", until=clock() + LEASE, now=clock())
        return await rested(keeper, seconds)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Housekeeping, "_stopped_within", frozen)
        counts = await Housekeeping(database, clock, stopwatch).look()
    assert counts is not None
    assert sum(counts.values()) < 2_000
    held = await row(database, "SELECT holder, until FROM leases")
    assert held == {"holder": "other", "until": clock() + LEASE}


async def test_it_rests_nine_times_as_long_as_a_batch_took(
    database: Database, clock: HeldClock, rests: list[float]
) -> None:
    """A slow database is given time; a fast one is not kept waiting."""
    ticks = iter(range(10_000))
    await Housekeeping(database, clock, lambda: next(ticks) * 0.25).look()
    assert rests == [2.25] * len(purging.KINDS)
    rests.clear()
    clock.advance(ROUND)
    await Housekeeping(database, clock, lambda: 1.0).look()
    assert rests == [0.01] * len(purging.KINDS)


async def test_a_swept_table_in_which_nothing_is_over_is_looked_at_a_piece_a_round(
    database: Database, clock: HeldClock, rests: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where one round ended the next one goes on; after the last row it begins anew."""
    monkeypatch.setattr(housekeeping, "_MOST", 2)
    monkeypatch.setattr(housekeeping, "_BARREN", 3)
    for number in range(10, 30):
        await execute(database, f"INSERT INTO outbox VALUES ('{number}', 'kind', '[]', 0, 1, {clock() * 2})")
    keeper = Housekeeping(database, clock, stopwatch)
    keeper._places["outbox"] = ""
    ends = []
    for _ in range(5):
        assert await keeper.look() is not None
        ends.append(keeper._places["outbox"])
        clock.advance(ROUND)
    assert ends == ["15", "21", "27", "", "15"]


async def test_it_goes_on_after_the_database_was_away_and_ends_with_the_process(
    database: Database, clock: HeldClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "_LOOK_SECONDS", 0.01)
    await names(database, expired=3)
    await database.run(rename, "leases", "hidden")
    missed, done = asyncio.Event(), asyncio.Event()

    class Watched(Housekeeping):
        async def look(self) -> dict[str, int] | None:
            try:
                counts = await super().look()
            except SchemaMismatch:
                missed.set()
                raise
            done.set()
            return counts

    async with Watched(database, clock, stopwatch).working():
        await asyncio.wait_for(missed.wait(), 10)
        await database.run(rename, "hidden", "leases")
        await asyncio.wait_for(done.wait(), 10)
    assert await left(database) == 0
    assert not [task for task in asyncio.all_tasks() if "_work" in str(task.get_coro())]


async def test_the_service_purges_by_itself_and_keeps_the_audit_for_as_long_as_is_set(
    sqlite_url: str, clock: HeldClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "_LOOK_SECONDS", 0.01)
    database = await connect(sqlite_url)
    await names(database, expired=3, live=2)
    for days in (1, 2, 3):
        await database.transact(audit.record, "sign_in", actor="user", reason=f"{days}", now=clock() - days * DAY)
    async with asyncio.timeout(10), running_stage(sqlite_url, clock, BROKER_AUDIT_RETENTION="2d") as stage:
        while len(kept := await database.read(audit.newest, most=9)) > 1:
            # The broker runs in this loop.
            await stage.http.get("/healthz")
    assert [event.reason for event in kept] == ["1"]
    assert await left(database) == 2
    await database.close()


async def rename(tx: Transaction, table: str, to: str) -> None:
    await tx.all(text(f"ALTER TABLE {table} RENAME TO {to}"))
