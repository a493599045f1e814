"""When somebody who is signed in is asked again, and that `auth_time` is the truth (OIDC Core §3.1.2.1)."""

import pytest

from tests.journeys.tables import contents, written
from tests.provider.visiting import SESSION, asks_tiktok, at_once, enter, resume, told
from tests.stage import PUBLIC, Stage, answer_in


async def test_prompt_none_is_answered_by_a_session_and_never_by_tiktok(file_stage: Stage) -> None:
    browser = await file_stage.browser()
    refused = await file_stage.authorize(browser, file_stage.question(prompt="none"))
    answer = answer_in(refused.headers["location"])
    assert (answer["error"], answer["state"]) == ("login_required", "the-state")
    # Nothing began: neither a login in the browser nor a row.
    assert "set-cookie" not in refused.headers
    assert await written(file_stage.database) == {}
    await enter(file_stage, browser)
    assert "code" in await at_once(file_stage, browser, PUBLIC, prompt="none")


@pytest.mark.parametrize("prompt", ["login", "consent", "select_account", "login consent select_account"])
async def test_every_other_prompt_asks_tiktok_anew_and_moves_auth_time(file_stage: Stage, prompt: str) -> None:
    stage, browser = file_stage, await file_stage.browser()
    first = told(await enter(stage, browser))
    stage.clock.advance(50)
    assert (await asks_tiktok(stage, browser, prompt=prompt))["disable_auto_auth"] == "1"
    second = told(await enter(stage, browser, prompt=prompt))
    assert second["auth_time"] == first["auth_time"] + 50
    assert second["sub"] == first["sub"]


async def test_a_prompt_abandoned_at_tiktok_leaves_the_session_as_it_was(file_stage: Stage) -> None:
    stage, browser = file_stage, await file_stage.browser()
    first = told(await enter(stage, browser))
    cookie, before = browser.cookies[SESSION], (await contents(stage.database))["sessions"]
    answer = await stage.come_back(browser, stage.question(prompt="login"), action="deny")
    assert answer["error"] == "access_denied"
    assert browser.cookies[SESSION] == cookie
    assert (await contents(stage.database))["sessions"] == before
    assert told(await resume(stage, browser))["auth_time"] == first["auth_time"]


async def test_max_age_lets_a_session_answer_while_it_is_young_enough(file_stage: Stage) -> None:
    stage, browser = file_stage, await file_stage.browser()
    born = told(await enter(stage, browser))["auth_time"]
    stage.clock.advance(9)
    assert told(await resume(stage, browser, max_age="10"))["auth_time"] == born
    assert told(await resume(stage, browser, max_age="999999999", prompt="none"))["auth_time"] == born
    stage.clock.advance(1)
    assert (await at_once(stage, browser, max_age="10", prompt="none"))["error"] == "login_required"
    assert (await asks_tiktok(stage, browser, max_age="10"))["disable_auto_auth"] == "1"
    again = told(await enter(stage, browser, max_age="10"))
    assert again["auth_time"] == stage.clock() == born + 10


async def test_a_max_age_of_zero_always_asks_anew(file_stage: Stage) -> None:
    """As `prompt=login` does, in the very second of a sign-in, too."""
    stage, browser = file_stage, await file_stage.browser()
    await enter(stage, browser)
    assert (await asks_tiktok(stage, browser, max_age="0"))["disable_auto_auth"] == "1"
    assert (await at_once(stage, browser, max_age="0", prompt="none"))["error"] == "login_required"
    assert told(await enter(stage, browser, max_age="0"))["auth_time"] == stage.clock()


async def test_losing_the_session_is_no_way_around_a_max_age(file_stage: Stage) -> None:
    """TikTok would answer from its own memory at once, and `auth_time` would be of a sign-in that nobody did."""
    stage = file_stage
    assert (await asks_tiktok(stage, await stage.browser(), max_age="60"))["disable_auto_auth"] == "1"
    assert "disable_auto_auth" not in await asks_tiktok(stage, await stage.browser())


async def test_auth_time_stays_that_of_the_sign_in_through_refreshes_and_other_apps(file_stage: Stage) -> None:
    """OIDC Core §12.2; RFC 9068 §2.2.1."""
    stage, browser = file_stage, await file_stage.browser()
    sent = await stage.authorize(browser, stage.question())
    stage.clock.advance(30)
    back = await browser.get(await stage.consent(browser, sent.headers["location"]))
    accepted = stage.clock()
    stage.clock.advance(20)
    tokens = (await stage.redeem(answer_in(back.headers["location"])["code"])).json()
    stage.clock.advance(200)
    refreshed = (await stage.refresh(tokens["refresh_token"])).json()
    other = await resume(stage, browser, PUBLIC)
    assert [told(each)["auth_time"] for each in (tokens, refreshed, other)] == [accepted] * 3
