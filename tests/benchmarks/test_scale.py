"""The benchmark of big tables: who comes is there, all over the table, and every program starts."""

import asyncio
import subprocess
import sys

import asyncpg
import pytest

from benchmarks.scale import filling
from benchmarks.scale.rows import Coming, Size
from tests.documentation import ROOT
from tests.postgres import PostgresServer


@pytest.mark.parametrize(("users", "count"), [(20, 20), (1000, 20), (10_000_000, 20_000), (70, 10)])
def test_those_who_come_are_different_people_from_all_over_the_table(users: int, count: int) -> None:
    coming = Coming(Size(users), count)
    people = [coming.person(which) for which in range(1, count + 1)]
    assert len(set(people)) == count
    assert people == sorted(people)
    assert people[0] <= users // count + 1
    assert users - people[-1] < 2 * users // count
    assert all(1 <= person <= users for person in people)


def test_all_that_there_is_about_them_is_read(postgres: PostgresServer, postgres_template: str) -> None:
    """Five rows for each of their two grants: by every name that the service has for them."""
    url = postgres.create_database(copy_of=postgres_template)
    coming = Coming(Size(100), 10)
    told: list[str] = []
    filling.fill(url, coming.size, refresh_kid="00", ended_share=0.01, tell=told.append)
    assert "200 rows are in grants" in told

    async def read() -> int:
        connection = await asyncpg.connect(url)
        try:
            return int(await connection.fetchval(coming.reading()))
        finally:
            await connection.close()

    assert asyncio.run(read()) == 5 * 2 * coming.count
    filling.awaken(url, coming)
    postgres.drop_database(url)


@pytest.mark.parametrize("module", ["", ".scale", ".scale.soak", ".scale.flight", ".purging", ".capacity"])
def test_every_benchmark_says_what_it_does(module: str) -> None:
    command = (sys.executable, "-m", f"benchmarks{module}", "--help")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "usage:" in done.stdout
