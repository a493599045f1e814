"""Nothing is ever sent to an address that is not registered, character for character (RFC 9700 §4.1, §4.11)."""

from collections.abc import Iterator
from urllib.parse import urlencode, urlsplit

import httpx

from tests.attacks.attacker import register, signed_in
from tests.stage import PUBLIC, WEB_SECRET, Stage

GOOD = "https://app.example/callback"
BYE = "https://app.example/bye"
REDIRECTS = "cli_redirects"
EVIL = "evil.example"


def variations(good: str) -> Iterator[str]:
    """Addresses that a careless comparison takes for the good one."""
    scheme, _, rest = good.partition("://")
    host, _, path = rest.partition("/")
    yield from (
        f"{good}.{EVIL}",
        f"{good}/{EVIL}",
        f"{good}/..//{EVIL}",
        f"{good}/../{path}",
        good[:-1],
    )  # prefixes
    yield from (f"{scheme}://{EVIL}/{good}", f"{scheme}://{EVIL}?{good}", f"{scheme}://{EVIL}#{good}")  # suffixes
    yield from (f"{scheme}://{host}@{EVIL}/{path}", f"{scheme}://{host}:443@{EVIL}/{path}", f"{scheme}://@{rest}")
    yield from (f"{scheme}://user:pw@{rest}", f"{scheme}://{EVIL}\\@{rest}", f"{scheme}://{EVIL}%5C@{rest}")
    yield from (f"{scheme}:\\\\{rest}", f"{scheme}://{host}\\{path}", f"{scheme}://{EVIL}\\.{rest}")
    yield from (f"{scheme}://{host}%2F{path}", f"{scheme}://{host}/%63allback", f"{scheme}%3A//{rest}")
    yield from (f"{scheme}://{host}%00.{EVIL}/{path}", f"{good}%0d%0aLocation:%20https://{EVIL}", f"{good}%20")
    yield from (f"{scheme}://app.ex\u0430mple/{path}", f"{scheme}://xn--app-abc.example/{path}", f"{good}\u202e")
    yield from (f"{scheme}://\uff41pp.example/{path}", f"{scheme}://app\u3002example/{path}")
    yield from (good.upper(), f"{scheme.upper()}://{rest}", f"{scheme}://{host.title()}/{path}")
    yield from (f"{good}/", f"{good}//", f"{scheme}://{host}./{path}", f"{scheme}://{host}:443/{path}")
    yield from (f"{good}?", f"{good}?next=https://{EVIL}", f"{good}#", f"{good}#{EVIL}", f"{good}&x", f"{good};x")
    yield from (
        f"http://{rest}",
        f"//{rest}",
        f"//{EVIL}/{path}",
        f"/{path}",
        f"/\\{EVIL}",
        EVIL,
        f"{good} {good}",
    )
    yield from (f"javascript://{rest}%0aalert(1)", "javascript:alert(1)", f"data:text/html,{good}", "about:blank")
    yield from (f"https:{rest}", f"https:/{rest}", f"https:///{rest}", f" {good}", f"\t{good}", f"{good}\n")


def assert_kept_here(answer: httpx.Response, address: str) -> None:
    assert answer.status_code == 400, address
    assert "location" not in answer.headers, address
    assert "refresh" not in answer.headers, address
    assert f"//{EVIL}" not in answer.text, address
    assert "<form" not in answer.text, address


async def prepare(stage: Stage) -> httpx.AsyncClient:
    """A client with both kinds of addresses, and a browser with a session: an answer would come at once."""
    await register(
        stage, REDIRECTS, WEB_SECRET, redirect_uris=[GOOD], post_logout_redirect_uris=[BYE], no_pkce=True
    )
    browser, _ = await signed_in(stage)
    return browser


async def test_no_variation_of_a_registered_address_is_redirected_to(file_stage: Stage) -> None:
    browser = await prepare(file_stage)
    count = 0
    for address in variations(GOOD):
        question = file_stage.question(REDIRECTS, redirect_uri=address)
        assert_kept_here(await file_stage.authorize(browser, question), address)
        count += 1
    assert count > 55
    for mode in ("form_post", "fragment", "web_message"):
        question = file_stage.question(
            REDIRECTS, redirect_uri=f"https://{EVIL}/", response_mode=mode, prompt="none"
        )
        assert_kept_here(await file_stage.authorize(browser, question), mode)
    # Nor in a form, nor where the error itself is at the redirect URI.
    posted = await browser.post(
        f"{file_stage.issuer}/authorize",
        data=file_stage.question(REDIRECTS, redirect_uri=f"{GOOD}/", scope="\u00e9"),
    )
    assert_kept_here(posted, "posted")
    good = await file_stage.authorize(browser, file_stage.question(REDIRECTS, redirect_uri=GOOD))
    assert good.headers["location"].startswith(f"{GOOD}?code=")


