"""`broker purge`: it deletes in batches until nothing is left, and counts."""

import asyncio
import json
import os

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from broker.cli.main import broker
from broker.clock import system_clock
from broker.configuration.process import this_user
from broker.store import audit
from broker.store.database import connect
from broker.store.schema import audit_events
from tests.by_hand import execute
from tests.cli.running import rows, run

NONE = {
    "pushed_requests": 0,
    "spent_ids": 0,
    "webhook_deliveries": 0,
    "outbox": 0,
    "grants": 0,
    "deleted_grants": 0,
    "sessions": 0,
    "avatars": 0,
    "audit_events": 0,
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


def test_audit_events_go_when_the_setting_says_so_and_who_purged_is_told(database_url: str) -> None:
    async def fill() -> None:
        database = await connect(database_url)
        await database.transact(audit.record, "sign_in", actor="user", now=system_clock() - 3 * 86_400)
        await database.close()

    asyncio.run(fill())
    environ = {"BROKER_DATABASE_URL": database_url, "BROKER_AUDIT_RETENTION": "2d", "BROKER_OPERATOR": "ada"}
    result = CliRunner().invoke(broker, ["purge", "--json"], env=environ)
    assert json.loads(result.stdout) == {**NONE, "audit_events": 1}
    (event,) = rows(database_url, select(audit_events))
    assert (event["event"], event["actor"]) == ("purge.begun", "operator:ada")
    wrong = CliRunner().invoke(broker, ["purge"], env=environ | {"BROKER_AUDIT_RETENTION": "2h"})
    assert (wrong.exit_code, "BROKER_AUDIT_RETENTION must be between 1d" in wrong.stderr) == (1, True)


def test_without_a_name_the_operator_is_the_user_whom_the_system_knows(database_url: str) -> None:
    """And not whom the environment claims."""
    environ = {"BROKER_DATABASE_URL": database_url, "USER": "mallory", "LOGNAME": "mallory", "BROKER_OPERATOR": ""}
    assert CliRunner().invoke(broker, ["purge"], env=environ).exit_code == 0
    (event,) = rows(database_url, select(audit_events))
    assert event["actor"] == f"operator:{this_user()}"
    assert "mallory" not in event["actor"]


def test_a_user_without_a_name_is_known_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that runs under whatever number it is given."""
    monkeypatch.setattr(os, "geteuid", lambda: 1_234_567)
    assert this_user() == "uid-1234567"
