"""Where the browser is sent."""

import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from broker.upstream.tiktok import TikTok

PKCE = json.loads((Path(__file__).parents[1] / "vectors/tiktok/pkce.json").read_text())
VERIFIER = PKCE[0]["verifier"]
REDIRECT_URI = "https://login.example.com/callback/tiktok"


def url(tiktok: TikTok, verifier: str = VERIFIER, *, state: str = "s", force_consent: bool = False) -> str:
    return tiktok.authorization_url(
        state=state, redirect_uri=REDIRECT_URI, verifier=verifier, force_consent=force_consent
    )


def query(address: str) -> dict[str, str]:
    pairs = parse_qsl(urlsplit(address).query, keep_blank_values=True, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


@pytest.mark.parametrize("vector", PKCE, ids=lambda vector: str(vector["name"]))
def test_the_challenge_is_tiktoks_hexadecimal_one(tiktok: TikTok, vector: dict[str, str]) -> None:
    sent = query(url(tiktok, vector["verifier"]))
    assert sent["code_challenge"] == vector["hex"] != vector["base64url"]
    assert sent["code_challenge_method"] == "S256"


@pytest.mark.parametrize("vector", PKCE, ids=lambda vector: str(vector["name"]))
def test_a_registration_may_use_the_rfcs_challenge(
    make_tiktok: Callable[..., TikTok], vector: dict[str, str]
) -> None:
    sent = query(url(make_tiktok(pkce="base64url"), vector["verifier"]))
    assert (sent["code_challenge"], sent["code_challenge_method"]) == (vector["base64url"], "S256")


def test_a_registration_may_do_without_pkce(make_tiktok: Callable[..., TikTok]) -> None:
    assert "code_challenge" not in url(make_tiktok(pkce="none"))


def test_everything_tiktok_wants_and_nothing_else(tiktok: TikTok) -> None:
    assert query(url(tiktok)) == {
        "client_key": "aw0example0key01",
        "response_type": "code",
        "scope": "user.info.basic,user.info.profile",
        "redirect_uri": REDIRECT_URI,
        "state": "s",
        "code_challenge": PKCE[0]["hex"],
        "code_challenge_method": "S256",
    }


def test_the_page_keeps_its_trailing_slash(tiktok: TikTok) -> None:
    assert url(tiktok).startswith("https://www.tiktok.com/v2/auth/authorize/?client_key=")


def test_consent_is_forced_only_when_asked_for(tiktok: TikTok) -> None:
    assert query(url(tiktok, force_consent=True))["disable_auto_auth"] == "1"
    assert "disable_auto_auth" not in url(tiktok)


def test_every_value_is_percent_encoded(tiktok: TikTok) -> None:
    address = url(tiktok, state="a b+c&client_key=other#é/")
    assert "redirect_uri=https%3A%2F%2Flogin.example.com%2Fcallback%2Ftiktok&" in address
    assert "state=a%20b%2Bc%26client_key%3Dother%23%C3%A9%2F&" in address
    assert query(address)["state"] == "a b+c&client_key=other#é/"


def test_neither_verifier_nor_secret_is_in_the_address(tiktok: TikTok) -> None:
    assert VERIFIER not in url(tiktok)
    assert "ExampleClientSecret0123456789abcdef" not in url(tiktok)