async def test_no_variation_can_be_pushed_or_kept_from_the_query_of_a_pushed_request(file_stage: Stage) -> None:
    browser = await prepare(file_stage)
    for address in (f"{GOOD}/", f"https://{EVIL}/", f"{GOOD}@{EVIL}", f"{GOOD}#x"):
        data = file_stage.question(REDIRECTS, redirect_uri=address)
        answer = await file_stage.http.post("/par", data=data, auth=(REDIRECTS, WEB_SECRET))
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request"), address
    data = file_stage.question(REDIRECTS, redirect_uri=GOOD)
    answer = await file_stage.http.post("/par", data=data, auth=(REDIRECTS, WEB_SECRET))
    visit = {"client_id": REDIRECTS, "request_uri": answer.json()["request_uri"]}
    sent = await file_stage.authorize(
        browser, visit | {"redirect_uri": f"https://{EVIL}/", "response_mode": "form_post"}
    )
    assert sent.headers["location"].startswith(f"{GOOD}?code=")


async def test_no_variation_is_gone_to_after_signing_out_and_nothing_is_ended(file_stage: Stage) -> None:
    """RP-Initiated Logout §3: neither by a hint, nor by the page that asks, nor in a form."""
    browser = await prepare(file_stage)
    answer = await file_stage.authorize(browser, file_stage.question(REDIRECTS, redirect_uri=GOOD))
    code = dict(httpx.URL(answer.headers["location"]).params)["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": GOOD}
    form["code_verifier"] = "a-verifier-of-at-least-forty-three-characters"
    tokens = (await file_stage.http.post("/token", data=form, auth=(REDIRECTS, WEB_SECRET))).json()
    logout = f"{file_stage.issuer}/logout"
    hint = {"id_token_hint": tokens["id_token"]}
    for number, address in enumerate(variations(BYE)):
        asked = {"post_logout_redirect_uri": address, **(hint if number % 2 else {"client_id": REDIRECTS})}
        assert_kept_here(await browser.get(logout, params=asked), address)
    # An address for signing in is none for signing out, and one of another app, or of no app, is none either.
    for asked in (
        {"post_logout_redirect_uri": GOOD, **hint},
        {"post_logout_redirect_uri": BYE},
        {"post_logout_redirect_uri": BYE, "client_id": PUBLIC},
        {"post_logout_redirect_uri": BYE, "client_id": PUBLIC, **hint},
    ):
        assert_kept_here(await browser.post(logout, data=asked), str(asked))
    still = await file_stage.authorize(browser, file_stage.question(REDIRECTS, redirect_uri=GOOD, prompt="none"))
    assert "code=" in still.headers["location"]
    gone = await browser.get(logout, params={"post_logout_redirect_uri": BYE, **hint, "state": f"//{EVIL}/&x=y#z"})
    target = urlsplit(gone.headers["location"])
    assert (gone.status_code, f"{target.scheme}://{target.netloc}{target.path}") == (303, BYE)
    assert target.query == urlencode({"state": f"//{EVIL}/&x=y#z"})


async def test_only_the_port_of_a_loopback_address_is_the_native_apps_own_choice(file_stage: Stage) -> None:
    """RFC 8252 §7.3, §8.3: of http to the IP literal, and nothing else of it."""
    browser = await file_stage.browser()
    for address in (
        f"http://127.0.0.1@{EVIL}/callback",
        f"http://127.0.0.1:80@{EVIL}/callback",
        f"http://127.0.0.1:x.{EVIL}/callback",
        f"http://127.0.0.1.{EVIL}/callback",
        "http://127.0.0.1:999999/callback",
        "http://localhost:4711/callback",
        "http://127.0.0.2:4711/callback",
        "http://127.1:4711/callback",
        "http://2130706433:4711/callback",
        "http://[::1]:4711/callback",
        "https://127.0.0.1:4711/callback",
        "http://127.0.0.1:4711/callback/",
        "http://127.0.0.1:4711/callback?x=y",
        "http://127.0.0.1:4711/callback#x",
    ):
        answer = await file_stage.authorize(browser, file_stage.question(PUBLIC, redirect_uri=address))
        assert_kept_here(answer, address)
    question = file_stage.question(PUBLIC, redirect_uri="http://127.0.0.1:4711/callback")
    assert (await file_stage.authorize(browser, question)).status_code == 302
