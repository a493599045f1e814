"""Answers by form post: a page that posts itself by one script its policy names, and no other.

OAuth 2.0 Form Post Response Mode 1.0.
"""

import base64
import hashlib
import re
from html.parser import HTMLParser

import httpx

from tests.provider.proving import register
from tests.stage import WEB_REDIRECT, WEB_SECRET, Stage

SCRIPT = "\"'><script>alert(1)</script><!-- &amp; &#34; </form> \\"


class Page(HTMLParser):
    """What a browser reads in a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def fields(self) -> dict[str, str | None]:
        """The hidden fields of the one form."""
        names = [field["name"] for field in self.all("input")]
        assert len(names) == len(set(names))
        assert {field["type"] for field in self.all("input")} == {"hidden"}
        return {str(field["name"]): field["value"] for field in self.all("input")}


def page_in(answer: httpx.Response, *, action: str = WEB_REDIRECT) -> Page:
    """The page, when it is one that posts to the app and nothing else can happen on it."""
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-frame-options"] == "DENY"
    page = Page(answer.text)
    (form,) = page.all("form")
    assert form == {"method": "post", "action": action}
    # One script, without attributes, and nothing that acts by itself anywhere.
    assert page.all("script") == [{}]
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    policy = dict(
        part.strip().partition(" ")[::2] for part in answer.headers["content-security-policy"].split(";")
    )
    assert policy == {
        "default-src": "'none'",
        "script-src": f"'{hashed(answer.text, 'script')}'",
        "style-src": f"'{hashed(answer.text, 'style')}'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    return page


def hashed(text: str, tag: str) -> str:
    """The source expression that allows the one element of this kind (CSP Level 3 §2.3.1)."""
    (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


async def test_a_code_is_posted_with_state_and_issuer_from_the_session_and_after_tiktok(stage: Stage) -> None:
    browser = await stage.browser()
    question = stage.question(response_mode="form_post")
    sent = await stage.authorize(browser, question)
    page = page_in(await browser.get(await stage.consent(browser, sent.headers["location"])))
    again = page_in(await stage.authorize(browser, question))
    for fields in (page.fields, again.fields):
        code = fields.pop("code")
        assert fields == {"state": "the-state", "iss": stage.issuer}
        assert (await stage.redeem(str(code))).status_code == 200


async def test_refusals_are_posted_too(file_stage: Stage) -> None:
    """§2: as codes are; the request's own faults, those of the session, and TikTok's."""
    stage, browser = file_stage, await file_stage.browser()
    for changes, error in (
        ({"prompt": "none"}, "login_required"),
        ({"scope": 'a"b'}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"resource": "https://unheard.example/"}, "invalid_target"),
        ({"id_token_hint": "x"}, "invalid_request"),
    ):
        asked = stage.question(response_mode="form_post", **changes)
        fields = page_in(await stage.authorize(browser, asked)).fields
        assert fields.pop("error_description")
        assert fields == {"error": error, "state": "the-state", "iss": stage.issuer}
    sent = await stage.authorize(browser, stage.question(response_mode="form_post", state=None))
    denied = await stage.consent(browser, sent.headers["location"], action="deny")
    fields = page_in(await browser.get(denied)).fields
    assert (fields["error"], fields["iss"], "state" in fields) == ("access_denied", stage.issuer, False)


async def test_what_an_app_sends_is_text_in_the_page(file_stage: Stage) -> None:
    browser = await file_stage.browser()
    answer = await file_stage.authorize(
        browser, file_stage.question(response_mode="form_post", prompt="none", state=SCRIPT)
    )
    assert page_in(answer).fields["state"] == SCRIPT
    assert "<script>alert" not in answer.text


async def test_a_redirect_uri_keeps_its_own_query_in_the_action(file_stage: Stage) -> None:
    uri = "https://app.example/callback?tenant=a%26b&x='1'"
    await register(file_stage, "cli_query", secret=WEB_SECRET, redirect_uris=[uri])
    asked = file_stage.question("cli_query", redirect_uri=uri, response_mode="form_post", prompt="none")
    page_in(await file_stage.authorize(await file_stage.browser(), asked), action=uri)


async def test_before_the_redirect_uri_is_known_nothing_is_posted(file_stage: Stage) -> None:
    browser = await file_stage.browser()
    for changes in ({"redirect_uri": "https://evil.example/"}, {"client_id": "cli_nobody"}):
        answer = await file_stage.authorize(browser, file_stage.question(response_mode="form_post", **changes))
        assert answer.status_code == 400
        assert Page(answer.text).all("form") == Page(answer.text).all("script") == []
