"""Keys that change while brokers run: what is published, what is believed, and how soon the others know."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from broker.keys.making import made
from broker.keys.schedule import Make
from broker.sealing import Sealer
from broker.store import key_changes, keys
from broker.store.keys import KeyFacts
from tests.keys.made import DAY
from tests.resting import often
from tests.stage import WEB, WEB_SECRET, Stage
from tests.tokens.test_replicas import replica

__all__ = ["often"]

KEYS = "/.well-known/jwks.json"
KNOWN_EVERYWHERE = 5
"""Seconds after which every replica has learned of a change."""


async def ring(stage: Stage, alg: str) -> list[KeyFacts]:
    """The rows of one algorithm."""
    return [row for row in await stage.database.read(keys.look) if row.alg == alg]


async def published(http: httpx.AsyncClient) -> set[str]:
    return {key["kid"] for key in (await http.get(KEYS)).json()["keys"]}


async def soon(stage: Stage, true: Callable[[], Awaitable[bool]]) -> None:
    """Return as soon as it is true, within the time that was promised."""
    async with asyncio.timeout(KNOWN_EVERYWHERE):
        while not await true():
            # Over a socket, so that the brokers, which run in this loop, go on.
            await stage.http.get("/healthz")


async def revoke(stage: Stage, key: KeyFacts) -> key_changes.Revoked:
    """As `broker keys revoke` does."""
    now = stage.clock()
    step = Make(key.use, key.alg, key.number + 1, now, now)
    spare = made(step, Sealer(stage.settings.secret_keys), token_life=600, now=now)
    revoked = await stage.database.transact(key_changes.revoke, key.kid, spare=spare, now=now)
    assert revoked is not None
    return revoked


@pytest.fixture
async def other(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    """Another replica."""
    async with replica(stage) as http:
        yield http


async def test_the_key_set_and_its_etag_follow_a_change_on_every_replica(
    stage: Stage, other: httpx.AsyncClient
) -> None:
    before = await other.get(KEYS)
    first, second = await ring(stage, "ES256")
    stage.clock.advance(90 * DAY)

    async def all_announce_a_third() -> bool:
        rows = await ring(stage, "ES256")
        return len(rows) == 3 and all([rows[2].kid in await published(http) for http in (stage.http, other)])

    await soon(stage, all_announce_a_third)
    assert {first.kid, second.kid} < await published(other)
    after = await other.get(KEYS, headers={"If-None-Match": before.headers["etag"]})
    assert (after.status_code, after.headers["etag"] != before.headers["etag"]) == (200, True)
    again = await other.get(KEYS, headers={"If-None-Match": after.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.usefixtures("often")
async def test_what_a_revoked_key_signed_is_void_on_every_replica(stage: Stage, other: httpx.AsyncClient) -> None:
    tokens = await stage.sign_in()
    access, refresh = tokens["access_token"], tokens["refresh_token"]
    bearer = {"Authorization": f"Bearer {access}"}
    assert (await other.get("/userinfo", headers=bearer)).status_code == 200
    first, second = await ring(stage, "ES256")
    revoked = await revoke(stage, first)
    assert (revoked.use, revoked.alg, revoked.successor) == ("sig", "ES256", second.kid)
    for http in (stage.http, other):

        async def refused(http: httpx.AsyncClient = http) -> bool:
            return (await http.get("/userinfo", headers=bearer)).status_code == 401

        await soon(stage, refused)
        assert first.kid not in await published(http)
        asked = await http.post("/introspect", data={"token": access}, auth=(WEB, WEB_SECRET))
        assert asked.json() == {"active": False}
    # The person goes on: the refresh key is another, and the announced key signs.
    answer = await stage.refresh(refresh)
    assert answer.status_code == 200
    renewed = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    assert (await other.get("/userinfo", headers=renewed)).status_code == 200


@pytest.mark.usefixtures("often")
async def test_a_revoked_refresh_key_takes_its_refresh_tokens_along(
    stage: Stage, other: httpx.AsyncClient
) -> None:
    old = (await stage.sign_in())["refresh_token"]
    first, second = await ring(stage, "HS256")
    assert (await revoke(stage, first)).successor == second.kid
    form = {"grant_type": "refresh_token", "refresh_token": old}

    for http in (stage.http, other):

        async def refused(http: httpx.AsyncClient = http) -> bool:
            asked = await http.post("/introspect", data={"token": old}, auth=(WEB, WEB_SECRET))
            return bool(asked.json() == {"active": False})

        await soon(stage, refused)
        assert (await http.post("/token", data=form, auth=(WEB, WEB_SECRET))).json()["error"] == "invalid_grant"
    new = (await stage.sign_in())["refresh_token"]
    answer = await other.post("/token", data=form | {"refresh_token": new}, auth=(WEB, WEB_SECRET))
    assert answer.status_code == 200


@pytest.mark.usefixtures("often")
async def test_an_old_id_token_signs_out_after_its_key_is_gone(stage: Stage) -> None:
    browser = await stage.browser()
    answer = await stage.come_back(browser, stage.question())
    hint = (await stage.redeem(answer["code"])).json()["id_token"]
    first, second = await ring(stage, "ES256")
    assert await stage.database.run(keys.hasten, second.kid, at=stage.clock())
    stage.clock.advance(900)

    async def gone() -> bool:
        return first.kid not in await published(stage.http)

    await soon(stage, gone)
    left = await browser.get(f"{stage.issuer}/logout", params={"id_token_hint": hint})
    assert left.status_code == 200
    signed_out = await stage.authorize(browser, stage.question(prompt="none"))
    assert "error=login_required" in signed_out.headers["location"]
