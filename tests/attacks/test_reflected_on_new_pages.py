"""The page that posts an answer, and the one that asks about signing out: what came in is text, or absent."""

import base64
import hashlib
import html
import re

import httpx

from tests.attacks.attacker import register, signed_in
from tests.stage import WEB_SECRET, Stage

SCRIPT = "\"'><script>alert(1)</script></form><img src=x onerror=alert(1)>{{7*7}}${7*7}"
ODD = "cli_odd"
ODD_REDIRECT = "https://app.example/callback?a='b'&amp;c=%3Cscript%3E"


def assert_text_only(page: httpx.Response) -> None:
    """One script at most, and that is ours; no attribute or element that is not in the template."""
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    scripts = re.findall(r"<script[^>]*>(.*?)</script>", page.text, re.DOTALL)
    policy = page.headers["content-security-policy"]
    for script in scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"script-src 'sha256-{digest}'" in policy
    assert ("script-src" in policy) == bool(scripts)
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "base-uri 'none'" in policy
    assert set(re.findall(r"<([a-z0-9]+)[ >]", page.text)) <= {
        "html", "head", "meta", "title", "style", "body", "main", "h1", "p", "form", "input", "button", "footer",
        "code", "script", "a",
    }  # fmt: skip
    assert not re.search(r"\son[a-z]+\s*=", html.unescape(re.sub(r'value="[^"]*"', "", page.text)))
    assert "49" not in re.sub(
        r"<code>.*?</code>|value=\"[^\"]*\"|<style>.*?</style>", "", page.text, flags=re.DOTALL
    )
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["cache-control"] == "no-store"


async def test_an_answer_that_is_posted_is_escaped_and_whole(file_stage: Stage) -> None:
    """Form Post Response Mode 1.0 §2: every value arrives as it was sent, and none of them as markup."""
    await register(file_stage, ODD, WEB_SECRET, redirect_uris=[ODD_REDIRECT], no_pkce=True, client_name=SCRIPT)
    browser, _ = await signed_in(file_stage)
    for changes in (
        {},
        {"prompt": "none", "max_age": "0"},
        {"scope": "\u00e9"},
        {"request": SCRIPT},
        {"nonce": "\u00e9"},
    ):
        question = file_stage.question(
            ODD, redirect_uri=ODD_REDIRECT, response_mode="form_post", state=SCRIPT, **changes
        )
        page = await file_stage.authorize(browser, question)
        assert page.status_code == 200, page.text
        assert_text_only(page)
        assert page.text.count("<script") == 1
        fields = dict(re.findall(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)">', page.text))
        assert html.unescape(fields["state"]) == SCRIPT
        assert html.unescape(fields["iss"]) == file_stage.issuer
        (address,) = re.findall(r'<form method="post" action="([^"]*)">', page.text)
        assert html.unescape(address) == ODD_REDIRECT


async def test_nothing_asked_at_sign_out_is_on_its_pages(file_stage: Stage) -> None:
    browser, tokens = await signed_in(file_stage)
    good = {"id_token_hint": tokens["id_token"]}
    for field in (
        "id_token_hint",
        "client_id",
        "post_logout_redirect_uri",
        "state",
        "logout_hint",
        "ui_locales",
        "x",
    ):
        for others in ({}, good):
            asked = {**others, field: SCRIPT}
            if field in ("state", "logout_hint", "ui_locales", "x") and others:
                continue
            for page in (
                await browser.get(f"{file_stage.issuer}/logout", params=asked),
                await browser.post(f"{file_stage.issuer}/logout", data=asked),
            ):
                assert page.status_code in (200, 400), field
                assert_text_only(page)
                assert "alert" not in page.text, field
                assert "<script" not in page.text, field
    page = await browser.post(f"{file_stage.issuer}/logout/confirm", data={"question": SCRIPT})
    assert_text_only(page)
    assert "alert" not in page.text


async def test_no_language_and_no_header_is_on_a_page(file_stage: Stage) -> None:
    browser, _ = await signed_in(file_stage)
    for language in (SCRIPT, '"><b>', "en\u0000", "../../etc", "zh;q=<b>", "x" * 4_000, "*", "en-" * 500):
        headers = [(b"accept-language", language.encode()), (b"user-agent", SCRIPT.encode())]
        for path in ("/logout", "/authorize"):
            page = (
                await browser.get(f"{file_stage.issuer}{path}", params={"ui_locales": language}, headers=headers)
                if "\u0000" not in language
                else await browser.get(f"{file_stage.issuer}{path}")
            )
            assert page.status_code in (200, 400)
            assert_text_only(page)
            assert re.search(r'<html lang="(en|es|zh)">', page.text)


async def test_an_error_of_the_back_channel_repeats_nothing(file_stage: Stage) -> None:
    auth = ("cli_web", WEB_SECRET)
    for path, field in (
        ("/par", "scope"),
        ("/par", "redirect_uri"),
        ("/par", "request_uri"),
        ("/par", "dpop_jkt"),
        ("/par", "resource"),
        ("/introspect", "token"),
        ("/introspect", "token_type_hint"),
        ("/revoke", "token"),
        ("/token", "client_assertion_type"),
    ):
        form = {**(file_stage.question() if path == "/par" else {"token": "x"}), field: SCRIPT}
        for sent in (
            await file_stage.http.post(path, data=form, auth=auth),
            await file_stage.http.post(path, data=form, auth=auth, headers={"DPoP": SCRIPT}),
        ):
            assert "alert" not in sent.text + str(sent.headers), (path, field)
            assert sent.headers.get("content-type", "application/json") == "application/json"
