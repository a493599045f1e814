"""Pages speak the language the app asks for (`ui_locales`), or the browser (`Accept-Language`), or English.

OIDC Core §3.1.2.1, RFC 9110 §12.5.4.
"""

import re
import string
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from broker.login.pages import languages, loading
from broker.simulator.apps import LOGIN_SCOPES
from tests.provider.proving import post
from tests.provider.visiting import SESSION, enter
from tests.stage import WEB, WEB_SECRET, Stage

OURS = loading.load(None).languages
WORDS = Path(languages.__file__).parent / "words"
TEMPLATES = Path(languages.__file__).parent
TITLES = {
    "en": "This sign-in link does not work",
    "es": "Este enlace de inicio de sesión no funciona",
    "zh": "此登录链接无效",
}


def words(language: str) -> dict[str, str]:
    found: dict[str, str] = orjson.loads((WORDS / f"{language}.json").read_bytes())
    return found


def asking(accept: str) -> Request:
    """A request with this header."""
    header = (b"accept-language", accept.encode("latin-1"))
    return Request({"type": "http", "headers": [header], "query_string": b"", "method": "GET", "path": "/"})


def language_of(answer: httpx.Response) -> str:
    """The language of a page, which its markup and its header agree on."""
    (language,) = re.findall(r'<html lang="([a-z]+)">', answer.text)
    assert answer.headers["content-language"] == language
    return str(language)


def test_every_language_has_every_sentence_and_no_other() -> None:
    assert {file.stem for file in WORDS.glob("*.json")} == set(OURS.tags)
    for language in OURS.tags:
        assert list(words(language)) == list(words("en"))
        assert all(text.strip() == text != "" for text in words(language).values())
    for language in set(OURS.tags) - {"en"}:
        assert not set(words(language).values()) & set(words("en").values())


def test_every_sentence_is_used_and_every_one_used_is_there() -> None:
    """A key that a template or a page names and no language has would be a 500 on the day somebody needs it."""
    rooms = [*TEMPLATES.glob("*.html"), *TEMPLATES.parent.rglob("*.py")]
    source = "\n".join(file.read_text(encoding="utf-8") for file in rooms)
    named = set(re.findall(r'say\((?:[a-z.()]+, )?["\']([a-z_.]+)["\']', source))
    about = set(re.findall(r'pages\.message\(\s*request,\s*"([a-z_]+)"', source))
    told_by_the_request = {"bad_link.happened", "bad_sign_out.happened"}
    parts = {f"{page}.{part}" for page in about for part in ("title", "happened", "remedy")} - told_by_the_request
    of_scopes = {f"permission.{scope}" for scope in LOGIN_SCOPES}
    assert named | parts | of_scopes == set(words("en"))


@pytest.mark.parametrize(
    ("ui_locales", "accept", "expected"),
    [
        (None, "", "en"),
        (None, "es", "es"),
        (None, "ES-mx", "es"),
        (None, "de-DE, zh-Hant-TW;q=0.9, es;q=0.8", "zh"),
        (None, "es;q=0.2, zh;q=0.8, en;q=0.5", "zh"),
        (None, "es; q=0.2, zh ; q=0.8", "zh"),
        (None, "es;q=0, zh;q=0.001", "zh"),
        (None, "es;q=0", "en"),
        (None, "zh;Q=0.1,es", "es"),
        (None, "fr, de, *", "en"),
        (None, "es;q=2, zh;q=0.1", "zh"),
        (None, "estonian", "en"),
        ("zh", "es", "zh"),
        ("zh-Hans-CN en", "es", "zh"),
        ("fr de es", "zh", "es"),
        ("fr", "zh", "zh"),
        ("", "zh", "zh"),
    ],
)
def test_the_first_language_that_we_speak_is_chosen(ui_locales: str | None, accept: str, expected: str) -> None:
    assert OURS.choose(asking(accept), ui_locales) == expected


@given(
    ui_locales=st.none() | st.text(max_size=60),
    accept=st.text(st.characters(max_codepoint=0xFF), max_size=80)
    | st.text(string.digits + "eszhnq;=,.-* \t", max_size=80),
)
def test_no_header_is_too_strange(ui_locales: str | None, accept: str) -> None:
    assert OURS.choose(asking(accept), ui_locales) in OURS.tags


