"""What a good request becomes: TikTok's v2 authorize page, a sealed cookie, and nothing in the database."""

import re
from typing import Any
from urllib.parse import urlsplit

import pytest

from broker.store import clients
from tests.journeys.tables import written
from tests.stage import CLIENT_KEY, WEB, HeldClock
from tests.web.front import ISSUER, TIKTOK, Front, query_of, running_front


async def test_tiktok_gets_its_own_names_and_a_hexadecimal_challenge(front: Front) -> None:
    answer = await front.authorize()
    assert answer.status_code == 302
    location = answer.headers["location"]
    parts = urlsplit(location)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{TIKTOK}/v2/auth/authorize/"
    sent = {name: values[0] for name, values in query_of(location).items()}
    assert re.fullmatch("[0-9a-f]{64}", sent.pop("code_challenge"))
    assert re.fullmatch(r"[a-z2-7]{32}\.[A-Za-z0-9_-]+", sent.pop("state"))
    assert sent == {
        "client_key": CLIENT_KEY,
        "response_type": "code",
        "scope": "user.info.basic",
        "redirect_uri": f"{ISSUER}/callback/tiktok",
        "code_challenge_method": "S256",
    }


async def test_the_scopes_for_tiktok_are_joined_by_commas_and_are_the_operators(
    file_url: str, clock: HeldClock
) -> None:
    scopes = "user.info.basic,user.info.profile"
    async with running_front(file_url, clock, BROKER_TIKTOK_SCOPES=scopes) as front:
        location = (await front.authorize(scope="openid")).headers["location"]
    assert query_of(location)["scope"] == [scopes]


@pytest.mark.parametrize(
    ("pkce", "shape"), [("base64url", "[A-Za-z0-9_-]{43}"), ("hex", "[0-9a-f]{64}"), ("none", None)]
)
async def test_pkce_towards_tiktok_follows_the_setting(
    file_url: str, clock: HeldClock, pkce: str, shape: str | None
) -> None:
    async with running_front(file_url, clock, BROKER_TIKTOK_PKCE=pkce) as front:
        sent = query_of((await front.authorize()).headers["location"])
    assert ("code_challenge_method" in sent) == (shape is not None)
    if shape:
        assert re.fullmatch(shape, sent["code_challenge"][0])


@pytest.mark.parametrize(
    ("change", "asks_anew"),
    [
        ({}, False),
        ({"prompt": "login"}, True),
        ({"prompt": "consent"}, True),
        ({"prompt": "select_account"}, True),
        ({"prompt": "login consent"}, True),
        ({"max_age": "0"}, True),
        ({"max_age": "3600"}, True),
        ({"login_hint": "ada"}, False),
    ],
)
async def test_tiktok_is_told_to_ask_anew_for_a_prompt_or_a_max_age_only(
    front: Front, change: dict[str, str], asks_anew: bool
) -> None:
    """OIDC Core §3.1.2.1: how old the sign-in is that TikTok remembers, nobody tells us."""
    sent = query_of((await front.authorize(**change)).headers["location"])
    assert sent.get("disable_auto_auth") == (["1"] if asks_anew else None)


@pytest.mark.parametrize(
    "change",
    [
        {"login_hint": "ada", "ui_locales": "de", "acr_values": "0", "display": "popup", "claims": "{}"},
        {"response_mode": "query"},
        {"utm_source": "é<script>", "scope": "openid profile wonder"},
        {"scope": None},
        {"state": None, "nonce": None},
        {"state": "", "nonce": "", "request": "", "prompt": ""},
    ],
)
async def test_what_the_broker_does_not_know_is_ignored(front: Front, change: dict[str, Any]) -> None:
    """RFC 6749 §3.1; a parameter without a value counts as omitted."""
    answer = await front.authorize(**change)
    assert answer.headers["location"].startswith(f"{TIKTOK}/v2/auth/authorize/")


async def test_nothing_is_written_before_tiktok_has_vouched(front: Front) -> None:
    for change in ({}, {"prompt": "none"}, {"redirect_uri": "https://evil.example/"}):
        await front.authorize(**change)
    await front.http.get("/callback/tiktok?code=x&state=y")
    assert await written(front.database) == {}


async def test_every_login_is_another(front: Front) -> None:
    locations = [(await front.authorize()).headers["location"] for _ in range(3)]
    for name in ("state", "code_challenge"):
        assert len({query_of(location)[name][0] for location in locations}) == 3


async def test_an_app_of_a_registration_that_is_gone_hears_server_error(front: Front, clock: HeldClock) -> None:
    metadata = {"redirect_uris": ["https://lost.example/"], "registration": "lost"}
    await front.database.transact(clients.add, "cli_lost", metadata, b"x" * 32, now=clock())
    answer = await front.authorize("cli_lost", redirect_uri="https://lost.example/")
    assert query_of(answer.headers["location"])["error"] == ["server_error"]


async def test_tiktoks_state_says_nothing_about_the_app(front: Front) -> None:
    state = query_of((await front.authorize()).headers["location"])["state"][0]
    assert WEB not in state
    assert "the-state" not in state
