"""An answer of TikTok's in a browser without the login's cookie: a page with a way back, and never a session.

In-app browsers keep cookies of their own, and a phone may hand the way back from TikTok to another browser than
the one it began in.
"""

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from broker import opaque
from broker.login.browser import _PURPOSE
from broker.sealing import Sealer, SecretKey, new_secret_key
from broker.simulator.faults import Fault
from broker.store import clients
from tests.stage import PUBLIC, PUBLIC_REDIRECT, SECRET_KEY, WEB, HeldClock, Stage, answer_in, running_stage
from tests.tiktok.several import add_app, assert_nothing_stored, cookies_left
from tests.web.front import on_sqlite

BEGIN = "https://begin.example/login?from=broker"
SCRIPT = "\"><script>alert(1)</script><a href='javascript:alert(1)'>"
LOST = "This sign-in cannot go on here"
pytestmark = on_sqlite


@pytest.fixture
async def stage(database_url: str, clock: HeldClock) -> AsyncIterator[Stage]:
    async with running_stage(database_url, clock) as ready:
        await add_app(ready, "cli_begin", initiate_login_uri=BEGIN, client_uri="https://app.example/")
        await add_app(ready, "cli_script", client_name=SCRIPT, client_uri="https://app.example/")
        yield ready


async def at_the_callback(stage: Stage, browser: httpx.AsyncClient, client_id: str = WEB, **changes: str) -> str:
    """The callback's address with TikTok's answer, not opened yet."""
    sent = await stage.authorize(browser, stage.question(client_id, **changes))
    return await stage.consent(browser, sent.headers["location"])


async def lost(stage: Stage, callback: str, browser: httpx.AsyncClient | None = None) -> httpx.Response:
    """Open the callback in a browser without the login: the page, which does nothing but explain."""
    browser = browser or await stage.browser()
    calls = stage.world.counters["token"]["calls"]
    before = cookies_left(browser)
    page = await browser.get(callback)
    assert page.status_code == 400
    assert "location" not in page.headers
    assert "set-cookie" not in page.headers
    assert f"<h1>{LOST}</h1>" in page.text
    assert "form-action 'none'" in page.headers["content-security-policy"]
    assert "<form" not in page.text
    assert stage.world.counters["token"]["calls"] == calls
    assert cookies_left(browser) == before
    await assert_nothing_stored(stage)
    return page


def links(page: httpx.Response) -> list[tuple[str, str]]:
    """Address and label of every link."""
    found = re.findall(r'<a class="button" href="([^"]*)"><span>(.*?)</span></a>', page.text, re.DOTALL)
    assert page.text.count("<a ") == len(found)
    return found


@pytest.mark.parametrize("mode", ["query", "form_post"])
async def test_another_browser_gets_the_way_back_and_the_first_one_still_goes_on(stage: Stage, mode: str) -> None:
    """As when a phone opens TikTok's answer in its own browser, while the login began inside an app."""
    in_app = await stage.browser()
    callback = await at_the_callback(stage, in_app, response_mode=mode)
    for another in (await stage.browser(), await stage.browser()):
        page = await lost(stage, callback, another)
        assert links(page) == [("https://app.example/", "Back to Web app")]
    answer = await in_app.get(callback)
    assert answer.status_code == (302 if mode == "query" else 200)
    assert "brc_" in (answer.headers["location"] if mode == "query" else answer.text)


async def test_a_browser_with_a_login_of_its_own_does_not_get_on_with_anothers(stage: Stage) -> None:
    """And its own is left alone."""
    other = await stage.browser()
    own = await at_the_callback(stage, other, PUBLIC)
    callback = await at_the_callback(stage, await stage.browser())
    assert links(await lost(stage, callback, other)) == [("https://app.example/", "Back to Web app")]
    assert "code" in answer_in((await other.get(own)).headers["location"])


async def test_the_way_back_is_the_one_the_app_has_registered(stage: Stage) -> None:
    """OIDC Core §4: where a login can be begun, the app is told by whom; else its home page; else nothing."""
    page = await lost(stage, await at_the_callback(stage, await stage.browser(), "cli_begin"))
    ((address, label),) = links(page)
    assert label == "Back to the app"
    begin = httpx.URL(address.replace("&amp;", "&"))
    assert begin.copy_with(query=None) == httpx.URL("https://begin.example/login")
    assert dict(begin.params) == {"from": "broker", "iss": stage.issuer}
    assert links(await lost(stage, await at_the_callback(stage, await stage.browser(), PUBLIC))) == []


async def test_what_an_app_is_called_is_text_and_nothing_else(stage: Stage) -> None:
    page = await lost(stage, await at_the_callback(stage, await stage.browser(), "cli_script"))
    assert "<script" not in page.text
    assert "alert(1)" in page.text
    assert [address for address, _ in links(page)] == ["https://app.example/"]


@pytest.mark.parametrize("gone", ["disabled", "removed"])
async def test_there_is_no_way_back_to_an_app_that_is_not_welcome(stage: Stage, gone: str) -> None:
    browser = await stage.browser()
    callback = await at_the_callback(stage, browser)
    if gone == "disabled":
        await stage.database.transact(clients.disable, WEB, now=stage.clock())
    else:
        await stage.database.transact(clients.remove, WEB, now=stage.clock())
    stage.clock.advance(5)
    assert links(await lost(stage, callback)) == []
    # Nor in the browser where it began, which loses its cookie.
    page = await browser.get(callback)
    assert (page.status_code, links(page), cookies_left(browser)) == (400, [], [])


