"""Codes as TikTok's app on a phone hands them out, and the short verifiers that come with them."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from broker.simulator.apps import Platform
from broker.simulator.world import App
from tests.simulator.driver import (
    BASE64URL_CHALLENGE,
    BASIC,
    KEY,
    PROFILE,
    SANDBOX_KEY,
    SECRET,
    VERIFIER,
    Driver,
    callback,
    refused,
)

APP_LINK = "https://links.example.com/tiktok"
SHORT = "0123456789abcdefghijABCDEFGHIJxy"
BAD_VERIFIER = ("invalid_request", "Code verifier or code challenge is invalid.")


def challenge_of(verifier: str) -> str:
    return hashlib.sha256(verifier.encode()).hexdigest()


@pytest.fixture
def phone(tiktok: Driver) -> Driver:
    """The desktop app has a sibling on phones."""
    tiktok.world.apps[KEY] = replace(tiktok.world.apps[KEY], native_redirect_uris=[APP_LINK])
    return tiktok


def wish(**changes: Any) -> dict[str, Any]:
    good = {"client_key": KEY, "redirect_uri": APP_LINK, "code_challenge": challenge_of(SHORT), "person": "p1"}
    return {name: value for name, value in (good | changes).items() if value is not None}


async def test_the_code_of_a_phone_is_traded_with_a_verifier_of_32_characters(phone: Driver) -> None:
    given = await phone.control("native-code", **wish(scopes=[BASIC, PROFILE], state="s"))
    assert (given["scopes"], given["state"]) == (f"{BASIC},{PROFILE}", "s")
    assert phone.world.grants.cover("p1", KEY, (BASIC, PROFILE)), "the browser will not ask again"
    body = (await phone.redeem(given["code"], redirect_uri=APP_LINK, code_verifier=SHORT)).json()
    assert body["scope"] == f"{BASIC},{PROFILE}"
    assert (await phone.user_info(body["access_token"])).json()["data"]["user"]["open_id"] == body["open_id"]


async def test_scopes_may_be_text_and_the_state_be_left_out(phone: Driver) -> None:
    assert (await phone.control("native-code", **wish(scopes=f"{PROFILE},{BASIC}")))[
        "scopes"
    ] == f"{PROFILE},{BASIC}"
    assert (await phone.control("native-code", **wish())).keys() == {"code", "scopes"}


@pytest.mark.parametrize(
    "fields",
    [
        {"code_verifier": SHORT[:31]},
        {"code_verifier": VERIFIER},
        {"code_verifier": None},
        {"redirect_uri": APP_LINK + "/"},
    ],
)
async def test_what_does_not_belong_to_the_code_is_refused(phone: Driver, fields: dict[str, str | None]) -> None:
    code = (await phone.control("native-code", **wish()))["code"]
    usual: dict[str, str | None] = {"redirect_uri": APP_LINK, "code_verifier": SHORT}
    assert refused(await phone.redeem(code, **(usual | fields)))[0] == "invalid_request"


async def test_a_base64url_challenge_fails_only_at_the_token_call(phone: Driver) -> None:
    code = (await phone.control("native-code", **wish(code_challenge=BASE64URL_CHALLENGE)))["code"]
    response = await phone.redeem(code, redirect_uri=APP_LINK, code_verifier=VERIFIER)
    assert refused(response) == BAD_VERIFIER


@pytest.mark.parametrize(
    "changes",
    [
        {"client_key": None},
        {"client_key": "aw0nobody"},
        {"redirect_uri": "https://links.example.com/other"},
        {"redirect_uri": "http://localhost:8001/callback/tiktok"},
        {"redirect_uri": None},
        {"code_challenge": ""},
        {"code_challenge": None},
        {"person": "p9"},
        {"person": None},
        {"scopes": "email"},
        {"scopes": [BASIC, BASIC]},
        {"scopes": [[]]},
        {"scopes": 5},
        {"code_challenge_method": "S256"},
    ],
)
async def test_what_the_sdk_would_refuse(phone: Driver, changes: dict[str, Any]) -> None:
    response = await phone.http.post("/_simulator/native-code", json=wish(**changes))
    assert response.status_code == 400, response.text
    assert response.json()["error"].endswith(".")


async def test_nobody_gets_a_code_who_cannot_sign_in(phone: Driver) -> None:
    phone.world.apps[SANDBOX_KEY] = replace(phone.world.apps[SANDBOX_KEY], native_redirect_uris=[APP_LINK])
    outsider = wish(client_key=SANDBOX_KEY, person="p3")
    assert "target user" in (await phone.http.post("/_simulator/native-code", json=outsider)).text
    await phone.control("people/p1/remove", reason=4)
    assert (await phone.http.post("/_simulator/native-code", json=wish())).status_code == 400


async def test_a_person_may_disconnect_what_they_allowed_on_a_phone(phone: Driver) -> None:
    code = (await phone.control("native-code", **wish()))["code"]
    await phone.control("people/p1/remove", client_key=KEY)
    response = await phone.redeem(code, redirect_uri=APP_LINK, code_verifier=SHORT)
    assert refused(response)[0] == "invalid_grant"


@pytest.mark.parametrize(("platform", "accepted"), [("android", True), ("ios", False), ("web", False)])
async def test_in_the_browser_only_android_may_bring_32_characters(
    tiktok: Driver, platform: Platform, accepted: bool
) -> None:
    tiktok.world.add_app(App("aw0phone", SECRET, [APP_LINK], platform))
    sent = await tiktok.press(
        client_key="aw0phone",
        redirect_uri=APP_LINK,
        code_challenge=challenge_of(SHORT),
        code_challenge_method=None,
    )
    code = callback(sent, APP_LINK)["code"]
    response = await tiktok.redeem(code, client_key="aw0phone", redirect_uri=APP_LINK, code_verifier=SHORT)
    assert ("access_token" in response.json()) is accepted


def test_an_address_for_phones_is_public_and_https() -> None:
    with pytest.raises(ValueError, match="https"):
        App(KEY, SECRET, ["http://localhost:1/"], native_redirect_uris=["http://links.example.com/tiktok"])
    app = App("aw0phone", SECRET, [APP_LINK], "ios")
    assert app.has_native_redirect_uri(APP_LINK), "an app for phones hands its codes to its own addresses"
