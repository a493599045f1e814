"""What people untick at TikTok: optional permissions are reported, required ones are asked for again."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from broker.simulator.faults import Fault
from broker.store import clients
from tests.provider.visiting import at_once, told
from tests.stage import PUBLIC, PUBLIC_REDIRECT, HeldClock, Stage, answer_in, running_stage
from tests.tiktok.several import (
    BOTH_SCOPES,
    PROFILE,
    STATS,
    add_app,
    assert_nothing_stored,
    cookies_left,
    events,
)
from tests.web.front import on_sqlite

BASIC = "user.info.basic"
NEEDY = "cli_needy"
ASKED = f"{BASIC},{PROFILE},{STATS}"
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
async def stage(database_url: str, clock: HeldClock) -> AsyncIterator[Stage]:
    """Three scopes are asked for, and one app requires the second of them."""
    async with running_stage(database_url, clock, BROKER_TIKTOK_SCOPES=ASKED) as ready:
        await add_app(ready, NEEDY, client_name=f"Needy {SCRIPT}", required_tiktok_scopes=[PROFILE])
        yield ready


async def left_out(
    stage: Stage, browser: httpx.AsyncClient, *scopes: str, client_id: str = NEEDY, **changes: str
) -> httpx.Response:
    """Allow only these scopes: the answer to the callback."""
    sent = await stage.authorize(browser, stage.question(client_id, **changes))
    return await browser.get(await stage.consent(browser, sent.headers["location"], scopes=scopes))


def asked_in(page: httpx.Response) -> str:
    """What the answer to the page must bring back."""
    (login,) = re.findall(r'name="login" value="([^"]+)"', page.text)
    return str(login)


async def decide(stage: Stage, browser: httpx.AsyncClient, login: str, choice: str = "continue") -> httpx.Response:
    """Press one of the buttons."""
    return await browser.post(f"{stage.issuer}/authorize/again", data={"login": login, "choice": choice})


async def test_optional_permissions_are_reported_and_only_what_was_granted_is_asked_for(stage: Stage) -> None:
    """TikTok refuses a whole call for one field that was not granted."""
    granted = {"p1": (BASIC,), "p2": BOTH_SCOPES, "p3": (BASIC, STATS)}
    for person, ticked in granted.items():
        answer = await stage.come_back(await stage.browser(), stage.question(PUBLIC), person=person, scopes=ticked)
        claims = told((await stage.redeem(answer["code"], PUBLIC)).json())
        assert claims["tiktok_scopes"] == list(ticked)
        assert claims.get("preferred_username") == ("kwame_m" if PROFILE in ticked else None)
    assert stage.world.counters["user_info"]["errors"] == 0


async def test_a_required_permission_is_asked_for_again_and_nothing_is_stored_before(stage: Stage) -> None:
    browser = await stage.browser()
    sent = await stage.authorize(browser, stage.question(NEEDY))
    first = httpx.URL(sent.headers["location"])
    page = await browser.get(await stage.consent(browser, str(first), scopes=(BASIC, STATS)))
    assert (page.status_code, page.headers["cache-control"]) == (200, "no-store")
    for shown in (
        "A permission is missing",
        "Needy",
        PROFILE,
        "your @name",
        "Continue with TikTok",
        "Back to Needy",
    ):
        assert shown in page.text
    assert STATS not in page.text
    assert SCRIPT not in page.text
    await assert_nothing_stored(stage)
    assert stage.world.counters["user_info"]["calls"] == 0

    again = await decide(stage, browser, asked_in(page))
    second = httpx.URL(again.headers["location"])
    assert again.status_code == 303
    assert second.copy_with(query=None) == first.copy_with(query=None)
    assert second.params["disable_auto_auth"] == "1"
    for anew in ("state", "code_challenge"):
        assert second.params[anew] != first.params[anew]
    # Nor is it the login by which the page was answered.
    assert second.params["state"].partition(".")[0] != asked_in(page).partition(".")[0]
    for same in ("client_key", "scope", "redirect_uri"):
        assert second.params[same] == first.params[same]
    await assert_nothing_stored(stage)

    callback = await stage.consent(browser, str(second), scopes=BOTH_SCOPES)
    heard = answer_in((await browser.get(callback)).headers["location"])
    assert (heard["state"], heard["iss"]) == ("the-state", stage.issuer)
    claims = told((await stage.redeem(heard["code"], NEEDY)).json())
    assert (claims["tiktok_scopes"], claims["nonce"]) == (list(BOTH_SCOPES), "the-nonce")
    assert cookies_left(browser) == ["broker_session"]


@on_sqlite
async def test_it_can_be_left_out_again_and_again(stage: Stage) -> None:
    browser = await stage.browser()
    page = await left_out(stage, browser, BASIC)
    for _ in range(3):
        again = await decide(stage, browser, asked_in(page))
        page = await browser.get(await stage.consent(browser, again.headers["location"], scopes=(BASIC,)))
        assert "A permission is missing" in page.text
        assert len(cookies_left(browser)) == 1
    await assert_nothing_stored(stage)


@on_sqlite
@pytest.mark.parametrize("mode", ["query", "form_post"])
async def test_back_to_the_app_is_access_denied_which_names_the_permission(stage: Stage, mode: str) -> None:
    browser = await stage.browser()
    page = await left_out(stage, browser, BASIC, response_mode=mode)
    answer = await decide(stage, browser, asked_in(page), "back")
    if mode == "query":
        assert answer.status_code == 303
        assert answer.headers["location"].startswith(f"{PUBLIC_REDIRECT}?")
        heard = answer_in(answer.headers["location"])
    else:
        assert f'action="{PUBLIC_REDIRECT}"' in answer.text
        heard = dict(re.findall(r'name="([a-z_]+)" value="([^"]*)"', answer.text))
    assert (heard["error"], heard["state"], heard["iss"]) == ("access_denied", "the-state", stage.issuer)
    assert PROFILE in heard["error_description"]
    assert cookies_left(browser) == []
    await assert_nothing_stored(stage)


@on_sqlite
async def test_the_question_is_answered_once_and_in_its_own_browser_only(stage: Stage) -> None:
    browser, other = await stage.browser(), await stage.browser()
    page = await left_out(stage, browser, BASIC)
    login = asked_in(page)
    # Another browser: also what a form on another site brings, since Lax keeps the cookie back.
    theirs = asked_in(await left_out(stage, other, BASIC))
    for stranger, brought in ((other, login), (browser, theirs), (await stage.browser(), login)):
        for choice in ("continue", "back"):
            refused = await decide(stage, stranger, brought, choice)
            assert (refused.status_code, "location" in refused.headers) == (400, False)
    for bent in ("", "x", login[:-1], login.partition(".")[2], login[:20], "é" * 40):
        refused = await decide(stage, browser, bent)
        # The name alone decides; what stands behind it shows the way back only.
        assert refused.status_code == (303 if bent.partition(".")[0] == login.partition(".")[0] else 400), bent
        if refused.status_code == 303:
            break
    for choice in ("continue", "back"):
        assert (await decide(stage, browser, login, choice)).status_code == 400
    await assert_nothing_stored(stage)


@on_sqlite
async def test_a_login_that_waits_for_a_decision_takes_no_answer_of_tiktoks(stage: Stage) -> None:
    """Nor does one that is at TikTok take a decision. Each is in the state it is in."""
    browser = await stage.browser()
    sent = await stage.authorize(browser, stage.question(NEEDY))
    callback = await stage.consent(browser, sent.headers["location"], scopes=(BASIC,))
    at_tiktok = httpx.URL(callback).params["state"]
    assert (await decide(stage, browser, at_tiktok)).status_code == 400
    waiting = asked_in(await browser.get(callback))
    calls = stage.world.counters["token"]["calls"]
    for state in (waiting, at_tiktok):
        brought = httpx.URL(callback).copy_set_param("state", state)
        refused = await browser.get(brought)
        assert (refused.status_code, "location" in refused.headers) == (400, False)
    assert stage.world.counters["token"]["calls"] == calls
    assert (await decide(stage, browser, waiting)).status_code == 303
    await assert_nothing_stored(stage)


@on_sqlite
async def test_the_question_waits_no_longer_than_a_login(stage: Stage) -> None:
    early, late = await stage.browser(), await stage.browser()
    first, second = [asked_in(await left_out(stage, browser, BASIC)) for browser in (early, late)]
    stage.clock.advance(stage.settings.login_ttl - 1)
    assert (await decide(stage, early, first)).status_code == 303
    stage.clock.advance(1)
    page = await decide(stage, late, second)
    assert page.status_code == 400
    assert "took too long" in page.text


@on_sqlite
async def test_a_session_that_lacks_a_required_permission_leads_to_tiktoks_consent_page(stage: Stage) -> None:
    """Somebody has signed in to an app that requires nothing; TikTok would not ask by itself again."""
    browser = await stage.browser()
    answer = await stage.come_back(browser, stage.question(PUBLIC), scopes=(BASIC,))
    assert "code" in answer
    # The session here does not suffice for the other app, and without a page it cannot get what is missing.
    heard = await at_once(stage, browser, NEEDY, prompt="none")
    assert (heard["error"], heard["state"]) == ("consent_required", "the-state")
    sent = await stage.authorize(browser, stage.question(NEEDY))
    asked = httpx.URL(sent.headers["location"])
    assert asked.params["disable_auto_auth"] == "1"
    # With all that is needed, single sign-on goes on as ever.
    callback = await stage.consent(browser, str(asked), scopes=BOTH_SCOPES)
    assert "code" in answer_in((await browser.get(callback)).headers["location"])
    assert "code" in await at_once(stage, browser, NEEDY, prompt="none")


@on_sqlite
async def test_the_basic_permission_is_required_always_and_asked_for_again_where_others_are(stage: Stage) -> None:
    page = await left_out(stage, await stage.browser(), STATS)
    for scope, meaning in ((BASIC, "your display name and your picture"), (PROFILE, "your @name")):
        assert scope in page.text
        assert meaning in page.text
    browser = await stage.browser()
    answer = answer_in((await left_out(stage, browser, PROFILE, client_id=PUBLIC)).headers["location"])
    assert answer["error"] == "access_denied"
    assert BASIC in answer["error_description"]
    assert cookies_left(browser) == []
    await assert_nothing_stored(stage)


@on_sqlite
async def test_what_is_required_but_not_asked_for_is_the_operators_to_mend(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody is sent to TikTok for something that TikTok will not be asked for."""
    await add_app(stage, "cli_greedy", required_tiktok_scopes=[PROFILE, "video.list"])
    capsys.readouterr()
    browser = await stage.browser()
    heard = await at_once(stage, browser, "cli_greedy")
    assert (heard["error"], heard["state"]) == ("server_error", "the-state")
    assert cookies_left(browser) == []
    (line,) = events(capsys.readouterr().err, "registration.scope_not_asked_for")
    assert (line["level"], line["registration"], line["scopes"]) == ("error", "default", ["video.list"])


