"""The database is lost and its backup put back: what works, what comes alive again, and what mends that."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.running import run
from tests.deploy.restoring import back_up, restore
from tests.postgres import PostgresServer
from tests.stage import WEB, WEB_SECRET, HeldClock, Stage, answer_in, running_stage

PEOPLE = 4
_STEADY = 6


@dataclass
class Site:
    """Where the broker runs, and what a backup of its database is made with."""

    url: str
    folder: Path
    server: PostgresServer | None

    async def backup(self) -> Path:
        return await asyncio.to_thread(back_up, self.url, self.folder, self.server)

    async def restored(self, backup: Path) -> str:
        return await asyncio.to_thread(restore, backup, self.folder, self.server)

    def let_go(self, url: str) -> None:
        if self.server is not None:
            self.server.drop_database(url)


@pytest.fixture
def site(request: pytest.FixtureRequest, own_database_url: str, tmp_path: Path) -> Site:
    on_postgresql = own_database_url.startswith("postgresql")
    return Site(own_database_url, tmp_path, request.getfixturevalue("postgres") if on_postgresql else None)


@dataclass
class Person:
    """Somebody who is signed in: the browser, a code not yet redeemed, and tokens."""

    browser: httpx.AsyncClient
    code: str
    tokens: dict[str, Any]


async def arrive(stage: Stage, name: str) -> Person:
    """A sign-in, redeemed, and another one from the same session whose code is on its way."""
    browser = await stage.browser()
    first = await stage.come_back(browser, stage.question(), person=name)
    tokens = (await stage.redeem(first["code"])).json()
    again = await stage.authorize(browser, stage.question())
    return Person(browser, answer_in(again.headers["location"])["code"], tokens)


@contextlib.asynccontextmanager
async def traffic(stage: Stage) -> AsyncIterator[asyncio.Queue[int]]:
    """Refreshes without a pause in several chains while the block runs; an entry for each that succeeded."""
    answered: asyncio.Queue[int] = asyncio.Queue()
    tokens = [(await stage.sign_in())["refresh_token"] for _ in range(3)]

    async def go_on(token: str) -> None:
        while True:
            answer = await stage.refresh(token)
            assert answer.status_code == 200, answer.text
            token = answer.json()["refresh_token"]
            answered.put_nowait(answer.status_code)

    tasks = [asyncio.create_task(go_on(token)) for token in tokens]
    try:
        yield answered
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(each, asyncio.CancelledError) for each in ended), ended


async def more(answered: asyncio.Queue[int]) -> None:
    """Wait until there has been some more traffic from now on."""
    async with asyncio.timeout(60):
        for _ in range(answered.qsize() + _STEADY):
            await answered.get()


async def test_what_was_acknowledged_before_a_backup_under_load_works_after_it_was_put_back(
    site: Site, clock: HeldClock
) -> None:
    """Refresh tokens, access tokens, sessions of browsers, and codes on their way."""
    async with running_stage(site.url, clock) as stage:
        people = [await arrive(stage, f"p{number % 2 + 1}") for number in range(PEOPLE)]
        async with traffic(stage) as answered:
            await more(answered)
            backup = await site.backup()
            await more(answered)
        browsers = [dict(person.browser.cookies) for person in people]
    url = await site.restored(backup)
    checked = await asyncio.to_thread(run, "db", "check", url=url)
    assert checked.exit_code == 0, checked.output
    async with running_stage(url, clock) as stage:
        for person, cookies in zip(people, browsers, strict=True):
            refreshed = await stage.refresh(person.tokens["refresh_token"])
            assert refreshed.status_code == 200, refreshed.text
            assert (await stage.redeem(person.code)).status_code == 200
            async with httpx.AsyncClient(cookies=cookies, verify=False) as browser:
                sent = await stage.authorize(browser, stage.question(prompt="none"))
            assert "code" in answer_in(sent.headers["location"])
    site.let_go(url)


async def test_a_backup_brings_back_what_was_spent_since_until_everybody_is_signed_out(
    site: Site, clock: HeldClock
) -> None:
    """The generation of a grant goes back: the newest token is refused, and one spent since is good again."""
    async with running_stage(site.url, clock) as stage:
        tokens = await stage.sign_in()
        signed_out = await stage.sign_in()
        backup = await site.backup()
        newer = (await stage.refresh(tokens["refresh_token"])).json()
        await stage.http.post("/revoke", data={"token": signed_out["refresh_token"]}, auth=(WEB, WEB_SECRET))
        assert (await stage.refresh(signed_out["refresh_token"])).status_code == 400
        newcomer = await stage.sign_in(person="p2")
        newcomer_sub = (await stage.userinfo(newcomer["access_token"])).json()["sub"]
    url = await site.restored(backup)
    async with running_stage(url, clock) as stage:
        refused = await stage.refresh(newer["refresh_token"])
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
        alive = await stage.refresh(tokens["refresh_token"])
        assert alive.status_code == 200, "spent in the time that is lost"
        back = await stage.refresh(signed_out["refresh_token"])
        assert back.status_code == 200, "ended in the time that is lost"
        assert (await stage.refresh(newcomer["refresh_token"])).status_code == 400
        again = await stage.userinfo((await stage.sign_in(person="p2"))["access_token"])
        assert again.json()["sub"] != newcomer_sub, "whoever was new has another `sub` now"
        done = await asyncio.to_thread(run, "users", "sign-out", "--all", "--yes", url=url)
        assert done.exit_code == 0, done.output
        for token in (alive.json()["refresh_token"], back.json()["refresh_token"], tokens["refresh_token"]):
            assert (await stage.refresh(token)).status_code == 400
    site.let_go(url)
