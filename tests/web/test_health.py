"""`/healthz` says that the process lives, `/readyz` that it can serve."""

from collections.abc import AsyncIterator

import pytest

from tests.journeys.tables import execute
from tests.stage import HeldClock, Stage, running_stage
from tests.web.front import Front


@pytest.fixture
async def stage(own_database_url: str, clock: HeldClock) -> AsyncIterator[Stage]:
    """On a database that no other test gets to see afterwards."""
    async with running_stage(own_database_url, clock) as ready:
        yield ready


async def test_a_schema_of_another_release_is_not_ready(stage: Stage) -> None:
    """Older, newer, emptied, or never migrated at all."""
    assert (await stage.http.get("/readyz")).json() == {"status": "ready"}
    for sql in (
        "UPDATE alembic_version SET version_num = '0000'",
        "UPDATE alembic_version SET version_num = '9999'",
        "DELETE FROM alembic_version",
        "DROP TABLE alembic_version",
    ):
        await execute(stage.database, sql)
        answer = await stage.http.get("/readyz")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert "broker db upgrade" in answer.json()["reason"], sql
        assert (await stage.http.get("/healthz")).json() == {"status": "ok"}


async def test_tiktok_being_down_does_not_matter(front: Front) -> None:
    """Nobody answers under the address that this broker has for TikTok."""
    for path in ("/readyz", "/healthz"):
        answer = await front.http.get(path)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        assert (await front.http.head(path)).status_code == 200


async def test_tables_that_are_not_there_are_a_database_that_is_away(front: Front, clock: HeldClock) -> None:
    await execute(front.database, "ALTER TABLE clients RENAME TO former_clients")
    page = await front.authorize()
    assert (page.status_code, page.headers["retry-after"]) == (503, "2")
    assert "<h1>This is not possible right now</h1>" in page.text
    form = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": "cli_public"}
    answer = await front.http.post("/token", data=form)
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
