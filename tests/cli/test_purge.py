"""`broker purge`: it deletes in batches until nothing is left, and counts."""

import asyncio
import json

import pytest

from broker.store.database import connect
from tests.cli.running import run
from tests.store.rows import execute

NONE = {
    "pushed_requests": 0,
    "spent_ids": 0,
    "webhook_deliveries": 0,
    "outbox": 0,
    "grants": 0,
    "deleted_grants": 0,
    "sessions": 0,
    "avatars": 0,
}


def test_it_deletes_batch_after_batch_and_counts(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fill() -> None:
        database = await connect(database_url)
        for number in range(7):
            statement = f"INSERT INTO outbox VALUES ('d{number}', 'kind', '[]', 0, 1, 1)"
            await execute(database, statement)
        await database.close()

    asyncio.run(fill())
    monkeypatch.setattr("broker.cli.purge._BATCH", 3)
    result = run("purge", url=database_url)
    assert (result.exit_code, result.stderr) == (0, "")
    assert dict(line.split() for line in result.stdout.splitlines()) == {
        **dict.fromkeys(NONE, "0"),
        "outbox": "7",
    }
    assert json.loads(run("purge", "--json", url=database_url).stdout) == NONE
