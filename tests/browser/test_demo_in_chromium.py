"""The demo in Chromium, pressed by hand as it were: sign in, call the backend, refresh, sign out, refuse.

Screenshots of every page are kept in `var/screenshots/`.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, ViewportSize, expect, sync_playwright

from broker.demo.check import Target
from tests.browser.chromium import CHROMIUM, FLAGS, NEEDED, watched
from tests.demo.threads import demo, in_thread

SCREENSHOTS = Path(__file__).parents[2] / "var" / "screenshots"
PHONE = ViewportSize(width=390, height=844)

pytestmark = NEEDED


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with in_thread(demo) as running:
        yield running


@pytest.fixture(scope="module")
def contexts() -> Iterator[dict[str, BrowserContext]]:
    """A phone in the dark and a desk in the light: every page is seen in both."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield {
            "phone": chromium.new_context(viewport=PHONE, color_scheme="dark", has_touch=True, is_mobile=True),
            "desk": chromium.new_context(color_scheme="light"),
        }
        chromium.close()


@pytest.fixture(params=["phone", "desk"])
def page(contexts: dict[str, BrowserContext], request: pytest.FixtureRequest) -> Iterator[Page]:
    """A tab that fails its test when a policy of ours blocks something of ours, or a script breaks."""
    context = contexts[request.param]
    context.clear_cookies()
    # The page about a refusal is a 400.
    with watched(context.new_page(), expected=("status of 400",)) as tab:
        yield tab


def keep(page: Page, name: str) -> None:
    """A screenshot; the page must also fit its width, since nobody scrolls a phone sideways."""
    width = page.viewport_size["width"] if page.viewport_size else 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}-{width}.png", full_page=True)


def test_a_person_signs_in_calls_the_backend_refreshes_and_signs_out(page: Page, target: Target) -> None:
    page.goto(target.app)
    keep(page, "1-app")
    page.click("#sign-in")
    page.check("#person-p3")
    keep(page, "2-tiktok")
    page.click("#allow")

    expect(page.locator("#display-name")).to_have_text("Zoë 🎧 小林")
    assert page.url == f"{target.app}/"
    assert page.evaluate("document.querySelector('#avatar').naturalWidth") > 0
    keep(page, "3-signed-in")

    page.click("#call-backend")
    expect(page.locator("#backend-status")).to_have_text("200")
    expect(page.locator("#backend-answer")).to_contain_text(page.locator("#sub").inner_text())
    keep(page, "4-backend")

    before = page.locator("#raw-access-token").text_content()
    page.click("#refresh")
    expect(page.locator("#notice")).to_contain_text("New tokens")
    assert page.locator("#raw-access-token").text_content() != before
    keep(page, "5-refreshed")

    page.click("#sign-out")
    expect(page.locator("#notice")).to_contain_text("You are signed out")
    expect(page.locator("#sign-in")).to_be_visible()
    keep(page, "6-signed-out")


def test_the_longest_name_fits_the_page(page: Page, target: Target) -> None:
    page.goto(target.app)
    page.click("#sign-in")
    page.check("#person-p4")
    page.click("#allow")
    expect(page.locator("#display-name")).to_contain_text("<b>& Sons</b>")
    keep(page, "7-long-name")


def test_a_person_who_refuses_reads_why_and_may_try_again(page: Page, target: Target) -> None:
    page.goto(target.app)
    page.click("#sign-in")
    page.click("#deny")
    expect(page.locator("#trouble")).to_contain_text("did not get your permission")
    keep(page, "8-refused")
    page.click("#sign-in")
    expect(page.locator("#allow")).to_be_visible()
