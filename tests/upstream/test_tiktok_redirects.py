"""TikTok's rules for redirect URIs, and that the simulator's portal agrees with them."""

import contextlib

import pytest

from broker.simulator.apps import check_redirect_uri
from broker.upstream.tiktok_redirects import TOO_LONG, accepted, advice, refusals

PUBLIC = "https://id.example.com/callback/tiktok"
LOCAL = "http://localhost:8000/callback/tiktok"
LONGEST = PUBLIC + "/" + "x" * (TOO_LONG - 2 - len(PUBLIC))

NO_URI = "takes absolute http and https URIs only"

# The URI, then what Web and Desktop say to it.
RULES: list[tuple[str, str | None, str | None]] = [
    (PUBLIC, None, "takes localhost and 127.0.0.1 only"),
    (PUBLIC + "/", None, "takes localhost and 127.0.0.1 only"),
    ("https://id.example.com:8443/callback/tiktok", None, "takes localhost and 127.0.0.1 only"),
    (LONGEST, None, "takes localhost and 127.0.0.1 only"),
    (LONGEST + "x", "takes fewer than 512 characters", "takes fewer than 512 characters"),
    (LOCAL, "refuses localhost", None),
    (LOCAL.replace("http:", "https:"), "refuses localhost", None),
    (LOCAL.replace("localhost", "127.0.0.1"), "refuses IP addresses", None),
    ("http://localhost/callback/tiktok", "refuses localhost", "needs a port in it"),
    ("https://127.0.0.1/callback/tiktok", "refuses IP addresses", "needs a port in it"),
    ("http://[::1]:8000/callback/tiktok", "refuses IP addresses", "takes localhost and 127.0.0.1 only"),
    ("http://127.0.0.2:8000/callback/tiktok", "refuses IP addresses", "takes localhost and 127.0.0.1 only"),
    ("https://192.0.2.7/callback/tiktok", "refuses IP addresses", "takes localhost and 127.0.0.1 only"),
    ("https://1.2.3/callback/tiktok", "refuses IP addresses", "takes localhost and 127.0.0.1 only"),
    ("https://app.localhost/callback/tiktok", "refuses localhost", "takes localhost and 127.0.0.1 only"),
    ("http://id.example.com/callback/tiktok", "takes https only", "takes localhost and 127.0.0.1 only"),
    ("https://broker/callback/tiktok", "needs a public host name", "takes localhost and 127.0.0.1 only"),
    (PUBLIC + "?a=b", "takes no query", "takes no query"),
    (PUBLIC + "?", "takes no query", "takes no query"),
    (LOCAL + "#", "takes no fragment", "takes no fragment"),
    ("/callback/tiktok", NO_URI, NO_URI),
    ("myapp://callback", NO_URI, NO_URI),
    ("https://id.example.com:99999/", NO_URI, NO_URI),
]


@pytest.mark.parametrize(("uri", "web", "desktop"), RULES, ids=[rule[0][:50] for rule in RULES])
def test_each_platform_takes_or_refuses_a_uri(uri: str, web: str | None, desktop: str | None) -> None:
    assert refusals(uri) == {"Web": web, "Desktop": desktop}
    assert accepted(uri) is (web is None or desktop is None)


@pytest.mark.parametrize("uri", [rule[0] for rule in RULES], ids=[rule[0][:50] for rule in RULES])
def test_the_simulators_portal_takes_the_same(uri: str) -> None:
    taken = {"Web": False, "Desktop": False}
    for platform in taken:
        with contextlib.suppress(ValueError):
            check_redirect_uri(uri, "web" if platform == "Web" else "desktop")
            taken[platform] = True
    assert taken == {platform: refusal is None for platform, refusal in refusals(uri).items()}


def test_the_advice_names_the_platform_and_what_the_other_says() -> None:
    assert advice(PUBLIC) == "register it under platform Web; Desktop takes localhost and 127.0.0.1 only"
    assert advice(LOCAL) == "register it under platform Desktop; Web refuses localhost"
    assert advice("http://localhost/x").startswith(
        "no platform of TikTok takes it; Web refuses localhost; Desktop"
    )
