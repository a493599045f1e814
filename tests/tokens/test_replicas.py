"""Two replicas, one database: what changes on one holds on the other from the next request on."""

import contextlib
from collections.abc import AsyncIterator

import httpx

from broker import opaque
from broker.app import running
from broker.keys.rotation import Rotation
from broker.sealing import Sealer
from broker.store import clients, keys
from tests.keys.made import RULES
from tests.stage import PUBLIC, VERIFIER, WEB, WEB_REDIRECT, WEB_SECRET, Stage
from tests.tokens.apps import error

CLIENT = (401, "invalid_client")
NEW_SECRET = "brs_canary-new-secret"


@contextlib.asynccontextmanager
async def replica(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    """Another broker on the same database and settings."""
    async with (
        running(stage.settings, clock=stage.clock) as app,
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=stage.issuer) as http,
    ):
        yield http


async def code_of(stage: Stage) -> dict[str, str]:
    """A form that would be answered with tokens."""
    answer = await stage.come_back(await stage.browser(), stage.question())
    form = {"grant_type": "authorization_code", "redirect_uri": WEB_REDIRECT, "code_verifier": VERIFIER}
    return {**form, "code": answer["code"]}


async def test_a_code_and_a_refresh_token_are_good_on_the_other_replica(stage: Stage) -> None:
    form = await code_of(stage)
    async with replica(stage) as other:
        tokens = (await other.post("/token", data=form, auth=(WEB, WEB_SECRET))).json()
        assert (await stage.userinfo(tokens["access_token"])).status_code == 200
        assert (await stage.refresh(tokens["refresh_token"])).status_code == 200


async def test_a_secret_rotated_elsewhere_is_void_at_once_and_spends_nothing(stage: Stage) -> None:
    """The copy of the client that is kept here still has the old secret; the statement that spends refuses it."""
    form = await code_of(stage)
    await stage.database.transact(clients.set_secret, WEB, opaque.digest(NEW_SECRET), now=stage.clock())
    assert error(await stage.http.post("/token", data=form, auth=(WEB, WEB_SECRET))) == CLIENT
    assert (await stage.http.post("/token", data=form, auth=(WEB, NEW_SECRET))).status_code == 200


async def test_a_client_disabled_elsewhere_gets_nothing_from_the_next_request_on(stage: Stage) -> None:
    tokens, form = await stage.sign_in(), await code_of(stage)
    await stage.database.transact(clients.disable, WEB, now=stage.clock())
    assert error(await stage.http.post("/token", data=form, auth=(WEB, WEB_SECRET))) == CLIENT
    assert error(await stage.refresh(tokens["refresh_token"])) == CLIENT
    assert (await stage.userinfo(tokens["access_token"])).status_code == 401
    await stage.database.transact(clients.enable, WEB, now=stage.clock())
    assert (await stage.http.post("/token", data=form, auth=(WEB, WEB_SECRET))).status_code == 200
    assert (await stage.refresh(tokens["refresh_token"])).status_code == 200


async def test_a_client_removed_elsewhere_takes_its_grants_along(stage: Stage) -> None:
    tokens = await stage.sign_in()
    await stage.database.transact(clients.remove, WEB, now=stage.clock())
    assert error(await stage.refresh(tokens["refresh_token"])) == CLIENT
    assert (await stage.userinfo(tokens["access_token"])).status_code == 401


async def test_a_change_that_leaves_the_proof_good_is_not_noticed_by_the_app(stage: Stage) -> None:
    """The kept copy is out of date; the request starts over with a fresh one by itself."""
    tokens = await stage.sign_in(PUBLIC)
    await stage.database.transact(clients.disable, PUBLIC, now=stage.clock())
    await stage.database.transact(clients.enable, PUBLIC, now=stage.clock())
    assert (await stage.refresh(tokens["refresh_token"], PUBLIC)).status_code == 200


async def test_a_repeat_gets_the_same_refresh_token_after_a_new_key_took_over(stage: Stage) -> None:
    token = (await stage.sign_in())["refresh_token"]
    first = (await stage.refresh(token)).json()["refresh_token"]
    (following,) = [
        key
        for key in await stage.database.read(keys.look)
        if key.use == "refresh" and key.signs_from > stage.clock()
    ]
    assert await stage.database.run(keys.hasten, following.kid, at=stage.clock())
    async with replica(stage) as other:
        form = {"grant_type": "refresh_token", "refresh_token": token}
        again = (await other.post("/token", data=form, auth=(WEB, WEB_SECRET))).json()["refresh_token"]
        assert again == first
        form["refresh_token"] = first
        next_one = (await other.post("/token", data=form, auth=(WEB, WEB_SECRET))).json()["refresh_token"]
        raw = opaque.decode(next_one.removeprefix("brt_"))
        assert raw is not None
        assert raw[24:28].hex() == following.kid
    # The next test finds a next key, as this one did.
    await Rotation(stage.database, Sealer(stage.settings.secret_keys), (), RULES, stage.clock).begin()