@on_sqlite
@pytest.mark.parametrize("choice", ["continue", "back"])
async def test_whatever_happens_to_the_app_meanwhile_ends_well(stage: Stage, choice: str) -> None:
    """It is disabled while the page is open: it hears the refusal it is owed, or nobody gets a code."""
    browser = await stage.browser()
    page = await left_out(stage, browser, BASIC)
    await stage.database.transact(clients.disable, NEEDY, now=stage.clock())
    stage.clock.advance(5)
    answer = await decide(stage, browser, asked_in(page), choice)
    if choice == "continue":
        callback = await stage.consent(browser, answer.headers["location"], scopes=BOTH_SCOPES)
        answer = await browser.get(callback)
        assert (answer.status_code, "location" in answer.headers) == (400, False)
    assert cookies_left(browser) == []
    await assert_nothing_stored(stage)


@on_sqlite
async def test_the_page_goes_away_with_tiktok(stage: Stage) -> None:
    """Nobody is sent to a TikTok that does not answer; the app hears so."""
    browser = await stage.browser()
    login = asked_in(await left_out(stage, browser, BASIC))
    await break_tiktok(stage)
    heard = answer_in((await decide(stage, browser, login)).headers["location"])
    assert (heard["error"], heard["state"]) == ("temporarily_unavailable", "the-state")
    assert cookies_left(browser) == []


