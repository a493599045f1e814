"""Signing out without an ID token: a page asks, and its answer is bound to the browser it was shown to."""

import re
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.logout.apps import BYE, came_back, log_out, sign_in, signed_in
from tests.stage import WEB, Stage

ASKED = {"client_id": WEB, "post_logout_redirect_uri": BYE, "state": "s"}


def question_in(page: httpx.Response) -> str:
    """What the page's one hidden field must bring back."""
    assert page.status_code == 200, page.text
    assert "Sign out?" in page.text
    found = re.findall(r'<input type="hidden" name="question" value="([\w-]+)">', page.text)
    assert len(found) == 1
    question: str = found[0]
    return question


async def confirm(stage: Stage, browser: httpx.AsyncClient, question: str) -> httpx.Response:
    """Press the page's button."""
    return await browser.post(f"{stage.issuer}/logout/confirm", data={"question": question})


async def test_a_bare_visit_asks_and_changes_nothing_until_it_is_answered(apps: Stage) -> None:
    """RP-Initiated Logout §2: without a hint the provider asks the person."""
    browser = await apps.browser()
    await sign_in(apps, browser)
    question = question_in(await log_out(apps, browser))
    assert await signed_in(apps, browser)
    done = await confirm(apps, browser, question)
    assert done.status_code == 200
    assert "You are signed out" in done.text
    assert "broker_session" not in browser.cookies
    assert not await signed_in(apps, browser)


async def test_an_app_without_a_hint_gets_the_browser_back_once_the_person_agreed(apps: Stage) -> None:
    """§3: with `client_id` the address is checked against that app, and used after the question."""
    browser = await apps.browser()
    await sign_in(apps, browser)
    question = question_in(await log_out(apps, browser, **ASKED))
    assert await signed_in(apps, browser)
    assert came_back(await confirm(apps, browser, question)) == f"{BYE}?state=s"
    assert not await signed_in(apps, browser)


async def test_an_address_needs_an_app_to_belong_to(one: Stage) -> None:
    for parameters in ({}, {"client_id": "cli_unknown"}):
        answer = await log_out(one, await one.browser(), post_logout_redirect_uri=BYE, **parameters)
        assert answer.status_code == 400


async def test_the_answer_counts_in_the_browser_that_was_asked_and_nowhere_else(apps: Stage) -> None:
    """A question fetched by an attacker, put into a form of theirs, signs nobody out (§6)."""
    hers, his, nobodys = await apps.browser(), await apps.browser(), await apps.browser()
    await sign_in(apps, hers)
    await sign_in(apps, his, person="p2")
    for asked, answering in ((his, hers), (nobodys, hers), (hers, nobodys)):
        question = question_in(await log_out(apps, asked, **ASKED))
        answer = await confirm(apps, answering, question)
        assert answer.status_code == 400
        assert "set-cookie" not in answer.headers
        assert "location" not in answer.headers
    assert await signed_in(apps, hers)
    assert await signed_in(apps, his)


async def test_a_form_of_another_site_takes_no_session_out_of_the_browser(one: Stage) -> None:
    """SameSite keeps the cookie back there, so an answer that deletes it would be a sign-out by anybody."""
    attacker, cross_site = await one.browser(), await one.browser()
    question = question_in(await log_out(one, attacker, **ASKED))
    answer = await confirm(one, cross_site, question)
    assert "set-cookie" not in answer.headers


async def test_a_question_is_good_for_ten_minutes(one: Stage) -> None:
    browser = await one.browser()
    await sign_in(one, browser)
    question = question_in(await log_out(one, browser, **ASKED))
    one.clock.advance(600)
    late = await confirm(one, browser, question)
    assert late.status_code == 400
    assert "too late" in late.text
    assert await signed_in(one, browser)
    question = question_in(await log_out(one, browser, **ASKED))
    one.clock.advance(599)
    assert came_back(await confirm(one, browser, question))


async def test_an_answer_given_twice_gets_a_page(one: Stage) -> None:
    browser = await one.browser()
    await sign_in(one, browser)
    question = question_in(await log_out(one, browser, **ASKED))
    assert came_back(await confirm(one, browser, question))
    again = await confirm(one, browser, question)
    assert again.status_code == 400
    await sign_in(one, browser)
    assert (await confirm(one, browser, question)).status_code == 400
    assert await signed_in(one, browser)


async def test_an_answer_that_is_none_gets_a_page_and_ends_nothing(one: Stage) -> None:
    browser = await one.browser()
    await sign_in(one, browser)
    question = question_in(await log_out(one, browser, **ASKED))
    flipped = ("A" if question[40] != "A" else "B").join((question[:40], question[41:]))
    garbage = [
        "",
        "x",
        "ä",
        "=" * 40,
        "A" * 5_000,
        question[:-1],
        question + "A",
        flipped,
        browser.cookies["broker_session"],
    ]
    for answer in [await confirm(one, browser, text) for text in garbage]:
        assert answer.status_code == 400
    path = f"{one.issuer}/logout/confirm"
    assert (await browser.post(path, json={"question": question})).status_code == 400
    assert (await browser.post(path, data={"question": [question, question]})).status_code == 400
    assert (await browser.post(path, data={"question": "A" * 20_000})).status_code == 413
    assert (await browser.get(path, params={"question": question})).status_code == 405
    assert await signed_in(one, browser)


async def test_a_form_of_another_site_is_sent_round_as_a_get_that_brings_the_cookie(one: Stage) -> None:
    """The cookie is SameSite=Lax: a POST of another site comes without it, the GET after it with it."""
    cross_site = await one.browser()
    form = {**ASKED, "ui_locales": "es"}
    answer = await cross_site.post(f"{one.issuer}/logout", data=form)
    assert answer.status_code == 303
    location = urlsplit(answer.headers["location"])
    assert answer.headers["location"].startswith(f"{one.issuer}/logout?")
    assert parse_qs(location.query) == {name: [value] for name, value in form.items()}
    browser = await one.browser()
    await sign_in(one, browser)
    question = question_in(await browser.post(f"{one.issuer}/logout", data=ASKED))
    assert came_back(await confirm(one, browser, question)) == f"{BYE}?state=s"


async def test_who_is_not_signed_in_is_asked_all_the_same_and_goes_back(one: Stage) -> None:
    browser = await one.browser()
    question = question_in(await log_out(one, browser, **ASKED))
    assert came_back(await confirm(one, browser, question)) == f"{BYE}?state=s"
    browser.cookies.set("broker_session", "of a session that never was")
    assert (await log_out(one, browser)).status_code == 200