async def test_pages_are_in_the_language_asked_for_whatever_page_and_method(file_stage: Stage) -> None:
    stage, browser = file_stage, await file_stage.browser()
    await enter(stage, browser)
    bad = {"client_id": "cli_nobody"}
    for language in OURS.tags:
        header = {"Accept-Language": f"{language}-x-any;q=0.9, fr"}
        asked = bad | {"ui_locales": f"fr-CA {language}-419"}
        address = f"{stage.issuer}/authorize"
        for answer in (
            await browser.get(address, params=bad, headers=header),
            await browser.get(address, params=asked, headers={"Accept-Language": "zh, es"}),
            await browser.post(address, data=asked, headers={"Accept-Language": "zh, es"}),
        ):
            assert language_of(answer) == language
            assert f"<h1>{TITLES[language]}</h1>" in answer.text
            # What only the request can tell is English, and says so to a screen reader.
            assert '<p lang="en">No app is registered under this client_id.</p>' in answer.text
        lost = await browser.get(f"{stage.issuer}/callback/tiktok?code=x&state=y", headers=header)
        assert language_of(lost) == language
        assert f'<p lang="{language}">{words(language)["lost.happened"]}</p>' in lost.text
        question = await browser.get(f"{stage.issuer}/logout", headers=header)
        assert language_of(question) == language


async def test_a_posting_page_speaks_the_language_of_the_request_pushed_or_not(file_stage: Stage) -> None:
    stage, browser = file_stage, await file_stage.browser()
    await enter(stage, browser)
    question = stage.question(response_mode="form_post", ui_locales="es")
    pushed = (await post(stage.http, "/par", question, auth=(WEB, WEB_SECRET))).json()["request_uri"]
    by_reference: dict[str, Any] = {"client_id": WEB, "request_uri": pushed, "ui_locales": "zh"}
    for asked in (question, by_reference):
        answer = await stage.authorize(browser, asked)
        assert language_of(answer) == "es"
        assert ">Continuar</button>" in answer.text


async def test_a_posting_page_after_tiktok_speaks_what_the_app_asked_for(file_stage: Stage) -> None:
    """The wish travels with the login; TikTok sends the browser back without it."""
    stage = file_stage
    for asked, expected in (("fr-CA zh-Hans", "zh"), ("fr", "es"), (None, "es")):
        browser = await stage.browser()
        browser.headers["accept-language"] = "es"
        question = stage.question(response_mode="form_post", ui_locales=asked, prompt="login")
        for action in ("allow", "deny"):
            sent = await stage.authorize(browser, question)
            back = await stage.consent(browser, sent.headers["location"], action=action)
            answer = await browser.get(back)
            assert answer.status_code == 200
            assert language_of(answer) == expected
            # The same address again finds no login; the page knows the browser only.
            assert language_of(await browser.get(back)) == "es"


async def test_a_login_that_was_finished_elsewhere_says_so_in_its_language(file_stage: Stage) -> None:
    stage, browser = file_stage, await file_stage.browser()
    sent = await stage.authorize(browser, stage.question(ui_locales="zh"))
    cookies = dict(browser.cookies)
    address = sent.headers["location"]
    first, second = [await stage.consent(browser, address) for _ in range(2)]
    assert (await browser.get(first)).status_code == 302
    late = await stage.browser()
    late.cookies.update(cookies)
    answer = await late.get(second)
    assert (answer.status_code, language_of(answer)) == (400, "zh")


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_every_page_of_a_sign_out_speaks_what_the_app_asked_for(file_stage: Stage, method: str) -> None:
    """RP-Initiated Logout §2: `ui_locales`, by either method, and for the page after the question too."""
    stage, browser = file_stage, await file_stage.browser()
    browser.headers["accept-language"] = "es"
    tokens = await enter(stage, browser)

    async def ask(**parameters: str) -> httpx.Response:
        query, form = (parameters, None) if method == "GET" else (None, parameters)
        return await browser.request(method, f"{stage.issuer}/logout", params=query, data=form)

    for wish, expected in (("fr zh-Hans", "zh"), ("fr", "es")):
        question = await ask(ui_locales=wish)
        assert language_of(question) == expected
        (value,) = re.findall(r'name="question" value="([^"]+)"', question.text)
        assert language_of(await ask(ui_locales=wish, id_token_hint="garbage")) == expected
        agreed = await browser.post(f"{stage.issuer}/logout/confirm", data={"question": value})
        assert (agreed.status_code, language_of(agreed)) == (200, expected)
        assert language_of(await ask(ui_locales=wish, id_token_hint=tokens["id_token"])) == expected
        await enter(stage, browser)


async def test_no_language_header_is_a_fault_of_ours(file_stage: Stage) -> None:
    address = f"{file_stage.issuer}/authorize?client_id=cli_nobody"
    browser = await file_stage.browser()
    for value in (b"\xff\xfe", b"es;q=nan", b"es;q=1e999", b";;;,,,", b"," * 4_000, b"x" * 6_000, "中文".encode()):
        answer = await browser.get(address, headers=[(b"accept-language", value)])
        assert (answer.status_code, language_of(answer)) == (400, "en"), value
    for query in ("ui_locales=%ff", "ui_locales=%00", "ui_locales=../../etc", "ui_locales=es&ui_locales=zh"):
        answer = await browser.get(f"{address}&{query}")
        assert answer.status_code == 400, query
        language_of(answer)
    assert SESSION not in browser.cookies
