"""The database away in the middle of a journey: everybody is told to come back, and later everything goes on."""

import sqlite3
from collections.abc import Iterator

import httpx
import pytest

from broker.store.database import connect
from tests.journeys.proxy import proxied
from tests.journeys.tables import written
from tests.postgres import PostgresServer
from tests.stage import PUBLIC, HeldClock, Stage, answer_in, running_stage


@pytest.fixture
def postgres_copy(postgres: PostgresServer, postgres_template: str) -> Iterator[str]:
    url = postgres.create_database(copy_of=postgres_template)
    yield url
    postgres.drop_database(url)


async def to_the_callback(stage: Stage, browser: httpx.AsyncClient, **changes: str) -> str:
    sent = await stage.authorize(browser, stage.question(**changes))
    return await stage.consent(browser, sent.headers["location"])


def assert_come_back(answer: httpx.Response) -> None:
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "2"
    assert answer.json()["error"] == "temporarily_unavailable"
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_with_postgresql_away_everybody_is_told_to_come_back(postgres_copy: str, clock: HeldClock) -> None:
    async with proxied(postgres_copy) as proxy, running_stage(proxy.url, clock) as stage:
        tokens = await stage.sign_in()
        browser = await stage.browser()
        callback = await to_the_callback(stage, browser)
        late = await stage.browser()
        called_late = await to_the_callback(stage, late)
        await proxy.cut()
        await cut_off(stage, browser, callback, tokens)
        # The sealed login tells where to answer, also when the app has not been looked up for a while.
        told = answer_in((await late.get(called_late)).headers["location"])
        assert (told["error"], told["state"]) == ("temporarily_unavailable", "the-state")
        await proxy.mend()
        assert (await stage.http.get("/readyz")).status_code == 200
        assert (await stage.refresh(tokens["refresh_token"])).status_code == 200
        await stage.sign_in(PUBLIC)
    direct = await connect(postgres_copy)
    assert await written(direct) == {"users": 1, "accounts": 1, "sessions": 2, "grants": 2, "audit_events": 2}
    await direct.close()


async def cut_off(stage: Stage, browser: httpx.AsyncClient, callback: str, tokens: dict[str, str]) -> None:
    """Every endpoint while nothing can be read or written."""
    # An app that is known from a moment ago is sent on; at the callback it hears of it.
    told = answer_in((await browser.get(callback)).headers["location"])
    assert (told["error"], told["state"]) == ("temporarily_unavailable", "the-state")
    assert [name for name in browser.cookies if name.startswith("broker_")] == []
    # An app that has to be looked up: a page, since nobody knows where the answer may go.
    page = await stage.authorize(browser, stage.question(PUBLIC))
    assert (page.status_code, page.headers["retry-after"]) == (503, "2")
    assert "<h1>This is not possible right now</h1>" in page.text
    # A browser that lost its cookie gets its page all the same.
    stage.clock.advance(6)
    lost = await (await stage.browser()).get(callback)
    assert (lost.status_code, "cannot go on here" in lost.text) == (400, True)
    assert_come_back(await stage.refresh(tokens["refresh_token"]))
    assert_come_back(await stage.redeem("brc_x"))
    assert_come_back(await stage.userinfo(tokens["access_token"]))
    ready = await stage.http.get("/readyz")
    assert (ready.status_code, ready.headers["retry-after"]) == (503, "2")
    for path in ("/healthz", "/.well-known/jwks.json", "/.well-known/openid-configuration"):
        assert (await stage.http.get(path)).status_code == 200


async def test_with_sqlite_locked_nothing_is_spent(
    file_url: str, clock: HeldClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.store.sqlite._PRAGMAS", ("PRAGMA busy_timeout = 0", "PRAGMA foreign_keys = ON"))
    async with running_stage(file_url, clock) as stage:
        browser = await stage.browser()
        code = (await stage.come_back(browser, stage.question()))["code"]
        # Who is signed in would be answered at once.
        callback = await to_the_callback(stage, browser, prompt="login")
        other = sqlite3.connect(file_url.removeprefix("sqlite:///"), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert_come_back(await stage.redeem(code))
        told = answer_in((await browser.get(callback)).headers["location"])
        assert told["error"] == "temporarily_unavailable"
        # A session answers as little as TikTok does; who is signed in stays so.
        told = answer_in((await stage.authorize(browser, stage.question(prompt="none"))).headers["location"])
        assert (told["error"], told["state"]) == ("temporarily_unavailable", "the-state")
        other.execute("ROLLBACK")
        other.close()
        assert (await stage.redeem(code)).status_code == 200
        assert (await written(stage.database))["grants"] == 1
        assert "code" in answer_in((await stage.authorize(browser, stage.question())).headers["location"])
