"""Opaque values truncated, extended, with a bit flipped: strangers all of them, and the whole one stays good."""

from collections.abc import Awaitable, Callable

import httpx

from tests.attacks.attacker import bent, pushed, signed_in
from tests.stage import WEB, Stage, answer_in

Attempt = Callable[[str], Awaitable[bool]]


async def assert_only_the_whole_one(value: str, opens: Attempt) -> None:
    tried = list(bent(value))
    assert len(tried) >= 12
    for wrong in tried:
        assert wrong != value
        assert not await opens(wrong), wrong
    assert await opens(value)


async def test_of_a_code_and_of_a_refresh_token(file_stage: Stage) -> None:
    browser, _ = await signed_in(file_stage)
    sent = await file_stage.authorize(browser, file_stage.question())
    tokens: dict[str, str] = {}

    async def redeems(code: str) -> bool:
        answer = await file_stage.redeem(code)
        assert answer.status_code in (200, 400)
        tokens.update(answer.json())
        return answer.status_code == 200

    async def refreshes(token: str) -> bool:
        answer = await file_stage.refresh(token)
        assert answer.status_code == 200 or answer.json()["error"] == "invalid_grant"
        return answer.status_code == 200

    await assert_only_the_whole_one(answer_in(sent.headers["location"])["code"], redeems)
    await assert_only_the_whole_one(tokens["refresh_token"], refreshes)


async def test_of_a_request_uri(file_stage: Stage) -> None:
    browser, _ = await signed_in(file_stage)

    async def opens(request_uri: str) -> bool:
        answer = await file_stage.authorize(browser, {"client_id": WEB, "request_uri": request_uri})
        assert answer.status_code in (302, 400)
        assert ("location" in answer.headers) == (answer.status_code == 302)
        return answer.status_code == 302

    await assert_only_the_whole_one(await pushed(file_stage), opens)


async def test_of_a_session_cookie_which_bent_is_no_error_but_nobody(file_stage: Stage) -> None:
    browser, _ = await signed_in(file_stage)
    stranger = await file_stage.browser()

    async def is_known(secret: str) -> bool:
        silent = file_stage.question(prompt="none")
        headers = {"cookie": f"broker_session={secret}"}
        answer = await stranger.get(f"{file_stage.issuer}/authorize", params=silent, headers=headers)
        told = answer_in(answer.headers["location"])
        assert told.get("error", "login_required") == "login_required"
        return "code" in told

    await assert_only_the_whole_one(browser.cookies["broker_session"], is_known)


async def test_of_a_login_cookie_and_of_tiktoks_state(file_stage: Stage) -> None:
    browser, stranger = await file_stage.browser(), await file_stage.browser()
    sent = await file_stage.authorize(browser, file_stage.question())
    callback = httpx.URL(await file_stage.consent(browser, sent.headers["location"]))
    (name,) = (name for name in browser.cookies if name.startswith("broker_login_"))
    good, state = browser.cookies[name], callback.params["state"]

    async def finishes(cookie: str, state: str) -> bool:
        address = callback.copy_set_param("state", state)
        answer = await stranger.get(address, headers={"cookie": f"{name}={cookie}"})
        assert answer.status_code in (302, 400)
        return answer.status_code == 302

    for wrong in bent(state):
        # What follows the dot only names the app to go back to; the login is the part before it.
        if wrong.partition(".")[0] != state.partition(".")[0]:
            assert not await finishes(good, wrong), wrong
    sealed = good.partition(".")[2]
    await assert_only_the_whole_one(sealed, lambda value: finishes(f"{good.partition('.')[0]}.{value}", state))


async def test_of_the_sign_out_question(file_stage: Stage) -> None:
    browser, _ = await signed_in(file_stage)
    page = await browser.get(f"{file_stage.issuer}/logout")
    question = page.text.partition('name="question" value="')[2].partition('"')[0]

    async def signs_out(value: str) -> bool:
        answer = await browser.post(f"{file_stage.issuer}/logout/confirm", data={"question": value})
        assert answer.status_code in (200, 400)
        return answer.status_code == 200

    assert len(question) > 40
    await assert_only_the_whole_one(question, signs_out)
    silent = await file_stage.authorize(browser, file_stage.question(prompt="none"))
    assert answer_in(silent.headers["location"])["error"] == "login_required"
