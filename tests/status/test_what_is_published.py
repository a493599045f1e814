"""The lists as documents: how long they are good, what they are signed with, and where there are none."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import jwt
import pytest

from broker.app import running
from broker.store import purging
from tests.by_hand import execute
from tests.journeys.tables import contents
from tests.keys.test_while_running import revoke, ring
from tests.stage import WEB, WEB_SECRET, HeldClock, Stage, running_stage
from tests.status.reading import SEEN_EVERYWHERE, claims_of, place_of, read, told
from tests.store.watching import Statements, statements
from tests.tokens.test_replicas import replica
from tests.web.conftest import file_url

__all__ = ["file_url", "statements"]

pytestmark = pytest.mark.usefixtures("often")

FIRST = "/status/0"
SIZE = 2**20
DAY = 86_400
PLAIN = {"Accept-Encoding": "identity"}


async def soon(stage: Stage, http: httpx.AsyncClient, path: str, status: int) -> None:
    async with asyncio.timeout(SEEN_EVERYWHERE):
        while (await http.get(path)).status_code != status:
            await stage.http.get("/healthz")


async def test_a_list_says_how_long_it_is_good_and_is_the_same_everywhere(
    stage: Stage, other: httpx.AsyncClient
) -> None:
    first = await read(stage.http, stage, FIRST)
    now = stage.clock()
    assert {name: first.claims[name] for name in ("iat", "exp", "ttl")} == {
        "iat": now,
        "exp": now + DAY,
        "ttl": 15,
    }
    assert set(first.claims) == {"sub", "iat", "exp", "ttl", "status_list"}
    headers = first.answer.headers
    assert (headers["cache-control"], headers["access-control-allow-origin"]) == ("public, max-age=15", "*")
    assert headers["etag"].startswith('W/"')
    assert len(first.content) * 8 == SIZE

    for http in (stage.http, other):
        known = await http.get(FIRST, headers={"If-None-Match": headers["etag"]})
        assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", headers["etag"])
        head = await http.head(FIRST, headers=PLAIN)
        assert (head.status_code, head.content) == (200, b"")
        assert int(head.headers["content-length"]) == len((await http.get(FIRST, headers=PLAIN)).content)
        assert (await http.get(FIRST)).headers["content-encoding"] == "gzip"
        assert (await http.post(FIRST)).status_code == 405
        assert (await http.options(FIRST)).headers["access-control-allow-origin"] == "*"

    ended = await stage.sign_in()
    await stage.http.post("/revoke", data={"token": ended["refresh_token"]}, auth=(WEB, WEB_SECRET))
    await told(stage, (stage.http, other), {"it": ended["access_token"]}, lambda _: True)
    tags = {(await http.get(FIRST)).headers["etag"] for http in (stage.http, other)}
    assert len(tags) == 1
    assert headers["etag"] not in tags


async def test_the_next_list_is_there_before_anybody_is_in_it(stage: Stage) -> None:
    assert (await read(stage.http, stage, "/status/1")).ended == 0
    for path in ("/status/2", "/status/", "/status/00", "/status/-1", "/status/x"):
        answer = await stage.http.get(path)
        assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


async def test_a_list_that_does_not_change_is_signed_anew_each_hour(stage: Stage) -> None:
    before = await read(stage.http, stage, FIRST)
    stage.clock.advance(3600)
    async with asyncio.timeout(SEEN_EVERYWHERE):
        while (after := await read(stage.http, stage, FIRST)).claims["iat"] == before.claims["iat"]:
            await stage.http.get("/healthz")
    assert after.claims["exp"] == stage.clock() + DAY
    assert after.content == before.content
    assert after.answer.headers["etag"] != before.answer.headers["etag"]


async def test_a_revoked_key_signs_no_list(
    database_url: str, clock: HeldClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it signed is void, and no verifier would believe the list: that waits for no look."""
    monkeypatch.setattr("broker.status._LOOK_SECONDS", 3600)
    async with running_stage(database_url, clock) as stage, replica(stage) as other:
        old, new = await ring(stage, "ES256")
        await revoke(stage, old)
        for http in (stage.http, other):
            async with asyncio.timeout(5):
                while jwt.get_unverified_header((await http.get(FIRST)).text)["kid"] != new.kid:
                    await stage.http.get("/healthz")
            assert (await read(http, stage, FIRST)).ended == 0


