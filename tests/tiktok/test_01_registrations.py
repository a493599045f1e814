"""Several TikTok apps at once: people meet in one user, logins stay with the app they began at."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as proving
from hypothesis import strategies as st

from broker.app import running as running_broker
from broker.simulator.people import Person
from broker.store import clients
from tests.by_hand import execute
from tests.journeys.tables import contents
from tests.provider.visiting import at_once, enter, told
from tests.stage import CLIENT_KEY, PUBLIC_REDIRECT, HeldClock, Stage, answer_in
from tests.tiktok.several import PINNED, assert_nothing_stored, cookies_left, events, stage_of_three
from tests.web.front import on_sqlite, query_of

NAMES = itertools.count()
VISITS = st.lists(st.tuples(st.integers(0, 2), st.sampled_from(sorted(PINNED))), min_size=1, max_size=7)


@pytest.fixture
async def three(database_url: str, clock: HeldClock, tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage_of_three(database_url, clock, tmp_path) as ready:
        yield ready


def newcomer(stage: Stage) -> str:
    """Somebody whom nobody has seen before."""
    name = f"x{next(NAMES)}"
    stage.world.people[name] = Person(name, name, name, "", False, 0, 0, 0, 0)
    return name


async def meet(stage: Stage, visits: list[tuple[int, str]]) -> None:
    """Sign people in, and hold what apps are told against who they are."""
    people = [newcomer(stage) for _ in range(3)]
    seen: dict[str, set[str]] = {}
    accounts: dict[tuple[str, str], str] = {}
    browser = await stage.browser()
    for who, registration in visits:
        browser.cookies.clear()
        claims = told(await enter(stage, browser, PINNED[registration], person=people[who]))
        seen.setdefault(people[who], set()).add(claims["sub"])
        assert claims["union_id"] == stage.world.people[people[who]].union_id("Sample developer")
        before = accounts.setdefault((people[who], registration), claims["open_id"])
        assert claims["open_id"] == before
    await browser.aclose()
    # One user each, whichever way they came, and never two people in one.
    assert all(len(subs) == 1 for subs in seen.values())
    assert len(set.union(*seen.values())) == len(seen)
    assert len(set(accounts.values())) == len(accounts)
    rows = [row for row in (await contents(stage.database))["accounts"] if row["open_id"] in accounts.values()]
    assert {row["user_id"] for row in rows} == set.union(*seen.values())
    assert len(rows) == len(accounts)


def test_one_person_is_one_user_in_any_order_of_sign_ins(database_url: str, tmp_path: Path) -> None:
    with asyncio.Runner() as runner:
        context = stage_of_three(database_url, HeldClock(), tmp_path)
        stage = runner.run(context.__aenter__())
        try:

            @proving(max_examples=12, deadline=None, database=None, suppress_health_check=list(HealthCheck))
            @given(visits=VISITS)
            def in_any_order(visits: list[tuple[int, str]]) -> None:
                runner.run(meet(stage, visits))

            in_any_order()
        finally:
            runner.run(context.__aexit__(None, None, None))


async def test_one_person_is_one_user_when_all_first_sign_ins_happen_at_once(three: Stage) -> None:
    person = newcomer(three)

    async def arrive(client_id: str) -> str:
        return str(told(await enter(three, await three.browser(), client_id, person=person))["sub"])

    assert len(set(await asyncio.gather(*map(arrive, PINNED.values())))) == 1
    found = await contents(three.database)
    assert (len(found["users"]), len(found["accounts"])) == (1, 3)


@on_sqlite
async def test_each_app_is_sent_through_its_own_registration_and_back_on_its_own_path(three: Stage) -> None:
    """RFC 9700 §4.4: an answer on the path of another is no answer, and spends nothing."""
    keys = {CLIENT_KEY, "aw0example0key02", "aw0example0key03"}
    paths = {name: "/callback/tiktok" + ("" if name == "default" else f"/{name}") for name in PINNED}
    for name, client_id in PINNED.items():
        browser = await three.browser()
        sent = (await three.authorize(browser, three.question(client_id))).headers["location"]
        asked = httpx.URL(sent).params
        keys.remove(asked["client_key"])
        assert asked["redirect_uri"] == three.issuer + paths[name]
        callback = await three.consent(browser, sent)
        for other in (*paths.values(), "/callback/tiktok/nobody"):
            if other != paths[name]:
                answer = await browser.get(callback.replace(paths[name] + "?", other + "?"))
                assert (answer.status_code, "location" in answer.headers) == (400, False)
        await assert_nothing_stored(three)
        assert "code" in answer_in((await browser.get(callback)).headers["location"])
        for table in ("users", "audit_events"):
            await execute(three.database, f"DELETE FROM {table}")
    assert keys == set()


@on_sqlite
async def test_single_sign_on_stays_within_a_registration(three: Stage) -> None:
    browser = await three.browser()
    await enter(three, browser)
    assert "code" in await at_once(three, browser, prompt="none")
    assert (await at_once(three, browser, PINNED["second"], prompt="none"))["error"] == "login_required"
    await enter(three, browser, PINNED["second"])
    assert "code" in await at_once(three, browser, PINNED["second"], prompt="none")


@on_sqlite
async def test_a_login_ends_with_its_registration(three: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """The operator takes the registration out of the settings and restarts, while people are at TikTok."""
    browser = await three.browser()
    sent = await three.authorize(browser, three.question(PINNED["second"]))
    callback = await three.consent(browser, sent.headers["location"])
    calls = three.world.counters["token"]["calls"]
    fewer = replace(three.settings, registrations=three.settings.registrations[:1])
    async with (
        running_broker(fewer, clock=three.clock) as app,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app), base_url=three.issuer, cookies=browser.cookies
        ) as later,
    ):
        answer = await later.get(callback)
        heard = answer_in(answer.headers["location"])
        assert answer.headers["location"].startswith(f"{PUBLIC_REDIRECT}?")
        assert (heard["error"], heard["state"], heard["iss"]) == ("server_error", "the-state", three.issuer)
        assert cookies_left(later) == []
        # Nor is another begun; that app hears the same.
        again = await three.authorize(later, three.question(PINNED["second"]))
        assert query_of(again.headers["location"])["error"] == ["server_error"]
        assert cookies_left(later) == []
    # The operator hears of it, each time.
    lines = events(capsys.readouterr().err, "registration.not_configured")
    assert [(line["level"], line["registration"]) for line in lines] == [("error", "second")] * 2
    assert three.world.counters["token"]["calls"] == calls
    await assert_nothing_stored(three)


@on_sqlite
async def test_a_login_ends_when_its_app_is_moved_to_another_registration(three: Stage) -> None:
    browser = await three.browser()
    sent = await three.authorize(browser, three.question(PINNED["second"]))
    callback = await three.consent(browser, sent.headers["location"])
    await move(three, PINNED["second"], "third")
    calls = three.world.counters["token"]["calls"]
    three.clock.advance(5)
    heard = answer_in((await browser.get(callback)).headers["location"])
    assert (heard["error"], heard["state"]) == ("server_error", "the-state")
    assert cookies_left(browser) == []
    assert three.world.counters["token"]["calls"] == calls
    await assert_nothing_stored(three)
    # The next one goes the new way.
    sent = await three.authorize(browser, three.question(PINNED["second"]))
    assert httpx.URL(sent.headers["location"]).params["client_key"] == "aw0example0key03"


async def move(stage: Stage, client_id: str, registration: str) -> None:
    """Pin an app to another registration, as `broker clients update` does."""
    metadata = {
        "redirect_uris": [PUBLIC_REDIRECT],
        "token_endpoint_auth_method": "none",
        "registration": registration,
    }
    changed = await stage.database.transact(
        clients.set_metadata, client_id, metadata, version=1, now=stage.clock()
    )
    assert changed
