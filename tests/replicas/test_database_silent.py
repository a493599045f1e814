"""A database that takes connections and says nothing: nobody waits for it longer than two seconds."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable

import asyncpg
import httpx
import pytest
from sqlalchemy import text

from broker.clock import stopwatch
from broker.store import clients
from broker.store.database import Database, DatabaseUnavailable, Transaction, connect
from broker.store.postgresql import PostgresDatabase
from broker.store.reaching import each_host, reach
from tests.journeys.proxy import Proxy, proxied
from tests.postgres import PostgresServer
from tests.stage import WEB_REDIRECT, HeldClock, Stage, answer_in, running_stage
from tests.store.rows import NOW

TWO_SECONDS = 2.0
URL = "postgresql://broker:secret@{hosts}/name"


@pytest.fixture
async def proxy(postgres_with_keys: str) -> AsyncIterator[Proxy]:
    async with proxied(postgres_with_keys) as ready:
        yield ready


async def add(tx: Transaction, name: str) -> bool:
    """Something to write."""
    return await clients.add(tx, name, {}, None, now=NOW)


async def timed(request: Awaitable[httpx.Response]) -> httpx.Response:
    """Its answer, which must not take long."""
    began = stopwatch()
    answer = await request
    assert stopwatch() - began < TWO_SECONDS, answer.request.url
    return answer


async def test_everybody_is_told_to_come_back_and_soon_after_its_return_everything_goes_on(
    proxy: Proxy, clock: HeldClock
) -> None:
    async with running_stage(proxy.url, clock, BROKER_DATABASE_STATEMENT_TIMEOUT="1s") as stage:
        tokens = await stage.sign_in()
        browser = await stage.browser()
        sent = await stage.authorize(browser, stage.question())
        callback = await stage.consent(browser, sent.headers["location"])
        proxy.silence()
        asked = [*questions(stage, tokens), browser.get(callback)]
        *answers, back = await asyncio.gather(*map(timed, asked))
        assert {answer.status_code for answer in answers} == {503}
        assert {answer.headers["retry-after"] for answer in answers} == {"2"}
        assert back.headers["location"].startswith(WEB_REDIRECT)
        assert answer_in(back.headers["location"])["error"] == "temporarily_unavailable"
        proxy.flow()
        returned = stopwatch()
        async with asyncio.timeout(TWO_SECONDS):
            while (again := await stage.refresh(tokens["refresh_token"])).status_code == 503:
                pass
        assert again.status_code == 200
        assert stopwatch() - returned < TWO_SECONDS
        # Connections from before are made anew while they are asked for: on a busy machine not all at once.
        async with asyncio.timeout(5 * TWO_SECONDS):
            while await all_at_once(stage, again.json()["access_token"]) != {200}:
                pass


async def test_connections_that_nobody_closes_in_order_are_left_without_a_traceback(proxy: Proxy) -> None:
    """Idle ones lead to the same silent server: the pool closes them in tasks that nobody waits for."""
    untold: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: untold.append(context))
    database = await connect(proxy.url, statement_timeout=0.4)
    both = asyncio.Barrier(2)

    async def at_once(_: Transaction) -> None:
        await both.wait()

    await asyncio.gather(database.read(at_once), database.read(at_once))
    proxy.silence()
    for many in (1, 2):
        asked = [database.read(clients.every) for _ in range(many)]
        assert {type(each) for each in await asyncio.gather(*asked, return_exceptions=True)} == {
            DatabaseUnavailable
        }
    closing = [task for task in asyncio.all_tasks() if "Connection.close" in repr(task)]
    assert closing
    await asyncio.wait(closing)
    await database.close()
    del closing
    gc.collect()
    assert untold == []


async def all_at_once(stage: Stage, token: str) -> set[int]:
    return {answer.status_code for answer in await asyncio.gather(*(stage.userinfo(token) for _ in range(30)))}


def questions(stage: Stage, tokens: dict[str, str]) -> list[Awaitable[httpx.Response]]:
    """Three times as many at once as there are connections."""
    return [
        each
        for _ in range(8)
        for each in (
            stage.refresh(tokens["refresh_token"]),
            stage.redeem("brc_x"),
            stage.userinfo(tokens["access_token"]),
            stage.http.get("/readyz"),
        )
    ]


async def test_a_transaction_that_meets_silence_is_given_up_as_quickly_and_leaves_nothing(proxy: Proxy) -> None:
    """It is not asked to roll back, which would have to be waited for once more."""
    database = await connect(proxy.url, statement_timeout=0.5)

    async def both(tx: Transaction) -> None:
        await add(tx, "half")
        proxy.silence()
        await add(tx, "never")

    began = stopwatch()
    with pytest.raises(DatabaseUnavailable):
        await database.transact(both)
    assert stopwatch() - began < 1
    proxy.flow()
    # Two may be refused: connections that were made before are not trusted, and made anew.
    assert await database.read(clients.every) == []
    await database.close()


@pytest.mark.parametrize("way", ["read", "transact"])
async def test_when_one_connection_was_lost_without_a_word_the_others_are_made_anew(
    proxy: Proxy, way: str
) -> None:
    """As when an address moves to another server: nobody else waits to find out that theirs is dead, too.

    A transaction notices at its BEGIN.
    """
    database = await connect(proxy.url, pool_size=4, statement_timeout=0.5)
    await asyncio.gather(*(pause(database) for _ in range(4)))
    proxy.lose()
    with pytest.raises(DatabaseUnavailable):
        await getattr(database, way)(clients.every)
    for _ in range(4):
        assert await database.read(clients.every) == []
    assert await asyncio.gather(*(database.read(clients.every) for _ in range(4))) == [[]] * 4
    await database.close()


async def pause(database: Database) -> None:
    """Use a connection for a moment, so that others need their own."""

    async def ask(tx: Transaction) -> None:
        await tx.one(text("SELECT true FROM pg_sleep(0.05)"))

    await database.read(ask)


async def test_a_server_that_takes_no_writes_any_more_is_left(proxy: Proxy, postgres: PostgresServer) -> None:
    """As a primary that has been made a standby: its connections live on, and are good for nothing."""
    database = await connect(proxy.url, pool_size=1)
    before = await backend(database)
    postgres.run("ALTER SYSTEM SET default_transaction_read_only = on")
    try:
        postgres.run("SELECT pg_reload_conf()")
        with pytest.raises(DatabaseUnavailable, match="read-only"):
            await asyncio.wait_for(write_on(database), 10)
    finally:
        postgres.run("ALTER SYSTEM RESET default_transaction_read_only")
        postgres.run("SELECT pg_reload_conf()")
    assert await backend(database) != before
    await database.close()


async def write_on(database: Database) -> None:
    """Until it is refused."""
    while await database.run(add, "c1"):
        await database.run(clients.remove, "c1", now=NOW)


async def test_a_statement_that_waits_for_somebody_is_ended_by_the_server_and_its_connection_kept(
    proxy: Proxy,
) -> None:
    database = await connect(proxy.url, pool_size=1, statement_timeout=0.2)
    await database.run(add, "c1")
    before = await backend(database)
    other = await asyncpg.connect(proxy.url)
    async with other.transaction():
        await other.execute("UPDATE clients SET version = 2")
        with pytest.raises(DatabaseUnavailable, match="statement timeout"):
            await database.run(clients.disable, "c1", now=NOW)
    await other.close()
    assert await database.run(clients.disable, "c1", now=NOW)
    assert await backend(database) == before
    await database.close()


async def backend(database: Database) -> int:
    """The server's process behind the one connection."""

    async def ask(tx: Transaction) -> int:
        row = await tx.one(text("SELECT pg_backend_pid() AS pid"))
        assert row is not None
        return int(row["pid"])

    return await database.read(ask)


