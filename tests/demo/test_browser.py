"""The browser without a screen does what a browser does, within bounds."""

import json

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from broker.demo.browser import Browser, Field, Stuck
from tests.demo.stage import Slot

PAGE = """<!doctype html><title>no</title><style>p {}</style><p id="one">Hello <b>&lt;there&gt;</b><br>friend</p>
<p>unclosed <a id="go" href="/on?a=1&amp;b=2">go</a><form method="post">
<input type="radio" name="person" value="p1">
<input type="radio" name="person" value="p2"><input><button name="action" value="allow">Yes</button></form>"""


async def echo(request: Request) -> Response:
    seen = {name: request.headers.get(name, "") for name in ("origin", "cookie", "content-type")}
    return HTMLResponse(f"<pre id=seen>{json.dumps([request.method, (await request.body()).decode(), seen])}")


@pytest.fixture
def site(slots: tuple[Slot, Slot]) -> str:
    slots[0].app = Starlette(
        routes=[
            Route("/", lambda _: HTMLResponse(PAGE, headers={"x-request-id": "r-1"})),
            Route("/loop", lambda _: RedirectResponse("/loop")),
            Route("/away", lambda _: RedirectResponse("https://example.com/?code=secret")),
            Route("/file", lambda _: RedirectResponse("file:///etc/passwd")),
            Route("/huge", lambda _: Response(b"x" * (1 << 20) + b"x")),
            Route("/303", lambda _: RedirectResponse("/echo", 303, {"set-cookie": "a=b"}), methods=["POST"]),
            Route("/307", lambda _: RedirectResponse("/echo", 307), methods=["POST"]),
            Route("/echo", echo, methods=["GET", "POST"]),
            Route("/bad", lambda _: JSONResponse({"error": "x" * 400}, 503)),
        ]
    )
    return slots[0].origin


async def test_a_page_is_what_a_person_sees_and_may_press(site: str) -> None:
    async with Browser() as browser:
        page = await browser.open(f"{site}/?code=secret")
    assert (page.shown("one"), page.links["go"]) == ("Hello <there>friend", "/on?a=1&b=2")
    assert page.text == "Hello <there> friend unclosed go Yes"
    assert page.fields == (Field("person", "p1"), Field("person", "p2"), Field("action", "allow"))
    assert page.values("person") == ["p1", "p2"]
    assert page.describe() == f"{site}/ answered 200, request id r-1: “{page.text}”"
    with pytest.raises(Stuck, match="no “two”"):
        page.shown("two")


async def test_a_form_is_posted_from_its_page_and_a_303_is_fetched_with_the_cookie(site: str) -> None:
    async with Browser() as browser:
        page = await browser.submit(await browser.open(f"{site}/"), "/303", [("a", "1"), ("a", "é")])
        method, body, seen = json.loads(page.shown("seen"))
        assert (method, body, seen["cookie"]) == ("GET", "", "a=b")
        page = await browser.submit(page, "/307", [("a", "1"), ("a", "é")])
        assert page.visited == (f"{site}/307", f"{site}/echo")
        method, body, seen = json.loads(page.shown("seen"))
        assert (method, body) == ("POST", "a=1&a=%C3%A9")
        assert seen["origin"] == site


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/loop", "redirected 12 times"),
        ("/away", r"away from this machine, to https://example.com/\."),
        ("/file", "away from this machine"),
        ("/huge", "more than"),
    ],
)
async def test_it_stays_on_this_machine_and_within_bounds(site: str, path: str, sentence: str) -> None:
    async with Browser() as browser:
        with pytest.raises(Stuck, match=sentence):
            await browser.open(site + path)


async def test_no_server_is_a_sentence() -> None:
    async with Browser() as browser:
        with pytest.raises(Stuck, match="gave no answer"):
            await browser.open("http://localhost:9/")


async def test_a_long_answer_is_described_by_its_beginning(site: str) -> None:
    async with Browser() as browser:
        page = await browser.open(f"{site}/bad")
    assert page.status == 503
    assert page.describe().endswith("x…”")
