"""Signing somebody else out, or keeping somebody signed in who believes to be out (RP-Initiated Logout 1.0 §6)."""

from functools import partial

from tests.attacks.attacker import cookie_header, signed_in
from tests.stage import Stage, answer_in


async def is_signed_in(stage: Stage, cookie: str) -> bool:
    answer = await stage.http.get("/authorize", params=stage.question(prompt="none"), headers={"cookie": cookie})
    return "code" in answer_in(answer.headers["location"])


async def test_an_attackers_own_hint_opened_in_the_victims_browser_leaves_the_victim_signed_in(
    file_stage: Stage,
) -> None:
    """The hint names the attacker's session: that one ends, and the victim's browser keeps its own cookie."""
    attacker, theirs = await signed_in(file_stage)
    victim, _ = await signed_in(file_stage)
    page = await victim.get(f"{file_stage.issuer}/logout", params={"id_token_hint": theirs["id_token"]})
    assert page.status_code == 200
    assert await is_signed_in(file_stage, cookie_header(victim))
    assert "broker_session" in victim.cookies
    assert not await is_signed_in(file_stage, cookie_header(attacker))


async def test_without_a_hint_nothing_ends_until_the_person_agrees_in_that_very_browser(file_stage: Stage) -> None:
    attacker, _ = await signed_in(file_stage)
    victim, _ = await signed_in(file_stage)
    logout, confirm = f"{file_stage.issuer}/logout", f"{file_stage.issuer}/logout/confirm"
    questions = []
    for browser in (attacker, await file_stage.browser()):
        for ask in (partial(browser.get, logout), partial(browser.post, logout, data={"state": "x"})):
            page = await ask(follow_redirects=True)
            questions.append(page.text.partition('name="question" value="')[2].partition('"')[0])
    assert all(questions)
    for question in (*questions, ""):
        refused = await victim.post(confirm, data={"question": question})
        assert refused.status_code == 400
    for wrong in ("GET", "PUT", "DELETE"):
        assert (await victim.request(wrong, confirm, params={"question": questions[0]})).status_code == 405
    assert await is_signed_in(file_stage, cookie_header(victim))


async def test_who_agreed_is_out_for_good_and_the_kept_cookie_is_void(file_stage: Stage) -> None:
    browser, _ = await signed_in(file_stage)
    kept = cookie_header(browser)
    page = await browser.get(f"{file_stage.issuer}/logout")
    question = page.text.partition('name="question" value="')[2].partition('"')[0]
    assert (
        await browser.post(f"{file_stage.issuer}/logout/confirm", data={"question": question})
    ).status_code == 200
    assert "broker_session" not in browser.cookies
    assert not await is_signed_in(file_stage, kept)
    # The same answer once more ends nobody else's session: the question belonged to the old cookie.
    await file_stage.come_back(browser, file_stage.question())
    again = await browser.post(f"{file_stage.issuer}/logout/confirm", data={"question": question})
    assert again.status_code == 400
    assert await is_signed_in(file_stage, cookie_header(browser))