async def break_tiktok(stage: Stage) -> None:
    """Let sign-ins fail until nobody is sent to TikTok any more."""
    stage.world.faults.add(Fault("token", "status", status=503, times=None))
    for _ in range(5):
        await stage.come_back(await stage.browser(), stage.question(PUBLIC))
    assert (await at_once(stage, await stage.browser()))["error"] == "temporarily_unavailable"


@on_sqlite
async def test_a_scope_that_tiktok_denies_is_never_answered_by_a_refresh(stage: Stage) -> None:
    """Two 401s look alike: the one about scopes is final (TikTok API error handling)."""
    stage.world.faults.add(Fault("user_info", "error", error="scope_not_authorized", status=401, times=None))
    before = {place: stage.world.counters[place]["calls"] for place in ("token", "user_info")}
    heard = await stage.come_back(await stage.browser(), stage.question(PUBLIC))
    assert heard["error"] == "access_denied"
    assert {place: stage.world.counters[place]["calls"] - calls for place, calls in before.items()} == {
        "token": 1,
        "user_info": 1,
    }
    assert stage.world.counters["token"]["refresh_token"] == 0
    await assert_nothing_stored(stage)


@on_sqlite
@pytest.mark.parametrize(
    ("ui_locales", "title"),
    [("en", "A permission is missing"), ("es", "Falta un permiso"), ("zh", "缺少一项权限")],
)
async def test_the_page_speaks_what_the_app_asked_for(stage: Stage, ui_locales: str, title: str) -> None:
    browser = await stage.browser()
    browser.headers["accept-language"] = "fr"
    page = await left_out(stage, browser, BASIC, ui_locales=ui_locales)
    assert f"<h1>{title}</h1>" in page.text
