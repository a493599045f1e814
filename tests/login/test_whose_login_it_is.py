"""TikTok's answer is taken for a login begun in this very browser, once, in time, and on its own path."""

import asyncio
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from broker.store import clients
from tests.journeys.tables import written
from tests.stage import PUBLIC, WEB, Stage, answer_in
from tests.web.front import on_sqlite, query_of

ONE_SIGN_IN = {"users": 1, "accounts": 1, "sessions": 1, "grants": 1, "audit_events": 1}


async def at_the_callback(stage: Stage, browser: httpx.AsyncClient, client_id: str = WEB, **changes: str) -> str:
    """Begin a login and let TikTok approve it: the callback's address, not opened yet."""
    sent = await stage.authorize(browser, stage.question(client_id, **changes))
    return await stage.consent(browser, sent.headers["location"])


async def assert_lost(stage: Stage, answer: httpx.Response, **kept: int) -> None:
    """A page that explains, no session, nothing written but what is `kept`."""
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert "This sign-in cannot go on here" in answer.text
    assert "Start again from the app" in answer.text
    assert "broker_session" not in answer.headers.get("set-cookie", "")
    assert await written(stage.database) == kept


def login_cookie(browser: httpx.AsyncClient) -> tuple[str, str]:
    """The name and value of the one login that this browser has open."""
    (found,) = [(name, value) for name, value in browser.cookies.items() if name.startswith("broker_login_")]
    return found


def with_changed(address: str, **changes: str | None) -> str:
    """The address with parameters changed, or taken out."""
    parts = urlsplit(address)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()} | changes
    return parts._replace(
        query=urlencode({name: value for name, value in query.items() if value is not None})
    ).geturl()


@on_sqlite
async def test_another_browser_is_told_to_start_again_and_gets_no_session(stage: Stage) -> None:
    callback = await at_the_callback(stage, await stage.browser())
    stranger = await stage.browser()
    answer = await stranger.get(callback)
    await assert_lost(stage, answer)
    # The way back is the app's own address, out of the sealed part of TikTok's state.
    assert 'href="https://app.example/"' in answer.text
    assert "Back to Web app" in answer.text


@on_sqlite
async def test_somebody_elses_answer_cannot_be_slipped_into_a_login_begun_here(stage: Stage) -> None:
    """Login CSRF and code injection (RFC 9700 §4.5, §4.7): the victim has a login of their own open."""
    attacker, victim = await stage.browser(), await stage.browser()
    theirs = await at_the_callback(stage, attacker)
    await stage.authorize(victim, stage.question(PUBLIC))
    await assert_lost(stage, await victim.get(theirs))
    # Nor does the attacker's browser get on with the victim's state and its own cookie.
    (name, _), (_, value) = login_cookie(victim), login_cookie(attacker)
    forged = f"{name}={value}"
    await assert_lost(stage, await (await stage.browser()).get(theirs, headers={"cookie": forged}))


@on_sqlite
async def test_a_state_that_is_not_the_whole_one_finds_no_login(stage: Stage) -> None:
    browser = await stage.browser()
    callback = await at_the_callback(stage, browser)
    state = parse_qs(urlsplit(callback).query)["state"][0]
    name, _, app = state.partition(".")
    for forged in (
        None,
        "",
        "x",
        name[:8],
        name[:-1],
        name[:8] + "a" * 24,
        name.upper(),
        f" {state}",
        app,
        f".{app}",
        "é" * 40,
        "x" * 9_000,
    ):
        await assert_lost(stage, await browser.get(with_changed(callback, state=forged)))
    assert (await browser.get(callback)).status_code == 302


@on_sqlite
async def test_a_tampered_cookie_is_an_unknown_login(stage: Stage) -> None:
    browser = await stage.browser()
    callback = await at_the_callback(stage, browser)
    name, value = login_cookie(browser)
    flipped = value[:-3] + ("A" if value[-3] != "A" else "B") + value[-2:]
    other = await stage.browser()
    for forged in (flipped, value[:-1], value + "A", value.partition(".")[2], "0.", "", f"{value}=", value * 2):
        await assert_lost(stage, await other.get(callback, headers={"cookie": f"{name}={forged}"}))


@on_sqlite
async def test_a_login_ends_in_the_second_its_time_is_up(stage: Stage) -> None:
    """Both are begun together; one comes back in the last good second, the other in the next."""
    early, late = await stage.browser(), await stage.browser()
    first, second = await at_the_callback(stage, early), await at_the_callback(stage, late)
    stage.clock.advance(stage.settings.login_ttl)
    await assert_lost(stage, await late.get(second))
    stage.clock.advance(-1)
    # TikTok's own code has died by then, but the login has not: the app is told, not a page shown.
    assert (await early.get(first)).status_code == 302


