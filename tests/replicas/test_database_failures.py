"""PostgreSQL restarts, dies and moves to its standby while apps refresh: they wait a moment, and lose nothing."""

import asyncio
from collections.abc import Iterator

import pytest

from broker.clock import stopwatch
from broker.store import migrations, revision
from tests.postgres import PostgresServer
from tests.replicas.load import Chain, Load
from tests.replicas.nodes import Node, copy_of
from tests.stage import HeldClock, Stage, running_stage

TWO_SECONDS = 2.0
CHAINS = 4


@pytest.fixture(scope="module")
def primary(postgres: PostgresServer, postgres_template: str) -> Iterator[Node]:
    """A server of our own."""
    with copy_of(postgres) as node:
        node.start()
        yield node


@pytest.fixture
def fresh_url(primary: Node, postgres_template: str) -> str:
    """A database on it."""
    return primary.server.create_database(copy_of=postgres_template)


async def signed_in(stage: Stage) -> Load:
    """Several people, each with an app that has just redeemed its code."""
    load = Load([])
    for _ in range(CHAINS):
        tokens = await stage.sign_in()
        load.chains.append(Chain([tokens["refresh_token"]], tokens["access_token"]))
    return load


def assert_soon(load: Load, returned: float) -> None:
    """Nobody waited longer than two seconds, and two seconds after its return the database was in use again."""
    assert max(chain.slowest for chain in load.chains) < TWO_SECONDS
    assert max(chain.answered_at for chain in load.chains) - returned < TWO_SECONDS


async def test_a_restart_under_load_loses_nothing(fresh_url: str, primary: Node, clock: HeldClock) -> None:
    async with running_stage(fresh_url, clock, BROKER_DATABASE_STATEMENT_TIMEOUT="1s") as stage:
        load = await signed_in(stage)
        async with load.going_on(stage.http, ""):
            await load.one_more()
            await asyncio.to_thread(primary.stop)
            await load.refused()
            await asyncio.to_thread(primary.start)
            returned = stopwatch()
            await load.one_more()
        assert_soon(load, returned)
        await load.assert_nothing_was_lost(stage.http, "")


async def test_a_primary_that_dies_is_followed_by_its_standby(
    fresh_url: str, primary: Node, clock: HeldClock
) -> None:
    """What was acknowledged is on the standby, since the primary waits for it."""
    with copy_of(primary.server, standby=True) as standby:
        await asyncio.to_thread(standby.start)
        primary.server.run("ALTER SYSTEM SET synchronous_standby_names = '*'")
        primary.server.run("SELECT pg_reload_conf()")
        url = both(fresh_url, standby)
        async with running_stage(url, clock, BROKER_DATABASE_STATEMENT_TIMEOUT="1s") as stage:
            load = await signed_in(stage)
            async with load.going_on(stage.http, ""):
                await load.one_more()
                await asyncio.to_thread(primary.kill)
                await load.refused()
                await asyncio.to_thread(standby.server.run, "SELECT pg_promote()")
                returned = stopwatch()
                await load.one_more()
            assert_soon(load, returned)
            await load.assert_nothing_was_lost(stage.http, "")
            await stage.sign_in()
        assert await asyncio.to_thread(migrations.current, url) == revision.HEAD


def both(url: str, standby: Node) -> str:
    """The URL with both hosts."""
    return url.replace("@127.0.0.1:", f"@127.0.0.1:{standby.server.port},127.0.0.1:", 1)
