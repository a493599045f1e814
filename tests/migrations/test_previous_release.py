"""The release before this one serves while its database is upgraded under it, and beside this one afterwards."""

import asyncio
import json
import re
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from broker.simulator.app import create_app
from broker.simulator.apps import App
from broker.simulator.serve import running as simulating
from broker.simulator.world import World
from broker.store import migrations, revision
from tests.cli.running import CHECKOUT, PATIENCE, clean, ended, serving
from tests.migrations.previous import Release, commit, previous, tagged
from tests.stage import CLIENT_KEY, TIKTOK_SECRET, VERIFIER, WEB, WEB_REDIRECT, answer_in, environment
from tests.web.front import question

__all__ = ["previous"]

ISSUER = "http://127.0.0.1:8000"
"""Where a load balancer would listen; the test is the balancer."""

PEOPLE = ("p1", "p2", "p3")


@dataclass
class Crowd:
    """People who sign in at a broker and refresh, again and again. Any answer but the right one is an error."""

    origin: str
    secret: str
    rounds: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PEOPLE, 0))
    tokens: dict[str, str] = field(default_factory=dict)
    over: bool = False
    done: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def go_on(self, http: httpx.AsyncClient, person: str) -> None:
        """Sign in and refresh until it is over."""
        while not self.over:
            self.tokens[person] = await self.sign_in(http, person)
            for _ in range(3):
                await self.refresh(http, person)
            self.rounds[person] += 1
            async with self.done:
                self.done.notify_all()

    async def more_rounds(self, count: int) -> None:
        """Wait until everybody has gone round so many times more."""
        wanted = {person: done + count for person, done in self.rounds.items()}
        async with self.done:
            await self.done.wait_for(lambda: all(self.rounds[each] >= wanted[each] for each in PEOPLE))

    async def sign_in(self, http: httpx.AsyncClient, person: str) -> str:
        """A whole sign-in; the refresh token."""
        http.cookies.clear()
        asked = question(scope="openid profile offline_access")
        sent = await http.get(f"{self.origin}/authorize", params=asked)
        assert sent.status_code == 302, sent.text
        consent = {"person": person, "scope": "user.info.basic", "action": "allow"}
        back = await http.post(sent.headers["location"], data=consent)
        arrived = await http.get(back.headers["location"].replace(ISSUER, self.origin))
        assert arrived.status_code == 302, arrived.text
        code = answer_in(arrived.headers["location"])["code"]
        return await self.token(
            http,
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": WEB_REDIRECT,
                "code_verifier": VERIFIER,
            },
        )

    async def refresh(self, http: httpx.AsyncClient, person: str) -> None:
        """Trade this person's refresh token for the next."""
        form = {"grant_type": "refresh_token", "refresh_token": self.tokens[person]}
        self.tokens[person] = await self.token(http, form)

    async def token(self, http: httpx.AsyncClient, form: dict[str, str]) -> str:
        """The refresh token in the answer of `/token`."""
        answer = await http.post(f"{self.origin}/token", data=form, auth=(WEB, self.secret))
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["refresh_token"]
        return token


async def upgrade(url: str) -> None:
    """`broker db upgrade` of this release, in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "broker", "db", "upgrade"),
        env=clean({"BROKER_DATABASE_URL": url}),
        cwd=CHECKOUT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(PATIENCE):
        told, _ = await process.communicate()
    assert process.returncode == 0, told.decode()


async def test_the_release_before_serves_while_the_schema_is_upgraded(
    previous: Release, new_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of that release's files no coverage is measured.
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
    world = World()
    world.add_app(App(CLIENT_KEY, TIKTOK_SECRET, [f"{ISSUER}/callback/tiktok"]))
    async with AsyncExitStack() as stack:
        tiktok = await stack.enter_async_context(simulating(create_app(world)))
        settings = environment(ISSUER, new_database_url, tiktok)
        secret = prepare(previous, settings, tmp_path)
        (tmp_path / "new").mkdir()
        old = stack.enter_context(serving(environ=previous.environ(settings), cwd=tmp_path))
        crowd = Crowd(old.origin, secret)
        browsers = {
            person: await stack.enter_async_context(httpx.AsyncClient(timeout=PATIENCE, verify=False))
            for person in PEOPLE
        }
        async with asyncio.TaskGroup() as people:
            for person, browser in browsers.items():
                people.create_task(crowd.go_on(browser, person))
            await crowd.more_rounds(1)
            before = sum(crowd.rounds.values())
            await upgrade(new_database_url)
            assert sum(crowd.rounds.values()) > before, "the upgrade was over before anybody did anything"
            await crowd.more_rounds(2)
            crowd.over = True
        assert await asyncio.to_thread(migrations.current, new_database_url) == revision.HEAD
        new = stack.enter_context(serving(environ=settings, cwd=tmp_path / "new"))
        # Replicas change one by one, so that a chain of refreshes wanders between both releases.
        for origin in (new.origin, old.origin, new.origin):
            crowd.origin = origin
            await crowd.refresh(browsers["p1"], "p1")


def prepare(release: Release, settings: dict[str, str], folder: Path) -> str:
    """Migrate and register a client as that release does it; the client's secret."""
    environ = release.environ(settings)
    for command in (
        ("db", "upgrade"),
        ("clients", "add", "Web app", "--client-id", WEB, "--redirect-uri", WEB_REDIRECT, "--json"),
    ):
        done = ended(*command, environ=environ, cwd=folder)
        assert done.returncode == 0, done.stderr
    secret: str = json.loads(done.stdout)["client_secret"]
    return secret


def test_the_release_before_is_another_one(previous: Release) -> None:
    text = (previous.folder / "broker/store/revision.py").read_text()
    found = re.search(r'^HEAD\b.* = "(\w+)"', text, re.MULTILINE)
    assert found is not None
    assert found[1] <= revision.HEAD


def test_the_commit_that_is_written_down_is_the_tagged_one() -> None:
    """By it a clone without tags finds the release; where it finds nothing, nobody would notice."""
    assert tagged() in (None, commit())
