"""The authorize page: consent, refusal, and skipping it."""

import re

import pytest

from tests.simulator.driver import (
    AUTHORIZE,
    BASIC,
    FORM,
    NOW,
    PROFILE,
    REDIRECT_URI,
    SANDBOX_KEY,
    STATS,
    WEB_KEY,
    WEB_REDIRECT_URI,
    Driver,
    callback,
    single,
)

WEB = {"client_key": WEB_KEY, "redirect_uri": WEB_REDIRECT_URI, "scope": BASIC}


async def test_the_page_offers_people_scopes_and_two_buttons(tiktok: Driver) -> None:
    page = await tiktok.show()
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    for needle in (
        'id="person-p1"',
        'id="person-p5"',
        'id="allow"',
        'id="deny"',
        '<form method="post">',
        "Simulator",
    ):
        assert needle in page.text
    assert re.findall(r'name="scope" id="[^"]+" value="([^"]+)" checked', page.text) == [BASIC, PROFILE]
    assert len(re.findall(r'name="person"[^>]* checked', page.text)) == 1


async def test_the_page_is_found_without_its_slash(tiktok: Driver) -> None:
    page = await tiktok.http.get(f"{AUTHORIZE.rstrip('/')}?{tiktok.query()}")
    assert page.status_code == 200


async def test_consent_goes_back_with_code_scopes_and_state(tiktok: Driver) -> None:
    response = await tiktok.press()
    answer = callback(response)
    assert answer.keys() == {"code", "scopes", "state"}
    assert re.fullmatch(r"[A-Za-z0-9_-]{64}\*1![0-9]{4}\.va", answer["code"])
    assert answer["scopes"] == f"{BASIC},{PROFILE}"
    assert answer["state"] == "st&te/+ é"
    assert re.search(r"code=[^&]*%2A1%21[0-9]{4}\.va&", response.headers["location"])


async def test_scopes_come_back_as_ticked_in_the_order_asked(tiktok: Driver) -> None:
    asked = f"{BASIC},{STATS},{PROFILE}"
    answer = callback(await tiktok.press(scopes=(PROFILE, BASIC), scope=asked))
    assert answer["scopes"] == f"{BASIC},{PROFILE}"


async def test_even_the_basic_scope_may_be_unticked(tiktok: Driver) -> None:
    assert callback(await tiktok.press(scopes=(PROFILE,)))["scopes"] == PROFILE
    assert callback(await tiktok.press(scopes=()))["scopes"] == ""


async def test_refusal_is_told_as_tiktok_tells_it(tiktok: Driver) -> None:
    assert callback(await tiktok.press("deny")) == {
        "error": "access_denied",
        "error_description": "access_denied",
        "errCode": "-2",
        "state": "st&te/+ é",
    }


async def test_refusal_needs_no_person_and_signs_nobody_in(tiktok: Driver) -> None:
    response = await tiktok.http.post(f"{AUTHORIZE}?{tiktok.query()}", data={"action": "deny"})
    assert callback(response)["error"] == "access_denied"
    assert "set-cookie" not in response.headers


async def test_a_second_visit_goes_straight_back(tiktok: Driver) -> None:
    first = await tiktok.press(person="p3")
    cookie = first.headers["set-cookie"]
    assert cookie.startswith("tiktok_simulator_session=")
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    assert "secure" not in cookie.lower()
    answer = callback(await tiktok.show(state="second"))
    assert answer["state"] == "second"
    body = (await tiktok.redeem(answer["code"])).json()
    assert body["open_id"] == tiktok.world.people["p3"].open_id("aw0example0key01")


async def test_the_cookie_is_secure_where_the_page_is(tiktok: Driver) -> None:
    url = f"https://simulator.test{AUTHORIZE}?{tiktok.query()}"
    response = await tiktok.http.post(url, data={"action": "allow", "person": "p1"})
    assert "secure" in response.headers["set-cookie"].lower()