@on_sqlite
async def test_the_answer_must_come_on_the_path_of_its_registration(stage: Stage) -> None:
    """RFC 9700 §4.4: one TikTok app cannot be mixed up with another."""
    browser = await stage.browser()
    callback = await at_the_callback(stage, browser)
    await assert_lost(stage, await browser.get(callback.replace("/tiktok", "/tiktok/other")))
    assert "code" in answer_in((await browser.get(callback)).headers["location"])


async def test_a_finished_login_cannot_be_finished_again(stage: Stage) -> None:
    """Even by a browser that kept the cookie and brings a fresh code of TikTok's for the same login."""
    browser = await stage.browser()
    to_tiktok = (await stage.authorize(browser, stage.question())).headers["location"]
    first, second = [await stage.consent(await stage.browser(), to_tiktok) for _ in range(2)]
    cookie = cookies_of(browser)
    assert "code" in answer_in((await browser.get(first)).headers["location"])
    assert [name for name in browser.cookies if "login" in name] == []
    kept = await stage.browser()
    for callback in (first, second):
        answer = await kept.get(callback, headers={"cookie": cookie})
        assert "code" not in query_of(answer.headers.get("location", ""))
        assert "broker_session" not in answer.headers["set-cookie"]
    # Once TikTok vouched for it again, which is written down.
    assert await written(stage.database) == {**ONE_SIGN_IN, "audit_events": 2}


@pytest.mark.usefixtures("patient")
async def test_a_login_finished_many_times_at_once_gives_one_code(stage: Stage) -> None:
    """TikTok vouches each time, so the insert of the grant decides."""
    browser = await stage.browser()
    to_tiktok = (await stage.authorize(browser, stage.question())).headers["location"]
    callbacks = [await stage.consent(await stage.browser(), to_tiktok) for _ in range(6)]
    async with httpx.AsyncClient(headers={"cookie": cookies_of(browser)}, timeout=60, verify=False) as racing:
        answers = await asyncio.gather(*(racing.get(callback) for callback in callbacks))
    assert sorted(answer.status_code for answer in answers) == [302] + [400] * 5
    assert await written(stage.database) == {**ONE_SIGN_IN, "audit_events": 6}


def cookies_of(browser: httpx.AsyncClient) -> str:
    """The browser's cookies as a header, to be brought again."""
    return "; ".join(f"{name}={value}" for name, value in browser.cookies.items())


async def test_parallel_logins_in_one_browser_both_finish(stage: Stage) -> None:
    browser = await stage.browser()
    first = await at_the_callback(stage, browser, state="tab-1")
    second = await at_the_callback(stage, browser, PUBLIC, state="tab-2")
    told = [answer_in((await browser.get(callback)).headers["location"]) for callback in (second, first)]
    assert [answer["state"] for answer in told] == ["tab-2", "tab-1"]
    assert (await stage.redeem(told[0]["code"], PUBLIC)).status_code == 200
    assert (await stage.redeem(told[1]["code"])).status_code == 200


async def test_two_parallel_logins_cannot_be_swapped(stage: Stage) -> None:
    """The code of one tab's TikTok app visit, brought with the state of the other: PKCE tells them apart."""
    browser = await stage.browser()
    first = await at_the_callback(stage, browser, state="tab-1")
    second = await at_the_callback(stage, browser, PUBLIC, state="tab-2")
    code = parse_qs(urlsplit(second).query)["code"][0]
    told = answer_in((await browser.get(with_changed(first, code=code))).headers["location"])
    assert (told["error"], told["state"]) == ("server_error", "tab-1")
    assert await written(stage.database) == {}


@on_sqlite
async def test_tiktok_refusing_without_a_state_is_a_page(stage: Stage) -> None:
    browser = await stage.browser()
    await stage.authorize(browser, stage.question())
    answer = await browser.get(f"{stage.issuer}/callback/tiktok?error=access_denied&errCode=-2")
    await assert_lost(stage, answer)


@pytest.mark.parametrize("gone", ["disabled", "removed"])
async def test_a_client_that_is_gone_by_the_callback_gets_no_code(stage: Stage, gone: str) -> None:
    browser = await stage.browser()
    callback = await at_the_callback(stage, browser)
    if gone == "disabled":
        await stage.database.transact(clients.disable, WEB, now=stage.clock())
    else:
        await stage.database.transact(clients.remove, WEB, now=stage.clock())
    await assert_lost(stage, await browser.get(callback), audit_events=1)
    assert [name for name in browser.cookies if "login" in name] == []
