"""`POST /authorize` is `GET /authorize` (OIDC Core §3.1.2.1), whether or not the browser may bring its cookies."""

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest

from tests.journeys.tables import contents
from tests.provider.proving import register
from tests.provider.visiting import SESSION, enter, to_app, to_tiktok
from tests.stage import PUBLIC, WEB, WEB_REDIRECT, WEB_SECRET, Stage

FORM = "application/x-www-form-urlencoded"
AUDIENCE = ["https://one.example/", "https://two.example/"]

# Changes to a good request, a list where a parameter is repeated. Each is refused, or answered by the session.
REQUESTS: list[dict[str, Any]] = [
    {},
    {"state": "ü", "nonce": None},
    {"state": "a b+c%26&=\"'<"},
    {"response_mode": "form_post"},
    {"prompt": "none"},
    {"scope": ["openid", "profile"]},
    {"state": ["a", "b"]},
    {"nonce": "a\nb"},
    {"client_id": [WEB, PUBLIC]},
    {"client_id": "cli_nobody"},
    {"redirect_uri": "https://evil.example/"},
    {"redirect_uri": [WEB_REDIRECT, "https://evil.example/"]},
    {"request": "eyJ"},
    {"request_uri": "urn:x"},
    {"response_type": ""},
    {"resource": AUDIENCE},
    {"utm_source": "é", "claims": "{}"},
    {"unheard_of": ["x", "y"]},
]


async def post(stage: Stage, browser: httpx.AsyncClient, question: Any, **headers: str) -> httpx.Response:
    return await browser.post(f"{stage.issuer}/authorize", data=question, headers=headers)


async def get(stage: Stage, browser: httpx.AsyncClient, question: Any) -> httpx.Response:
    return await browser.get(f"{stage.issuer}/authorize", params=question)


def meaning(stage: Stage, answer: httpx.Response) -> Any:
    """What an answer says, less what is new in every one."""
    address, _, query = answer.headers.get("location", "").partition("?")
    new = ("state", "code_challenge") if address.startswith(stage.simulator) else ("code",)
    said = {name: value for name, value in parse_qsl(query) if name not in new}
    page = "" if address else answer.text.partition("<footer>")[0].partition('name="code"')[0]
    return address, said, page


async def test_without_a_cookie_the_browser_is_sent_to_the_same_request_as_get(file_stage: Stage) -> None:
    """A form of another site comes without our cookies (SameSite=Lax); following the 303 brings them."""
    stage, signed_in = file_stage, await file_stage.browser()
    await register(stage, "cli_wide", secret=WEB_SECRET, redirect_uris=[WEB_REDIRECT], audience=AUDIENCE)
    await enter(stage, signed_in)
    asked: dict[str, Any] = stage.question("cli_wide", redirect_uri=WEB_REDIRECT, state="a b+c%26&=é")
    asked["resource"] = AUDIENCE
    before = await contents(stage.database)
    answer = await post(stage, await stage.browser(), asked)
    assert (answer.status_code, answer.headers["cache-control"]) == (303, "no-store")
    assert "set-cookie" not in answer.headers
    location = urlsplit(answer.headers["location"])
    assert f"{location.scheme}://{location.netloc}{location.path}" == f"{stage.issuer}/authorize"
    assert sorted(parse_qsl(location.query)) == sorted(parse_qsl(urlencode(asked, doseq=True)))
    assert await contents(stage.database) == before
    simple = await post(stage, await stage.browser(), stage.question(state="mine"))
    followed = await signed_in.get(simple.headers["location"])
    assert to_app(stage, followed)["state"] == "mine"


async def test_with_a_session_it_is_answered_in_place_and_nothing_is_posted_on(file_stage: Stage) -> None:
    """RFC 9700 §4.12: 307 would hand the form on; 302 leaves it to the browser."""
    browser = await file_stage.browser()
    await enter(file_stage, browser)
    answer = await post(file_stage, browser, file_stage.question())
    assert answer.status_code == 303
    assert (await file_stage.redeem(to_app(file_stage, answer)["code"])).status_code == 200
    refused = await post(file_stage, browser, file_stage.question(prompt="none", max_age="0"))
    assert (refused.status_code, to_app(file_stage, refused)["error"]) == (303, "login_required")
    on = await post(file_stage, browser, file_stage.question(prompt="login"))
    assert on.status_code == 303
    assert to_tiktok(file_stage, on)["disable_auto_auth"] == "1"
    back = await browser.get(await file_stage.consent(browser, on.headers["location"]))
    assert "code" in to_app(file_stage, back)


async def test_get_and_post_say_the_same_to_everybody(file_stage: Stage) -> None:
    stage, signed_in = file_stage, await file_stage.browser()
    await enter(stage, signed_in)
    for change in REQUESTS:
        question = {**stage.question(), **change}
        question = {name: value for name, value in question.items() if value is not None}
        by_get = await get(stage, signed_in, question)
        by_post = await post(stage, signed_in, question)
        assert by_get.status_code in (200, 302, 400), change
        assert by_post.status_code == {302: 303}.get(by_get.status_code, by_get.status_code), change
        assert meaning(stage, by_post) == meaning(stage, by_get), change
        stranger = await stage.browser()
        redirected = await post(stage, stranger, question)
        assert redirected.status_code == 303, change
        followed = await stranger.get(redirected.headers["location"])
        directly = await get(stage, await stage.browser(), question)
        assert meaning(stage, followed) == meaning(stage, directly), change


async def test_the_query_of_a_post_is_not_part_of_the_request(file_stage: Stage) -> None:
    """RFC 9700 §4.10 and common sense: two places would let one be checked and the other used."""
    browser = await file_stage.browser()
    await enter(file_stage, browser)
    address = f"{file_stage.issuer}/authorize?state=from-the-query&prompt=login&redirect_uri=https://evil.example/"
    answer = await browser.post(address, data=file_stage.question())
    assert to_app(file_stage, answer)["state"] == "the-state"


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b"{}", 400),
        ("multipart/form-data; boundary=x", b"--x--", 400),
        ("", b"client_id=x", 400),
        (FORM, b"client_id=%ff", 400),
        (FORM, b"a=1&" * 101, 400),
        (FORM, b"client_id=" + b"x" * 16_384, 413),
    ],
)
async def test_what_is_no_form_is_a_page(file_stage: Stage, content_type: str, body: bytes, status: int) -> None:
    for browser in (await file_stage.browser(), await _with_any_cookie(file_stage)):
        headers = {"Content-Type": content_type} if content_type else {}
        answer = await browser.post(f"{file_stage.issuer}/authorize", content=body, headers=headers)
        assert answer.status_code == status
        assert "<h1>This sign-in link does not work</h1>" in answer.text
        assert "location" not in answer.headers


async def _with_any_cookie(stage: Stage) -> httpx.AsyncClient:
    browser = await stage.browser()
    browser.headers["cookie"] = f"{SESSION}=x"
    return browser
