"""The pages of a sign-out: their headers, their languages, and that they need no script."""

import httpx
import pytest

from broker.login.pages import loading
from tests.logout.apps import log_out, sign_in
from tests.stage import Stage

OURS = loading.load(None).languages
# Question, done, refused.
TITLES = ("sign_out.title", "signed_out.title", "bad_sign_out.title")


async def pages(stage: Stage, language: str) -> list[httpx.Response]:
    """Each kind of page, asked for in this language."""
    browser = await stage.browser()
    browser.headers["accept-language"] = f"{language}-XX, en;q=0.2"
    hint = (await sign_in(stage, browser))["id_token"]
    return [
        await log_out(stage, browser),
        await log_out(stage, browser, id_token_hint=hint),
        await log_out(stage, browser, id_token_hint="garbage"),
    ]


async def test_pages_speak_the_language_of_the_person_and_allow_nothing_but_their_style(one: Stage) -> None:
    """RP-Initiated Logout §2 (`ui_locales`), and OWASP's list of headers."""
    for language in OURS.tags:
        for page, title in zip(await pages(one, language), TITLES, strict=True):
            assert f"<h1>{OURS.say(language, title)}</h1>" in page.text
            assert f'<html lang="{language}">' in page.text
            assert page.headers["content-language"] == language
            policy = page.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "script-src" not in policy
            assert "<script" not in page.text
            assert page.headers["x-frame-options"] == "DENY"
            assert page.headers["cache-control"] == "no-store"
            assert page.headers["referrer-policy"] == "no-referrer"
            assert page.headers["x-request-id"] in page.text
    asked = await log_out(one, await one.browser(), ui_locales="zh-Hans en")
    assert f"<h1>{OURS.say('zh', 'sign_out.title')}</h1>" in asked.text


async def test_what_an_app_sends_is_never_part_of_a_page(one: Stage) -> None:
    script = "<script>alert(1)</script>"
    for name in ("id_token_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales", "logout_hint"):
        page = await log_out(one, await one.browser(), **{name: script})
        assert "alert(1)" not in page.text


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_answer_that_leads_back_is_not_kept_either(one: Stage, method: str) -> None:
    browser = await one.browser()
    hint = (await sign_in(one, browser))["id_token"]
    asked = {"id_token_hint": hint, "post_logout_redirect_uri": "https://app.example/bye"}
    query, form = (asked, None) if method == "GET" else (None, asked)
    answer = await browser.request(method, f"{one.issuer}/logout", params=query, data=form)
    assert answer.status_code == 303
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