async def test_only_a_whole_state_of_ours_names_an_app(stage: Stage) -> None:
    """Truncated, bent, put together from two, sealed by somebody else: a page without a way."""
    browser = await stage.browser()
    callback = httpx.URL(await at_the_callback(stage, browser))
    state = callback.params["state"]
    other = httpx.URL(await at_the_callback(stage, await stage.browser(), "cli_begin")).params["state"]
    name, _, sealed = state.partition(".")
    foreign = Sealer([SecretKey(new_secret_key())]).seal(WEB.encode(), purpose="login state", row=name)
    # Sealed by us, but as something else.
    cookie = Sealer([SecretKey(SECRET_KEY)]).seal(WEB.encode(), purpose=_PURPOSE, row=name)
    half = len(sealed) // 2
    bent = [
        *(state[:length] for length in (0, 1, len(name), len(name) + 1, len(state) - 1)),
        *(_flipped(state, place) for place in (0, len(name) - 1, len(name) + 1, len(name) + half, len(state) - 2)),
        f"{name}.{other.partition('.')[2]}",
        f"{other.partition('.')[0]}.{sealed}",
        f"{name}.{opaque.base64url(foreign)}",
        f"{name}.{opaque.base64url(cookie)}",
        f"{name}.{sealed}.{sealed}",
        f"{name}.{sealed}=",
        f"{state} ",
    ]
    for forged in bent:
        page = await lost(stage, str(callback.copy_set_param("state", forged)))
        assert links(page) == [], forged
    for without in (callback.copy_remove_param("state"), callback.copy_with(query=None)):
        assert links(await lost(stage, str(without))) == []
    assert links(await lost(stage, str(callback)))


def _flipped(text: str, place: int) -> str:
    return text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]


async def test_a_login_that_took_too_long_ends_on_the_page_with_its_way_back(stage: Stage) -> None:
    browser = await stage.browser()
    callback = await at_the_callback(stage, browser)
    stage.clock.advance(stage.settings.login_ttl)
    page = await lost(stage, callback, browser)
    assert "took too long" in page.text
    assert links(page) == [("https://app.example/", "Back to Web app")]


async def test_a_refusal_without_its_cookie_or_its_state_tells_no_app(stage: Stage) -> None:
    """TikTok's Android kit drops `state` on errors: nobody knows whose login it was."""
    browser = await stage.browser()
    sent = await stage.authorize(browser, stage.question())
    refused = await stage.consent(browser, sent.headers["location"], action="deny")
    assert links(await lost(stage, refused)) == [("https://app.example/", "Back to Web app")]
    nameless = str(httpx.URL(refused).copy_remove_param("state"))
    for each in (browser, await stage.browser()):
        assert links(await lost(stage, nameless, each)) == []
    heard = answer_in((await browser.get(refused)).headers["location"])
    assert heard["error"] == "access_denied"


@pytest.mark.parametrize(
    ("language", "title", "back"),
    [
        ("en", LOST, "Back to Web app"),
        ("es", "Este inicio de sesión no puede continuar aquí", "Volver a Web app"),
        ("zh", "无法在此继续登录", "返回 Web app"),
    ],
)
async def test_the_page_speaks_the_browsers_language(stage: Stage, language: str, title: str, back: str) -> None:
    """What the app asked for went with the cookie."""
    callback = await at_the_callback(stage, await stage.browser(), ui_locales="en")
    other = await stage.browser()
    page = await other.get(callback, headers={"accept-language": language})
    assert f"<h1>{title}</h1>" in page.text
    assert [label for _, label in links(page)] == [back]
    assert page.headers["x-request-id"] in page.text


async def test_while_tiktok_does_not_answer_the_page_says_so(stage: Stage) -> None:
    """Starting again, as the page advises else, would lead nowhere. It is so for one registration only."""
    browser = await stage.browser()
    callback = await at_the_callback(stage, browser)
    stage.world.faults.add(Fault("token", "status", status=503, times=None))
    for _ in range(5):
        await stage.come_back(await stage.browser(), stage.question(PUBLIC))
    for address, expected in ((callback, [("https://app.example/", "Back to Web app")]), (nowhere(stage), [])):
        page = await (await stage.browser()).get(address)
        assert (page.status_code, "location" in page.headers, "set-cookie" in page.headers) == (503, False, False)
        assert "<h1>TikTok isn&#39;t answering</h1>" in page.text
        assert int(page.headers["retry-after"]) > 0
        assert links(page) == expected
    await lost(stage, nowhere(stage, "/other"))
    # It is over as soon as one sign-in is answered.
    stage.world.faults.clear()
    assert answer_in((await browser.get(callback)).headers["location"])["code"]
    assert LOST in (await (await stage.browser()).get(callback)).text


def nowhere(stage: Stage, more: str = "") -> str:
    """TikTok's answer to nobody."""
    return f"{stage.issuer}/callback/tiktok{more}?code=x&state=y"


async def test_a_login_lost_on_the_page_of_permissions_has_its_way_back(stage: Stage) -> None:
    await add_app(
        stage, "cli_needy", required_tiktok_scopes=["user.info.basic"], client_uri="https://needy.example/"
    )
    browser = await stage.browser()
    sent = await stage.authorize(browser, stage.question("cli_needy"))
    asking = await browser.get(await stage.consent(browser, sent.headers["location"], scopes=()))
    (login,) = re.findall(r'name="login" value="([^"]+)"', asking.text)
    page = await (await stage.browser()).post(
        f"{stage.issuer}/authorize/again", data={"login": login, "choice": "continue"}
    )
    assert page.status_code == 400
    assert links(page) == [("https://needy.example/", "Back to the app")]
    assert PUBLIC_REDIRECT not in page.text
