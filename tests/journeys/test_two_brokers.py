"""Two brokers that share a database and nothing else: each step of a sign-in may land on the other one."""

import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx

from broker.app import running
from broker.simulator.serve import running as serving
from broker.store import clients
from tests.stage import WEB, WEB_SECRET, Stage, answer_in


@contextlib.asynccontextmanager
async def another(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    """A second broker with the same settings, its own pool and its own address."""
    async with (
        running(stage.settings, clock=stage.clock) as app,
        serving(app) as address,
        httpx.AsyncClient(base_url=address, auth=(WEB, WEB_SECRET), timeout=60, verify=False) as http,
    ):
        yield http


def elsewhere(address: str, other: httpx.AsyncClient) -> str:
    """The same address at the other broker, as a load balancer could have it."""
    return str(other.base_url.join(urlsplit(address)._replace(scheme="", netloc="").geturl()))


async def test_every_step_may_land_on_the_other_one(stage: Stage) -> None:
    async with another(stage) as other:
        browser = await stage.browser()
        sent = await stage.authorize(browser, stage.question())
        callback = await stage.consent(browser, sent.headers["location"])
        arrived = await browser.get(elsewhere(callback, other))
        tokens = (await stage.redeem(answer_in(arrived.headers["location"])["code"])).json()
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        told = await other.get("/userinfo", headers=bearer, auth=None)
        assert told.json()["name"] == "Ada Moreno"
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        refreshed = await other.post("/token", data=form)
        assert refreshed.status_code == 200
        # Inside the grace a repeat on the first one is answered with the very same successor.
        again = await stage.refresh(tokens["refresh_token"])
        assert again.json()["refresh_token"] == refreshed.json()["refresh_token"]


async def test_both_publish_the_same_keys(stage: Stage) -> None:
    async with another(stage) as other:
        path = "/.well-known/jwks.json"
        assert (await stage.http.get(path)).content == (await other.get(path)).content


async def test_a_login_finished_on_one_is_finished_on_both(stage: Stage) -> None:
    async with another(stage) as other:
        browser = await stage.browser()
        to_tiktok = (await stage.authorize(browser, stage.question())).headers["location"]
        first, second = [await stage.consent(await stage.browser(), to_tiktok) for _ in range(2)]
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        assert (await browser.get(first)).status_code == 302
        assert (
            await other.get(elsewhere(second, other), headers={"cookie": cookie}, auth=None)
        ).status_code == 400


async def test_a_secret_changed_at_one_holds_at_the_other_at_once(stage: Stage) -> None:
    async with another(stage) as other:
        tokens = await stage.sign_in()
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        tokens = (await other.post("/token", data=form)).json()
        await stage.database.transact(clients.set_secret, WEB, b"another digest".ljust(32), now=stage.clock())
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        assert (await other.post("/token", data=form)).status_code == 401
