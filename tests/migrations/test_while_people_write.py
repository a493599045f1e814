"""An upgrade of many people's rows on PostgreSQL, beside writes that never wait longer than a second.

How long they wait is asserted when `PEOPLE` says how many people there are, as `make million` does: it says
something of the machine, too. Without, the upgrade goes through beside them, and they go on.
"""

import asyncio
import itertools
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg

from broker.store import migrations
from broker.store.migrating import scripts
from tests.cli.running import CHECKOUT
from tests.migrations.later import Later
from tests.postgres import PostgresServer

MEASURED = "PEOPLE" in os.environ
PEOPLE = int(os.environ.get("PEOPLE", "20000"))
FIRST = "0003"
"""The revision at which people are, from the days of the first release."""

LONGEST_SECONDS = 1.0
WRITERS = 3

_LOAD = (
    "INSERT INTO users (id, union_id, display_name, created_at, updated_at) "
    "SELECT 'usr_' || n, 'union-' || n, 'Person ' || n, n, n FROM generate_series(1, {people}) n",
    "INSERT INTO accounts (id, user_id, registration, open_id, granted_scope, authorized_at, created_at) "
    "SELECT 'acc_' || n, 'usr_' || n, 'default', 'open-' || n, 'user.info.basic', n, n "
    "FROM generate_series(1, {people}) n",
    "INSERT INTO grants (id, client_id, user_id, account_id, login_digest, code_digest, code_expires_at, "
    "redirect_uri, scope, resources, offline, auth_time, created_at, expires_at, generation) "
    "SELECT 'grant' || n, 'cli_web', 'usr_' || n, 'acc_' || n, decode(md5('l' || n), 'hex'), "
    "decode(md5('c' || n), 'hex'), n, 'https://app.example/callback', 'openid', '', 0, n, n, n, 0 "
    "FROM generate_series(1, {people}) n",
)
_WRITES = (
    "UPDATE users SET updated_at = updated_at + 1 WHERE id = 'usr_' || $1::int % {people}",
    "UPDATE grants SET generation = generation + 1 WHERE id = 'grant' || $1::int % {people}",
    "INSERT INTO users (id, union_id, created_at, updated_at) VALUES ('new_' || $1::int, 'new-' || $1::int, 1, 1)",
)
_UPGRADE = """
import pathlib, sys
from broker.store import migrations
from broker.store.migrating import scripts
scripts.folder = lambda: pathlib.Path(sys.argv[1])
migrations.upgrade(sys.argv[2], sys.argv[3], tell=print)
"""


@dataclass
class Writes:
    """How long each write took, in seconds."""

    took: list[float] = field(default_factory=list)
    over: bool = False

    async def go_on(self, pool: asyncpg.Pool, numbers: "itertools.count[int]") -> None:
        """Write until it is over, each statement for itself."""
        async with pool.acquire() as connection:
            for statement in itertools.cycle(_WRITES):
                if self.over:
                    return
                began = time.perf_counter()
                await connection.execute(statement.format(people=PEOPLE), next(numbers))
                self.took.append(time.perf_counter() - began)


@asynccontextmanager
async def writing(pool: asyncpg.Pool, numbers: "itertools.count[int]") -> AsyncIterator[Writes]:
    """Several write while the block runs."""
    writes = Writes()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(WRITERS):
            tasks.create_task(writes.go_on(pool, numbers))
        yield writes
        writes.over = True


async def report(pool: asyncpg.Pool, in_the_way: asyncio.Event) -> None:
    """Somebody reads, and holds what a reader holds, until an upgrade has complained of it."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT count(*) FROM users WHERE id = 'usr_1'")
        await in_the_way.wait()


async def run(*arguments: str, complained: asyncio.Event | None = None) -> None:
    """An upgrade in a process of its own."""
    command = (sys.executable, "-u", "-c", _UPGRADE, *arguments)
    process = await asyncio.create_subprocess_exec(
        *command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    told = b""
    async for line in process.stdout:
        told += line
        if complained and b"A table is in use" in line:
            complained.set()
    assert await process.wait() == 0, told.decode()


async def test_no_write_waits_longer_than_a_second(
    postgres: PostgresServer, postgres_url: str, later: Later
) -> None:
    folder = str(scripts.folder())
    await asyncio.to_thread(migrations.upgrade, postgres_url, FIRST)
    for statement in _LOAD:
        # As a superuser, who may leave out what the rows have been made to fulfil.
        sql = f"SET session_replication_role = replica; {statement.format(people=PEOPLE)}"
        await asyncio.to_thread(postgres.run, sql, postgres_url.rpartition("/")[2])
    numbers = itertools.count(1)
    async with asyncpg.create_pool(postgres_url, min_size=WRITERS + 1, max_size=WRITERS + 1) as pool:
        async with writing(pool, numbers) as idle:
            await asyncio.sleep(0.5)
        async with writing(pool, numbers) as beside, asyncio.TaskGroup() as tasks:
            in_the_way = asyncio.Event()
            tasks.create_task(report(pool, in_the_way))
            tasks.create_task(run(folder, postgres_url, later.index, complained=in_the_way))
        async with writing(pool, numbers) as after:
            await run(folder, postgres_url, later.contract)
    assert await asyncio.to_thread(migrations.current, postgres_url) == later.contract
    # Whatever else this machine is busy with, it is with or without an upgrade.
    longest = LONGEST_SECONDS + max(idle.took)
    assert not MEASURED or max(beside.took) < longest
    assert not MEASURED or max(after.took) < longest
    assert in_the_way.is_set()
    assert min(len(beside.took), len(after.took)) > WRITERS
