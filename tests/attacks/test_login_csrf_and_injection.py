"""Login CSRF and code injection: across browsers, parallel logins, and the session (RFC 9700 §4.5, §4.7)."""

import httpx

from broker import opaque
from tests.attacks.attacker import NO_PKCE, code_form, pushed, register_no_pkce, unverified
from tests.journeys.tables import written
from tests.stage import PUBLIC, VERIFIER, WEB_SECRET, Stage, answer_in
from tests.web.front import query_of

OTHER_VERIFIER = "another-verifier-of-at-least-forty-three-characters"


async def at_the_callback(
    stage: Stage, browser: httpx.AsyncClient, *, person: str = "p1", client_id: str = "cli_web", **changes: str
) -> str:
    sent = await stage.authorize(browser, stage.question(client_id, **changes))
    return await stage.consent(browser, sent.headers["location"], person=person)


def with_code_of(address: str, other: str) -> str:
    """The first callback with the other's TikTok code in it."""
    return str(httpx.URL(address).copy_set_param("code", httpx.URL(other).params["code"]))


async def test_an_attackers_callback_opened_in_the_victims_browser_signs_nobody_in(file_stage: Stage) -> None:
    attacker, victim = await file_stage.browser(), await file_stage.browser()
    callback = await at_the_callback(file_stage, attacker, person="p2")
    page = await victim.get(callback)
    assert page.status_code == 400
    assert not victim.cookies
    assert await written(file_stage.database) == {}


async def test_tiktoks_code_of_another_login_is_refused_by_its_verifier(file_stage: Stage) -> None:
    """A code stolen at TikTok's redirect, put into a login of the attacker's: the cookie's verifier differs."""
    attacker, victim = await file_stage.browser(), await file_stage.browser()
    own = await at_the_callback(file_stage, attacker, person="p2")
    stolen = await at_the_callback(file_stage, victim, person="p1")
    answer = await attacker.get(with_code_of(own, stolen))
    assert answer_in(answer.headers["location"])["error"] == "server_error"
    assert "broker_session" not in attacker.cookies
    assert await written(file_stage.database) == {}


async def test_two_logins_in_one_browser_cannot_be_crossed(file_stage: Stage) -> None:
    browser = await file_stage.browser()
    first = await at_the_callback(file_stage, browser, state="first", nonce="n1")
    second = await at_the_callback(file_stage, browser, state="second", nonce="n2", client_id=PUBLIC)
    crossed = await browser.get(with_code_of(first, second))
    assert answer_in(crossed.headers["location"])["error"] == "server_error"
    assert answer_in(crossed.headers["location"])["state"] == "first"
    # The crossed login is over, the other untouched: it ends at its own app, with its own state and nonce.
    third = await at_the_callback(file_stage, browser, state="third", nonce="n3")
    answer = answer_in((await browser.get(third)).headers["location"])
    assert answer["state"] == "third"
    tokens = (await file_stage.redeem(answer["code"])).json()
    assert unverified(tokens["id_token"])["nonce"] == "n3"


async def test_a_code_is_good_only_for_the_app_the_address_and_the_challenge_it_was_issued_for(
    file_stage: Stage,
) -> None:
    """RFC 9700 §4.5: a code of the victim in the attacker's flow, at whatever app; the code survives every try."""
    await register_no_pkce(file_stage)
    code = (await file_stage.come_back(await file_stage.browser(), file_stage.question()))["code"]
    for refused in (
        await file_stage.redeem(code, code_verifier=OTHER_VERIFIER),
        await file_stage.redeem(code, code_verifier=None),
        await file_stage.redeem(code, code_verifier=opaque.sha256_base64url(VERIFIER)),
        await file_stage.redeem(code, PUBLIC),
        await file_stage.redeem(code, redirect_uri="https://app.example/callback/"),
        await file_stage.http.post("/token", data=code_form(code), auth=(NO_PKCE, WEB_SECRET)),
        await file_stage.http.post("/token", data=code_form(code, code_verifier=None), auth=(NO_PKCE, WEB_SECRET)),
    ):
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert (await file_stage.redeem(code)).status_code == 200


async def test_an_answer_carries_the_state_and_the_issuer_of_its_own_request(file_stage: Stage) -> None:
    """RFC 9207 §2: whoever compares `iss` cannot be fed another server's answer; errors carry it too."""
    browser = await file_stage.browser()
    await file_stage.come_back(browser, file_stage.question(state="mine"))
    for question, error in (({}, None), ({"prompt": "none", "max_age": "0"}, "login_required")):
        sent = await file_stage.authorize(browser, file_stage.question(state="again", **question))
        answer = answer_in(sent.headers["location"])
        assert (answer["state"], answer["iss"], answer.get("error")) == ("again", file_stage.issuer, error)


async def test_a_request_pushed_by_one_app_cannot_be_opened_as_another(file_stage: Stage) -> None:
    """RFC 9126 §2.2: bound to the client that pushed it; the stranger sees a page and spends nothing."""
    await register_no_pkce(file_stage)
    browser = await file_stage.browser()
    await file_stage.come_back(browser, file_stage.question())
    request_uri = await pushed(file_stage, state="pushed")
    # The second has the very same redirect URI.
    for other in (PUBLIC, NO_PKCE):
        stranger = await file_stage.authorize(browser, {"client_id": other, "request_uri": request_uri})
        assert (stranger.status_code, "location" in stranger.headers) == (400, False)
    own = await file_stage.authorize(
        browser, {"client_id": "cli_web", "request_uri": request_uri, "state": "forged"}
    )
    assert answer_in(own.headers["location"])["state"] == "pushed"


async def test_a_session_cookie_planted_into_another_browser_does_not_survive_a_sign_in(file_stage: Stage) -> None:
    """Session fixation: whoever signs in gets a new cookie, and the planted session is over, told to its apps."""
    attacker, victim = await file_stage.browser(), await file_stage.browser()
    await file_stage.come_back(attacker, file_stage.question(), person="p2")
    planted = attacker.cookies["broker_session"]
    victim.cookies.set("broker_session", planted, domain="127.0.0.1", path="/")
    sent = await file_stage.authorize(victim, file_stage.question(prompt="login"))
    callback = await file_stage.consent(victim, sent.headers["location"], person="p1")
    arrived = await victim.get(callback)
    assert "code" in answer_in(arrived.headers["location"])
    (given,) = {cookie.value for cookie in victim.cookies.jar if cookie.name == "broker_session"} - {planted}
    assert given is not None
    silent = await file_stage.authorize(attacker, file_stage.question(prompt="none"))
    assert query_of(silent.headers["location"])["error"] == ["login_required"]
