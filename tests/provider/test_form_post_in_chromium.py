"""The page that posts an answer to the app, in a real browser: by itself, or by its button without scripts."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode

import pytest
from playwright.async_api import Browser, async_playwright
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from broker.simulator.serve import running as serving
from tests.browser.chromium import CHROMIUM, FLAGS, NEEDED
from tests.provider.visiting import SESSION, enter
from tests.stage import PUBLIC, Stage

pytestmark = NEEDED


@dataclass
class App:
    """An app that waits for answers at its redirect URI."""

    redirect_uri: str = ""
    received: list[dict[str, str]] = field(default_factory=list)

    async def callback(self, request: Request) -> Response:
        self.received.append(dict(parse_qsl((await request.body()).decode())))
        return PlainTextResponse("Received.")


@pytest.fixture
async def app() -> AsyncIterator[App]:
    waiting = App()
    async with serving(Starlette(routes=[Route("/callback", waiting.callback, methods=["POST"])])) as origin:
        waiting.redirect_uri = f"{origin}/callback"
        yield waiting


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


async def test_the_answer_arrives_by_itself_and_by_a_button_without_scripts(
    file_stage: Stage, app: App, chromium: Browser
) -> None:
    signed_in = await file_stage.browser()
    await enter(file_stage, signed_in)
    complaints: list[str] = []
    for scripts in (True, False):
        context = await chromium.new_context(java_script_enabled=scripts, locale="es-MX")
        cookie = signed_in.cookies[SESSION]
        await context.add_cookies([{"name": SESSION, "value": cookie, "url": file_stage.issuer}])
        tab = await context.new_page()
        tab.on("console", lambda message: complaints.append(message.text))
        question = file_stage.question(
            PUBLIC, redirect_uri=app.redirect_uri, response_mode="form_post", state='"><script>&'
        )
        await tab.goto(f"{file_stage.issuer}/authorize?{urlencode(question)}")
        if not scripts:
            assert await tab.locator("html").get_attribute("lang") == "es"
            await tab.get_by_role("button", name="Continuar").click()
        await tab.wait_for_url(app.redirect_uri)
        assert await tab.inner_text("body") == "Received."
        await context.close()
    # The icon nobody drew is a 404.
    assert [text for text in complaints if "status of 404" not in text] == []
    assert [(answer["state"], answer["iss"]) for answer in app.received] == [
        ('"><script>&', file_stage.issuer)
    ] * 2
    for answer in app.received:
        redeemed = await file_stage.redeem(answer["code"], PUBLIC, redirect_uri=app.redirect_uri)
        assert redeemed.status_code == 200
