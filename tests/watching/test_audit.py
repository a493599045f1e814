"""Every audit event happens, says by whom, why and in which request; and what it tells never is without it."""

import contextlib
from collections.abc import AsyncIterator

import httpx
import pytest
from click.testing import Result

from broker.store.audit_names import EVENTS, SCHEMA_CHANGED
from tests.by_hand import execute
from tests.journeys.tables import contents
from tests.stage import HeldClock, Stage, running_stage
from tests.tiktok import exchanging
from tests.watching.broken_audit import BREAK, MEND
from tests.watching.happenings import HAPPENINGS


@pytest.fixture
async def stage(own_database_url: str, clock: HeldClock) -> AsyncIterator[Stage]:
    async with running_stage(own_database_url, clock) as ready:
        await exchanging.register(ready)
        yield ready


def test_every_event_is_made_to_happen() -> None:
    # Of a schema that changes under a broker that serves, `test_audit_of_migrations` tells.
    assert HAPPENINGS.keys() == EVENTS.keys() - {SCHEMA_CHANGED}


async def test_every_event_happens_and_says_by_whom_why_and_in_which_request(stage: Stage) -> None:
    for name, happening in HAPPENINGS.items():
        act = await happening.prepare(stage)
        before = {row["id"] for row in (await contents(stage.database))["audit_events"]}
        answer = await act()
        news = [row for row in (await contents(stage.database))["audit_events"] if row["id"] not in before]
        found = [row for row in news if row["event"] == name]
        assert found, (name, getattr(answer, "text", None) or getattr(answer, "output", None), news)
        event = found[0]
        assert event["actor"] == happening.by, name
        if happening.reason is not None:
            assert event["reason"] == happening.reason
        match answer:
            case httpx.Response():
                assert event["request_id"] == answer.headers["x-request-id"], name
            case Result():
                assert answer.exit_code == 0, answer.output
                # All that one command did has one id, unless it leads to somebody who was erased.
                assert event["request_id"].startswith("cmd_"), name
                assert len({row["request_id"] for row in news if row["actor"] == happening.by} - {None}) == 1, name


async def test_without_its_event_nothing_happens(stage: Stage) -> None:
    """What is written with the event is gone with it, whatever the event: both are of one transaction."""
    for name, happening in HAPPENINGS.items():
        if name == "user.unblocked":
            # Nobody was blocked: that failed, too.
            continue
        act = await happening.prepare(stage)
        before = await contents(stage.database)
        for statement in BREAK[stage.database.dialect]:
            await execute(stage.database, statement)
        try:
            # A request is answered with a 500, a command ends with what the database said.
            with contextlib.suppress(Exception):
                await act()
        finally:
            for statement in MEND[stage.database.dialect]:
                await execute(stage.database, statement)
        after = await contents(stage.database)
        await execute(stage.database, "DELETE FROM outbox")
        # Who may purge is decided beside all of this.
        for table in before.keys() - happening.aside - {"leases"}:
            assert after[table] == before[table], (name, table)
