"""A single-page app on another site, in Chromium: oidc-client-ts does it all by scripts, across origins (CORS)."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.chromium import CHROMIUM, FLAGS, NEEDED, watched
from tests.clients.node import missing
from tests.clients.single_page import SinglePage, running
from tests.demo.threads import in_thread

pytestmark = [
    NEEDED,
    pytest.mark.skipif(missing() is not None, reason=missing() or ""),
]


@pytest.fixture(scope="module")
def apps(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SinglePage]:
    with in_thread(lambda: running(sqlite_template, tmp_path_factory.mktemp("single-page"))) as both:
        yield both


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A tab of a browser that has never been anywhere; no script may break, nothing may be blocked."""
    # A revoked token gets a 401; the icon nobody drew is a 404.
    with watched(chromium.new_page(), expected=("status of 401", "status of 404")) as tab:
        yield tab


def said(page: Page) -> dict[str, Any]:
    """What the app wrote, once it has."""
    place = page.locator("#said")
    expect(place).to_have_text(re.compile(r"^\{"))
    found: dict[str, Any] = orjson.loads(place.inner_text())
    return found


def call(page: Page, script: str) -> Any:
    return page.evaluate(f"() => window.app.{script}")


def leave(page: Page, script: str) -> None:
    """A call that navigates away; when the browser is back, the app says so anew."""
    page.evaluate(f"() => {{ document.querySelector('#said').textContent = 'leaving'; window.app.{script} }}")


@pytest.mark.parametrize("binding", ["bearer", "dpop"])
def test_an_app_without_a_server_lives_its_whole_life(page: Page, apps: SinglePage, binding: str) -> None:
    app = apps.dpop if binding == "dpop" else apps.bearer
    page.goto(app)
    assert said(page) == {"ready": True}
    leave(page, "signIn()")
    page.check("#person-p3")
    page.click("#allow")
    signed_in = said(page)
    assert signed_in.pop("type").lower() == binding
    assert signed_in.pop("state") == {"page": "cart"}
    assert (signed_in.pop("name"), bool(signed_in.pop("sub"))) == ("Zoë 🎧 小林", True)

    asked = call(page, "userinfo()")
    assert asked["status"] == 200
    assert asked["request"]
    assert call(page, "renew()") == {"renewed": True, "same": True}
    assert call(page, "userinfo()")["status"] == 200

    # The session of the broker answers, without TikTok.
    leave(page, "signIn({ prompt: 'none' })")
    assert said(page)["name"] == "Zoë 🎧 小林"

    call(page, "revoke()")
    refused = call(page, "userinfo()")
    assert refused["status"] == 401
    assert 'error="invalid_token"' in refused["challenge"]

    leave(page, "signOut()")
    assert said(page) == {"signed_out": True}
    leave(page, "signIn({ prompt: 'none' })")
    assert said(page) == {"error": "login_required"}