async def test_disable_auto_auth_always_shows_the_page(tiktok: Driver) -> None:
    await tiktok.press(person="p2")
    page = await tiktok.show(disable_auto_auth="1")
    assert page.status_code == 200
    assert re.search(r'id="person-p2" value="p2" checked', page.text)
    assert (await tiktok.show(disable_auto_auth="0")).status_code == 302


async def test_what_was_not_allowed_before_is_asked_for(tiktok: Driver) -> None:
    await tiktok.press(scopes=(BASIC,))
    assert (await tiktok.show()).status_code == 200
    assert (await tiktok.show(scope=BASIC)).status_code == 302
    assert (await tiktok.show(scope=STATS)).status_code == 200


async def test_consent_adds_up_and_unticking_takes_it_back(tiktok: Driver) -> None:
    await tiktok.press(scopes=(BASIC,), scope=BASIC)
    await tiktok.press(scopes=(PROFILE,), scope=PROFILE)
    assert (await tiktok.show()).status_code == 302
    await tiktok.press(scopes=(BASIC,))
    assert (await tiktok.show()).status_code == 200


async def test_consent_to_one_app_is_none_to_another(tiktok: Driver) -> None:
    await tiktok.press()
    assert (await tiktok.show(**WEB)).status_code == 200


async def test_another_browser_is_asked(tiktok: Driver) -> None:
    await tiktok.press()
    tiktok.http.cookies.clear()
    assert (await tiktok.show()).status_code == 200
    tiktok.http.cookies.set("tiktok_simulator_session", "made up")
    assert (await tiktok.show()).status_code == 200


async def test_the_sessions_can_be_ended(tiktok: Driver) -> None:
    await tiktok.press()
    await tiktok.http.delete("/_simulator/sessions")
    assert (await tiktok.show()).status_code == 200


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_key": None}, {"error": "param_error", "error_type": "client_key", "errCode": "10003"}),
        ({"client_key": None, "client_id": "aw0example0key01"}, {"error": "param_error", "errCode": "10003"}),
        ({"client_key": "aw0unknown"}, {"error": "unauthorized_client", "error_type": "client_key"}),
        ({"redirect_uri": REDIRECT_URI + "/"}, {"error": "invalid_request", "error_type": "redirect_uri"}),
        ({"redirect_uri": "https://evil.example"}, {"error": "invalid_request", "error_type": "redirect_uri"}),
        ({"redirect_uri": None}, {"error": "invalid_request", "error_type": "redirect_uri"}),
        ({"response_type": "token"}, {"error": "unsupported_response_type"}),
        ({"response_type": None}, {"error": "unsupported_response_type"}),
        ({"scope": f"{BASIC} {PROFILE}"}, {"error": "invalid_scope", "error_type": "scope"}),
        ({"scope": f"{BASIC},video.publish"}, {"error": "invalid_scope"}),
        ({"scope": f"{BASIC},"}, {"error": "invalid_scope"}),
        ({"scope": f"{BASIC},{BASIC}"}, {"error": "invalid_scope"}),
        ({"scope": ""}, {"error": "invalid_scope"}),
        ({"scope": None}, {"error": "invalid_scope"}),
        ({"state": None}, {"error": "invalid_request", "error_type": "state"}),
        ({"code_challenge": None}, {"error": "param_error", "error_type": "code_challenge", "errCode": "10007"}),
        ({"code_challenge": ""}, {"error": "param_error", "error_type": "code_challenge", "errCode": "10007"}),
        ({"code_challenge_method": "plain"}, {"error_type": "code_challenge_method", "errCode": "10008"}),
        ({"code_challenge_method": None}, {"error_type": "code_challenge_method", "errCode": "10008"}),
        ({**WEB, "code_challenge_method": "plain"}, {"error_type": "code_challenge_method", "errCode": "10008"}),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_apps_mistake_stays_on_tiktoks_page(
    tiktok: Driver, method: str, changes: dict[str, str | None], error: dict[str, str]
) -> None:
    """The URL gains the error, the query stays, and the redirect URI never hears of it."""
    query = tiktok.query(**changes)
    data = {"action": "allow", "person": "p1"} if method == "POST" else None
    response = await tiktok.http.request(method, f"{AUTHORIZE}?{query}", data=data)
    assert response.status_code == 302
    location = response.headers["location"]
    assert location.startswith(f"{AUTHORIZE}?{query}&error=")
    assert single(location).items() >= error.items()
    if "errCode" not in error:
        assert "errCode" not in location
    page = await tiktok.http.get(location)
    assert page.status_code == 200
    assert "Something went wrong" in page.text
    assert single(location)["error_type"] in page.text


