"""Nothing that came in is ever part of a page unescaped, and no page may run or load anything."""

import base64
import hashlib
import re
from urllib.parse import quote

import httpx
import pytest

from broker.store import clients
from tests.stage import WEB_REDIRECT, HeldClock
from tests.web.front import Front, query_of, question

SCRIPT = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}"
FIELDS = ("client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "prompt", "code_challenge")


def assert_harmless(answer: httpx.Response) -> None:
    for part in ("<script", "<img", "alert(1)</", "49"):
        assert part not in answer.text
    if not answer.headers.get("content-type", "").startswith("text/html"):
        return
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    for closed in ("base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"):
        assert closed in policy
    assert "unsafe" not in policy
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("field", FIELDS)
async def test_no_parameter_of_authorize_is_reflected(front: Front, field: str) -> None:
    answer = await front.authorize(**{field: SCRIPT})
    assert_harmless(answer)
    if "location" in answer.headers:
        assert "<" not in answer.headers["location"]
        assert answer.headers["location"].startswith(WEB_REDIRECT) or field in ("state", "nonce")


@pytest.mark.parametrize(
    "field", ["state", "code", "error", "error_description", "error_type", "errCode", "scopes"]
)
async def test_no_parameter_of_the_callback_is_reflected(front: Front, field: str) -> None:
    assert_harmless(await front.http.get("/callback/tiktok", params={field: SCRIPT}))
    assert_harmless(await front.http.get(f"/callback/tiktok/{quote(SCRIPT, safe='')}", params={"state": "x"}))


@pytest.mark.parametrize("path", ["/{}", "/{}/x", "/.well-known/{}", "/authorize/{}"])
async def test_no_path_is_reflected(front: Front, path: str) -> None:
    assert_harmless(await front.http.get(path.format(quote(SCRIPT, safe=""))))


@pytest.mark.parametrize("field", ["grant_type", "code", "client_id", "refresh_token", "redirect_uri", "scope"])
async def test_no_field_of_token_is_reflected(front: Front, field: str) -> None:
    form = {"grant_type": "refresh_token", "client_id": "cli_public", "refresh_token": "x"} | {field: SCRIPT}
    answer = await front.http.post("/token", data=form)
    assert answer.headers["content-type"] == "application/json"
    assert_harmless(answer)


async def test_an_apps_own_name_is_text_on_the_page(front: Front, clock: HeldClock) -> None:
    metadata = {
        "client_name": SCRIPT,
        "client_uri": "https://app.example/?a='b'&c=d",
        "redirect_uris": [WEB_REDIRECT],
    }
    await front.database.transact(clients.add, "cli_named", metadata, b"x" * 32, now=clock())
    sent = await front.http.get("/authorize", params=question("cli_named", redirect_uri=WEB_REDIRECT))
    state = query_of(sent.headers["location"])["state"][0]
    front.http.cookies.clear()
    page = await front.http.get("/callback/tiktok", params={"state": state, "code": "x"})
    assert_harmless(page)
    assert "Back to &#34;&#39;&gt;&lt;script&gt;" in page.text
    assert 'href="https://app.example/?a=&#39;b&#39;&amp;c=d"' in page.text


async def test_the_style_is_the_one_the_policy_names(front: Front) -> None:
    page = await front.http.get("/authorize")
    (style,) = re.findall("<style>(.*?)</style>", page.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in page.headers["content-security-policy"]
    assert "style=" not in page.text
