"""PostgreSQL's engine: one round trip for one statement, all or nothing for many, one error when it is away."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from broker.store import clients, migrations
from broker.store.database import Database, DatabaseUnavailable, SchemaMismatch, Transaction, connect
from tests.emptied import Emptied
from tests.postgres import PostgresServer
from tests.store.rows import NOW
from tests.store.watching import Statements


async def add(tx: Transaction, name: str) -> bool:
    """Something to write."""
    return await clients.add(tx, name, {}, None, now=NOW)


async def names(database: Database) -> set[str]:
    """What was written."""
    return {client.client_id for client in await database.read(clients.every)}


def elsewhere(url: str, **changes: str) -> str:
    """The URL with another user, port or database."""
    parts = urlsplit(url)
    user, password = changes.get("user", parts.username), changes.get("password", parts.password)
    port, name = changes.get("port", parts.port), changes.get("name", parts.path.removeprefix("/"))
    return urlunsplit(parts._replace(netloc=f"{user}:{password}@{parts.hostname}:{port}", path=f"/{name}"))


@pytest.fixture(params=["postgresql"])
def database_url(request: pytest.FixtureRequest, emptied_postgres: Emptied) -> str:
    """PostgreSQL only."""
    return emptied_postgres.empty(keys=False)


@pytest.fixture
async def heard(statements: Statements, database_url: str) -> AsyncIterator[tuple[Database, Statements]]:
    """A database of one warm connection, and what is sent over it from now on."""
    database = await connect(database_url, pool_size=1)
    await database.run(add, "warm")
    statements.clear()
    yield database, statements
    await database.close()


async def test_one_statement_is_all_that_is_sent(heard: tuple[Database, Statements]) -> None:
    """No BEGIN before it, no COMMIT and no reset query after it."""
    database, statements = heard
    await database.run(add, "c1")
    assert statements.kinds == ["INSERT"]
    await database.read(clients.find, "c1")
    assert statements.kinds == ["INSERT", "SELECT"]


async def test_a_transaction_is_all_or_nothing(heard: tuple[Database, Statements]) -> None:
    async def both(tx: Transaction, *, fail: bool) -> None:
        await add(tx, "c1")
        await add(tx, "c2")
        if fail:
            raise LookupError("misuse")

    database, statements = heard
    with pytest.raises(LookupError, match="misuse"):
        await database.transact(both, fail=True)
    assert statements.kinds == ["BEGIN", "INSERT", "INSERT", "ROLLBACK"]
    assert await names(database) == {"warm"}
    await database.transact(both, fail=False)
    assert await names(database) == {"warm", "c1", "c2"}


async def test_a_caller_that_goes_away_leaves_nothing_half_done(database: Database) -> None:
    reached = asyncio.Event()

    async def linger(tx: Transaction) -> None:
        await add(tx, "half")
        reached.set()
        await asyncio.Event().wait()

    leaving = asyncio.create_task(database.transact(linger))
    await reached.wait()
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert await names(database) == set()


@pytest.mark.parametrize(
    "changes",
    [{"port": "1"}, {"name": "no_such_database"}, {"user": "nobody"}, {"password": "wrong"}],
    ids=lambda changes: next(iter(changes)),
)
async def test_a_server_that_is_away_or_refuses_us_is_one_error(
    database_url: str, changes: dict[str, str]
) -> None:
    url = elsewhere(database_url, **changes)
    with pytest.raises(DatabaseUnavailable) as refused:
        await connect(url)
    assert "wrong" not in str(refused.value)
    with pytest.raises(DatabaseUnavailable):
        await asyncio.to_thread(migrations.current, url)


async def test_a_url_that_cannot_be_read_is_the_same_error() -> None:
    with pytest.raises(DatabaseUnavailable):
        await connect("mysql://user:secret@host/name")


async def test_a_server_that_ends_our_connections_is_unavailable_until_it_lets_us_in_again(
    postgres: PostgresServer, postgres_template: str
) -> None:
    url = postgres.create_database(copy_of=postgres_template)
    name = urlsplit(url).path.removeprefix("/")
    database = await connect(url)
    await database.run(add, "c1")
    postgres.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    postgres.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    for way in (database.read, database.run, database.transact):
        with pytest.raises(DatabaseUnavailable):
            await way(clients.every)
    with pytest.raises(DatabaseUnavailable):
        await connect(url)
    postgres.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    with contextlib.suppress(DatabaseUnavailable):
        await names(database)
    assert await names(database) == {"c1"}
    await database.close()
    postgres.drop_database(url)


async def test_after_closing_it_is_unavailable(database: Database) -> None:
    await database.close()
    with pytest.raises(DatabaseUnavailable):
        await database.read(clients.every)


async def test_without_its_tables_it_says_what_is_missing(postgres_url: str) -> None:
    database = await connect(postgres_url)
    for way in (database.read, database.run, database.transact):
        with pytest.raises(SchemaMismatch, match="clients"):
            await way(clients.every)
    await database.close()


async def test_a_table_that_we_may_not_read_is_unavailable_and_named(
    postgres: PostgresServer, postgres_template: str
) -> None:
    url = postgres.create_database(copy_of=postgres_template)
    postgres.run("REVOKE ALL ON clients FROM broker", urlsplit(url).path.removeprefix("/"))
    database = await connect(url)
    for way in (database.read, database.run, database.transact):
        with pytest.raises(DatabaseUnavailable, match="permission denied for table clients"):
            await way(clients.every)
    await database.close()
    postgres.drop_database(url)


async def test_an_argument_of_the_wrong_type_is_our_mistake_and_called_so(database: Database) -> None:
    async def wrong(tx: Transaction) -> None:
        await tx.one(clients._FIND, id=5)

    with pytest.raises(asyncpg.DataError, match="expected str"):
        await database.read(wrong)


async def test_a_wrong_parameter_name_is_a_key_error(database: Database) -> None:
    async def misspelt(tx: Transaction) -> None:
        await tx.one(clients._FIND, client="cli_app")

    with pytest.raises(KeyError, match="id"):
        await database.read(misspelt)


async def test_no_connection_to_be_had_is_unavailable_and_not_a_hanging_request(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = await connect(database_url, pool_size=1)
    monkeypatch.setattr(database, "_reach_seconds", 0.05)
    busy, done = asyncio.Event(), asyncio.Event()

    async def keep(tx: Transaction) -> None:
        busy.set()
        await done.wait()

    keeping = asyncio.create_task(database.run(keep))
    await busy.wait()
    with pytest.raises(DatabaseUnavailable):
        await database.read(clients.every)
    done.set()
    await keeping
    await database.close()
