"""The whole way of a removal, from TikTok's own page to the apps; TikTok repeats itself, and is slow."""

import asyncio
from dataclasses import replace
from typing import Any

import httpx
import pytest

from broker.simulator.faults import Fault
from tests.logout.apps import all_told
from tests.stage import CLIENT_KEY, TIKTOK_SECRET, Stage, answer_in
from tests.tiktok.deliveries import REMOVED, counted, refused, rows


async def listen(stage: Stage) -> None:
    """Tell TikTok's portal where the broker listens."""
    stage.world.apps[CLIENT_KEY] = replace(
        stage.world.apps[CLIENT_KEY], webhook_url=f"{stage.issuer}/webhooks/tiktok"
    )


async def at_tiktok(stage: Stage, control: str, **asked: Any) -> None:
    """Something happens at TikTok."""
    async with httpx.AsyncClient(base_url=stage.simulator, verify=False) as tiktok:
        answer = await tiktok.post(f"/_simulator/{control}", json=asked)
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("reason", [1, 2, 5])
async def test_the_person_removes_the_app_at_tiktok_and_within_a_second_the_refresh_is_refused(
    stage: Stage, reason: int
) -> None:
    """The whole way; with reason 5 it is the broker's own operator who revokes."""
    await listen(stage)
    tokens = await stage.sign_in()
    before = counted("taken")
    if reason == 5:
        token = next(iter(stage.world.grants._by_access_token))
        form = {"client_key": CLIENT_KEY, "client_secret": TIKTOK_SECRET, "token": token}
        async with httpx.AsyncClient(verify=False) as operator:
            await operator.post(f"{stage.simulator}/v2/oauth/revoke/", data=form)
    else:
        await at_tiktok(stage, "people/p1/remove", client_key=CLIENT_KEY, reason=reason)
    await refused(stage, tokens)
    assert counted("taken") == before + 1
    (user,) = await rows(stage, "users")
    assert (user["display_name"] is None) == (reason == 2)
    if reason == 2:
        await at_tiktok(stage, "people/p1/restore")
    stage.clock.advance(1)
    assert (await stage.refresh((await stage.sign_in())["refresh_token"])).status_code == 200


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_tiktok_sends_twice_is_done_once(stage: Stage) -> None:
    """At the same moment, under the other spelling of the header."""
    await listen(stage)
    await at_tiktok(
        stage, "settings", webhook_duplicates=True, webhook_automatic=False, webhook_header="Tiktok-Signature"
    )
    tokens = await stage.sign_in()
    await at_tiktok(stage, "people/p1/remove", client_key=CLIENT_KEY)
    await at_tiktok(stage, "webhooks/deliver")
    await refused(stage, tokens)
    await all_told(stage)
    assert len(await rows(stage, "webhook_deliveries")) == 1
    assert len([row for row in await rows(stage, "audit_events") if row["event"] == REMOVED]) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_is_taken_back_while_tiktok_is_being_asked_is_no_sign_in(stage: Stage) -> None:
    """TikTok has vouched for the person, and its answer takes longer than its webhook."""
    await at_tiktok(stage, "settings", webhook_automatic=False)
    browser = await stage.browser()
    sent = await stage.authorize(browser, stage.question())
    callback = await stage.consent(browser, sent.headers["location"])
    stage.clock.advance(2)
    asked, gate = asyncio.Event(), asyncio.Event()

    async def hold(_: float) -> None:
        asked.set()
        await gate.wait()

    stage.world.sleep = hold
    stage.world.faults.add(Fault("user_info", "slow", after=True))
    async with asyncio.TaskGroup() as both:
        coming_back = both.create_task(browser.get(callback))
        await asked.wait()
        await at_tiktok(stage, "people/p1/remove", client_key=CLIENT_KEY)
        await at_tiktok(stage, "webhooks/deliver")
        await all_told(stage)
        assert not coming_back.done()
        gate.set()
    heard = answer_in(coming_back.result().headers["location"])
    assert (heard["error"], heard["state"]) == ("access_denied", "the-state")
    assert await rows(stage, "users") == []
    # Whoever begins anew, if in the same second, is welcome.
    await stage.sign_in()