async def test_a_repeated_parameter_is_named(tiktok: Driver) -> None:
    response = await tiktok.http.get(f"{AUTHORIZE}?{tiktok.query()}&state=again")
    location = response.headers["location"]
    assert location.endswith("&error=invalid_request&error_type=state")
    assert (await tiktok.http.get(location)).status_code == 200


async def test_the_path_of_the_first_api_is_an_error(tiktok: Driver) -> None:
    response = await tiktok.http.get(f"/auth/authorize/?{tiktok.query()}")
    assert single(response.headers["location"])["errCode"] == "10003"


async def test_the_web_needs_no_challenge_but_takes_one(tiktok: Driver) -> None:
    for challenge in (
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge_method": None},
        {},
    ):
        assert (await tiktok.show(**(WEB | challenge))).status_code == 200


async def test_somebody_outside_the_sandbox_is_turned_away_on_the_callback(tiktok: Driver) -> None:
    assert callback(await tiktok.press(person="p3", client_key=SANDBOX_KEY)) == {
        "error": "access_denied",
        "error_description": "access_denied",
        "error_type": "non_sandbox_target",
        "state": "st&te/+ é",
    }
    assert "code" in callback(await tiktok.press(person="p2", client_key=SANDBOX_KEY))


async def test_somebody_outside_the_sandbox_may_be_turned_away_on_the_page(tiktok: Driver) -> None:
    await tiktok.settings(non_sandbox_target="page")
    response = await tiktok.press(person="p3", client_key=SANDBOX_KEY)
    assert response.headers["location"].startswith(AUTHORIZE)
    assert single(response.headers["location"])["error_type"] == "non_sandbox_target"


@pytest.mark.parametrize(
    "form",
    [
        {"action": "allow"},
        {"action": "allow", "person": "p9"},
        {"action": "allow", "person": ["p1", "p2"]},
        {"action": "allow", "person": "p1", "scope": "video.publish"},
        {"action": ["allow", "deny"], "person": "p1"},
        {"action": "perhaps", "person": "p1"},
        {"person": "p1"},
        {},
    ],
)
async def test_a_form_our_page_did_not_make(tiktok: Driver, form: dict[str, str | list[str]]) -> None:
    response = await tiktok.http.post(f"{AUTHORIZE}?{tiktok.query()}", data=form)
    assert response.status_code == 400
    assert "set-cookie" not in response.headers


async def test_a_consent_that_is_no_form(tiktok: Driver) -> None:
    response = await tiktok.http.post(f"{AUTHORIZE}?{tiktok.query()}", json={"action": "allow", "person": "p1"})
    assert response.status_code == 400


@pytest.mark.parametrize("content", [b"action=%ff", b"\xff", b"action=allow&person=" + b"p" * 16_384])
async def test_a_consent_form_that_cannot_be_read(tiktok: Driver, content: bytes) -> None:
    response = await tiktok.http.post(f"{AUTHORIZE}?{tiktok.query()}", content=content, headers=FORM)
    assert response.status_code == 400


async def test_a_code_lives_five_minutes(tiktok: Driver) -> None:
    early, late = await tiktok.code(), await tiktok.code()
    tiktok.clock.now = NOW + 299
    assert "access_token" in (await tiktok.redeem(early)).json()
    tiktok.clock.now = NOW + 300
    assert (await tiktok.redeem(late)).json()["error"] == "invalid_grant"