async def test_a_transaction_that_goes_on_with_nothing_is_ended_by_the_server(proxy: Proxy) -> None:
    """As when its process is frozen: what it holds is let go, and nobody waits for it."""
    frozen, awake = await connect(proxy.url, idle_timeout=0.1), await connect(proxy.url)
    written, go_on = asyncio.Event(), asyncio.Event()

    async def freeze(tx: Transaction) -> None:
        await add(tx, "c1")
        written.set()
        await go_on.wait()
        await add(tx, "c2")

    freezing = asyncio.create_task(frozen.transact(freeze))
    await written.wait()
    # It waits until the other one has been ended.
    assert await awake.run(add, "c1")
    go_on.set()
    with pytest.raises(DatabaseUnavailable):
        await freezing
    assert [client.client_id for client in await frozen.read(clients.every)] == ["c1"]
    await frozen.close()
    await awake.close()


async def test_the_service_connects_as_its_settings_say(
    sqlite_url: str, clock: HeldClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What each of them does is told above; that they reach the database is told here."""
    heard: list[dict[str, int]] = []

    async def connected(url: str, **settings: int) -> Database:
        heard.append(settings)
        return await connect(url, **settings)

    monkeypatch.setattr("broker.app.connect", connected)
    changes = {
        "BROKER_DATABASE_POOL": "3",
        "BROKER_DATABASE_STATEMENT_TIMEOUT": "4s",
        "BROKER_DATABASE_IDLE_TIMEOUT": "7s",
    }
    async with running_stage(sqlite_url, clock, **changes):
        assert heard == [{"pool_size": 3, "statement_timeout": 4, "idle_timeout": 7}]


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        (URL.format(hosts="one"), [URL.format(hosts="one")]),
        (
            URL.format(hosts="one,two:6000") + "?sslmode=require",
            [
                URL.format(hosts=host) + "?sslmode=require&target_session_attrs=read-write"
                for host in ("one", "two:6000")
            ],
        ),
        (
            URL.format(hosts="one,[::1]:1") + "?target_session_attrs=any",
            [URL.format(hosts=host) + "?target_session_attrs=any" for host in ("one", "[::1]:1")],
        ),
    ],
)
def test_of_several_hosts_each_is_asked_for_one_that_takes_writes(url: str, hosts: list[str]) -> None:
    assert each_host(url) == tuple(hosts)


async def test_a_host_that_says_nothing_does_not_keep_from_asking_the_next(proxy: Proxy) -> None:
    """Wherever in the list it stands, and nothing of the asking is left open."""
    mute = Proxy(proxy.host, proxy.port)
    await mute.mend()
    port = mute.listens_on
    before = proxy.url.replace("@127.0.0.1:", f"@127.0.0.1:{port},127.0.0.1:")
    behind = f"{proxy.url.rpartition('/')[0]},127.0.0.1:{port}/{proxy.url.rpartition('/')[2]}"
    for url in (before, behind):
        database = await connect(url, statement_timeout=1)
        # Within the time for getting a connection, half a second, which the silent one alone would use up.
        await expire(database)
        assert await database.read(clients.every) == []
        await database.close()
        connection = await reach(each_host(url), timeout=5)
        await connection.close()
    await mute.cut()
    assert [task for task in asyncio.all_tasks() if "connect" in str(task.get_coro())] == []


async def expire(database: Database) -> None:
    """Have every connection made anew before its next use."""
    assert isinstance(database, PostgresDatabase)
    await database._pool.expire_connections()


async def test_with_no_host_that_answers_it_is_unavailable(proxy: Proxy) -> None:
    url = proxy.url.replace("@127.0.0.1:", "@127.0.0.1:1,127.0.0.1:")
    database = await connect(url, statement_timeout=0.2)
    await proxy.cut()
    with pytest.raises(DatabaseUnavailable):
        await database.read(clients.every)
    with pytest.raises(DatabaseUnavailable):
        await connect(url)
    await database.close()
