"""Somebody who leaves, an operator's commands beside the broker, and what TikTok and the database know of it."""

import asyncio
from dataclasses import dataclass
from typing import Any

import httpx
from click.testing import Result

from broker.clock import system_clock
from tests.cli import running as command_line
from tests.journeys.tables import contents
from tests.logout.apps import signed_in
from tests.stage import CLIENT_KEY, WEB, WEB_SECRET, Stage

HOUR = 3_600
A_WHILE = 61
"""Seconds after which a sign-in is certainly later than what TikTok's webhook tells of."""


@dataclass
class Somebody:
    """A person who has signed in to an app in a browser of their own."""

    browser: httpx.AsyncClient
    tokens: dict[str, Any]
    sub: str
    open_id: str
    union_id: str


async def arrived(stage: Stage) -> Somebody:
    browser = await stage.browser()
    answer = await stage.come_back(browser, stage.question())
    tokens = (await stage.redeem(answer["code"])).json()
    told = (await stage.userinfo(tokens["access_token"])).json()
    return Somebody(browser, tokens, told["sub"], told["open_id"], told["union_id"])


async def command(stage: Stage, *arguments: str) -> Result:
    """`broker …`, in a thread, as a process of its own would run; then the stage's time is what it is there."""
    result = await asyncio.to_thread(command_line.run, *arguments, url=stage.settings.database_url.reveal())
    stage.clock.now = max(stage.clock.now, system_clock())
    return result


def revokes(stage: Stage) -> int:
    return stage.world.counters["revoke"]["calls"]


def refreshes(stage: Stage) -> int:
    return stage.world.counters["token"]["refresh_token"]


async def tiktok_heard(stage: Stage) -> None:
    """Return as soon as the broker has dealt with what waits: it looks once in a second."""
    async with asyncio.timeout(5):
        while await table(stage, "outbox"):
            # Every request lets the broker, which runs in this loop, go on.
            await stage.http.get("/healthz")


async def webhook_came(stage: Stage, *, before: int = 0) -> None:
    """Return as soon as TikTok has told of the revocation, reason 5, and the broker has dealt with that, too.

    `before`: so many deliveries have come already.
    """
    async with asyncio.timeout(5):
        while len(await table(stage, "webhook_deliveries")) <= before:
            await stage.http.get("/healthz")
    await tiktok_heard(stage)


def allowed(stage: Stage) -> bool:
    """Whether the app is among the person's connected apps at TikTok."""
    return stage.world.grants.cover("p1", CLIENT_KEY, ["user.info.basic"])


async def table(stage: Stage, name: str) -> list[dict[str, Any]]:
    return (await contents(stage.database))[name]


async def is_out(stage: Stage, person: Somebody) -> None:
    """Nothing that the person or their app holds is good any more."""
    refused = await stage.refresh(person.tokens["refresh_token"])
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert (await stage.userinfo(person.tokens["access_token"])).status_code == 401
    asked = {"token": person.tokens["access_token"]}
    introspected = await stage.http.post("/introspect", data=asked, auth=(WEB, WEB_SECRET))
    assert introspected.json() == {"active": False}
    assert not await signed_in(stage, person.browser)