@pytest.mark.parametrize("alg", ["RS256", "EdDSA"])
async def test_a_list_is_signed_as_access_tokens_are(file_url: str, clock: HeldClock, alg: str) -> None:
    async with running_stage(file_url, clock, BROKER_SIGNING_ALG=alg) as stage:
        assert (await read(stage.http, stage, FIRST)).ended == 0


@contextlib.asynccontextmanager
async def switched_off(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    """A replica whose operator wants no status lists."""
    async with (
        running(replace(stage.settings, status_list=False), clock=stage.clock) as app,
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=stage.issuer) as http,
    ):
        yield http


async def test_switched_off_there_is_no_list_and_no_token_names_one(stage: Stage) -> None:
    refresh = (await stage.sign_in())["refresh_token"]
    async with switched_off(stage) as http:
        missing = await http.get(FIRST)
        assert (missing.status_code, missing.json()["error"]) == (404, "not_found")
        form = {"grant_type": "refresh_token", "refresh_token": refresh}
        tokens = (await http.post("/token", data=form, auth=(WEB, WEB_SECRET))).json()
        assert "status" not in claims_of(tokens["access_token"])
    # Switched on again, the grant has the place that it had.
    again = (await stage.refresh(tokens["refresh_token"])).json()
    (grant,) = (await contents(stage.database))["grants"]
    assert place_of(stage, again["access_token"]).index == grant["status_index"]


async def test_a_grant_without_a_place_gets_one_with_its_next_refresh(stage: Stage) -> None:
    """It began under an earlier release, which knows no lists, or while they were off."""
    tokens = await stage.sign_in()
    await execute(stage.database, "UPDATE grants SET status_index = NULL")
    async with switched_off(stage) as http:
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        tokens = (await http.post("/token", data=form, auth=(WEB, WEB_SECRET))).json()
    tokens = (await stage.refresh(tokens["refresh_token"])).json()
    given = place_of(stage, tokens["access_token"])
    for _ in range(3):
        tokens = (await stage.refresh(tokens["refresh_token"])).json()
        assert place_of(stage, tokens["access_token"]) == given
    # What the refreshes did not need goes to the next grant: none is lost.
    following = place_of(stage, (await stage.sign_in(person="p2"))["access_token"])
    assert following.index == given.index + 1


async def test_lists_that_no_token_can_name_are_dropped(stage: Stage, other: httpx.AsyncClient) -> None:
    tokens = await stage.sign_in()
    # Three million sign-ins later.
    await execute(stage.database, f"UPDATE counters SET next = {3 * SIZE + 1024}")
    stage.clock.advance(60)
    for http in (stage.http, other):
        await soon(stage, http, "/status/4", 200)
        shown = [(await http.get(f"/status/{number}")).status_code for number in range(6)]
        # The last but one is where a replica that has not looked for a while may still give places.
        assert shown == [200, 404, 200, 200, 200, 404]
    # What this process had reserved in the first list is not given to anybody any more.
    later = await stage.sign_in(person="p2")
    assert place_of(stage, later["access_token"]).path == "/status/3"
    assert place_of(stage, (await stage.refresh(tokens["refresh_token"])).json()["access_token"]).path == FIRST

    await stage.http.post("/revoke", data={"token": tokens["refresh_token"]}, auth=(WEB, WEB_SECRET))
    await execute(stage.database, "UPDATE grants SET refresh_expires_at = 1 WHERE ended_at IS NOT NULL")
    await execute(stage.database, "UPDATE sessions SET ended_at = 1")
    stage.clock.advance(2 * DAY)
    for kind in purging.KINDS:
        start = purging.beginning(kind)
        await stage.database.run(purging.purge, kind, place=start, most=100, now=stage.clock())
    # A look that came in between has seen what was still there.
    stage.clock.advance(60)
    for http in (stage.http, other):
        await soon(stage, http, FIRST, 404)
        assert (await http.get("/status/3")).status_code == 200


async def test_reading_a_list_asks_the_database_nothing(
    statements: Statements, database_url: str, clock: HeldClock
) -> None:
    async with running_stage(database_url, clock) as stage:
        statements.clear()
        for path in (FIRST, "/status/1", "/status/9", "/status/x"):
            await stage.http.get(path)
        assert statements == []
