"""What every page promises: no script, no injection, and that it is not TikTok."""

import re

import pytest

from tests.simulator.driver import AUTHORIZE, SANDBOX_KEY, Driver

ATTACK = "\"'><script>alert(1)</script><b x='"


async def pages(tiktok: Driver) -> dict[str, str]:
    error = await tiktok.http.get(AUTHORIZE, params={"error": ATTACK, "error_type": ATTACK, "errCode": ATTACK})
    bad_form = await tiktok.http.post(f"{AUTHORIZE}?{tiktok.query()}", data={"action": ATTACK})
    consent = await tiktok.show(state=ATTACK)
    control = await tiktok.http.get("/_simulator/")
    answers = {"error": error, "bad form": bad_form, "consent": consent, "control": control}
    for answer in answers.values():
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script" not in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
    return {name: answer.text for name, answer in answers.items()}


async def test_pages_escape_and_admit_what_they_are(tiktok: Driver) -> None:
    tiktok.world.rename("p1", display_name=ATTACK, username=ATTACK)
    for text in (await pages(tiktok)).values():
        assert "<script" not in text
        assert "style=" not in text
        assert not re.search(r"\son\w+=", text)
        assert "This page is not TikTok" in text
        assert '<meta name="viewport"' in text


async def test_the_style_sheet_is_served(tiktok: Driver) -> None:
    href = re.search(r'rel="stylesheet" href="([^"]+)"', (await tiktok.show()).text)
    assert href is not None
    sheet = await tiktok.http.get(href[1])
    assert sheet.headers["content-type"] == "text/css; charset=utf-8"
    assert "prefers-color-scheme: dark" in sheet.text


async def test_the_sandbox_page_says_who_will_be_turned_away(tiktok: Driver) -> None:
    assert (await tiktok.show(client_key=SANDBOX_KEY)).text.count("not a target user") == 3


@pytest.mark.parametrize("error_type", ["client_key", "redirect_uri", "scope", "code_challenge", "query"])
async def test_the_error_page_helps_where_tiktoks_does_not(tiktok: Driver, error_type: str) -> None:
    response = await tiktok.http.get(AUTHORIZE, params={"error": "param_error", "error_type": error_type})
    assert "hint" in response.text
    assert f"<code>{error_type}</code>" in response.text


async def test_a_long_error_is_cut(tiktok: Driver) -> None:
    response = await tiktok.http.get(AUTHORIZE, params={"error": "x" * 5000})
    assert "x" * 200 in response.text
    assert "x" * 201 not in response.text
