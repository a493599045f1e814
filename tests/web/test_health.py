"""`/healthz` says that the process lives, `/readyz` that it can serve."""

import asyncio

from tests.by_hand import execute
from tests.stage import HeldClock, running_stage
from tests.web.front import Front, running_front


async def test_a_schema_of_another_release_is_not_ready(own_database_url: str, clock: HeldClock) -> None:
    """Older, newer, emptied, or never migrated at all."""
    async with running_stage(own_database_url, clock) as stage:
        assert (await stage.http.get("/readyz")).json() == {"status": "ready"}
        for sql in (
            "UPDATE alembic_version SET version_num = '0000'",
            "UPDATE alembic_version SET version_num = '9999b'",
            "DELETE FROM alembic_version",
            "DROP TABLE alembic_version",
        ):
            await execute(stage.database, sql)
            answer = await stage.http.get("/readyz")
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
            assert "broker db upgrade" in answer.json()["reason"], sql
            assert (await stage.http.get("/healthz")).json() == {"status": "ok"}


async def test_without_a_key_that_opens_it_is_not_ready(file_url: str, clock: HeldClock) -> None:
    """The keys were changed by a replica that has a secret key which this one lacks."""
    async with running_front(file_url, clock) as front:
        await execute(front.database, "UPDATE signing_keys SET kid = 'other-' || kid WHERE alg = 'HS256'")
        answer = await front.http.get("/readyz")
        async with asyncio.timeout(5):
            while answer.status_code == 200:
                # The broker runs in this loop.
                await asyncio.sleep(0)
                answer = await front.http.get("/readyz")
        assert answer.status_code == 503
        assert "BROKER_SECRET_KEYS" in answer.json()["reason"]
        assert (await front.http.get("/healthz")).status_code == 200


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
