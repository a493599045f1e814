"""Redirect URIs match character for character; only the port of a native app's loopback address may differ."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.oauth import redirects

HTTPS = "https://app.example/callback"
ATTACKS = {
    "longer": "https://app.example/callback/more",
    "shorter": "https://app.example/call",
    "trailing slash": "https://app.example/callback/",
    "no path": "https://app.example",
    "upper-case path": "https://app.example/Callback",
    "upper-case host": "https://APP.example/callback",
    "upper-case scheme": "HTTPS://app.example/callback",
    "http": "http://app.example/callback",
    "explicit port": "https://app.example:443/callback",
    "other port": "https://app.example:8443/callback",
    "empty port": "https://app.example:/callback",
    "dot segment": "https://app.example/./callback",
    "parent segment": "https://app.example/x/../callback",
    "encoded parent": "https://app.example/%2e%2e/callback",
    "encoded letter": "https://app.example/%63allback",
    "encoded slash": "https://app.example%2Fcallback",
    "double slash": "https://app.example//callback",
    "user name": "https://app.example@evil.example/callback",
    "password": "https://app.example:x@evil.example/callback",
    "longer host": "https://app.example.evil.example/callback",
    "prefixed host": "https://evilapp.example/callback",
    "subdomain": "https://x.app.example/callback",
    "trailing dot": "https://app.example./callback",
    "backslash": "https://app.example\\@evil.example/callback",
    "backslash for slash": "https://app.example\\callback",
    "fragment": "https://app.example/callback#x",
    "empty fragment": "https://app.example/callback#",
    "query": "https://app.example/callback?x=1",
    "empty query": "https://app.example/callback?",
    "path parameter": "https://app.example/callback;x",
    "look-alike letter": "https://аpp.example/callback",
    "full-width dot": "https://app\uff0eexample/callback",
    "leading space": " https://app.example/callback",
    "trailing space": "https://app.example/callback ",
    "line break": "https://app.example/callback\n",
    "NUL": "https://app.example/callback\x00",
    "scheme-relative": "//app.example/callback",
    "script": "javascript:alert(1)//https://app.example/callback",
    "empty": "",
}
LOOPBACK_ATTACKS = {
    "localhost is a name": "http://localhost:5000/cb",
    "user name": "http://127.0.0.1:80@evil.example/cb",
    "user name without port": "http://127.0.0.1@evil.example/cb",
    "empty port before a name": "http://127.0.0.1:@evil.example/cb",
    "longer host": "http://127.0.0.1.evil.example/cb",
    "port then host": "http://127.0.0.1:80.evil.example/cb",
    "https": "https://127.0.0.1:5000/cb",
    "other address": "http://127.0.0.2:5000/cb",
    "short address": "http://127.1:5000/cb",
    "number": "http://2130706433:5000/cb",
    "octal": "http://0177.0.0.1:5000/cb",
    "any address": "http://0.0.0.0:5000/cb",
    "IPv6 for IPv4": "http://[::1]:5000/cb",
    "long IPv6": "http://[0:0:0:0:0:0:0:1]:5000/cb",
    "mapped IPv4": "http://[::ffff:127.0.0.1]:5000/cb",
    "other path": "http://127.0.0.1:5000/other",
    "trailing slash": "http://127.0.0.1:5000/cb/",
    "query": "http://127.0.0.1:5000/cb?x=1",
    "fragment": "http://127.0.0.1:5000/cb#x",
    "letters for a port": "http://127.0.0.1:port/cb",
    "signed port": "http://127.0.0.1:-1/cb",
    "endless port": "http://127.0.0.1:123456/cb",
    "empty port": "http://127.0.0.1:/cb",
    "Arabic digits": "http://127.0.0.1:٥٠٠٠/cb",
    "upper-case scheme": "HTTP://127.0.0.1:5000/cb",
    "line break": "http://127.0.0.1:5000/cb\n",
}


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("name", ATTACKS)
def test_only_the_registered_address_itself_matches(name: str, native: bool) -> None:
    assert redirects.matches(HTTPS, [HTTPS], native=native)
    assert not redirects.matches(ATTACKS[name], [HTTPS], native=native)


@given(st.text(max_size=60))
def test_nothing_else_ever_matches(presented: str) -> None:
    for uri in (HTTPS, "com.example.app:/cb", "http://localhost:3000/cb"):
        assert redirects.matches(presented, [uri], native=True) is (presented == uri)


@given(st.integers(0, len(HTTPS) - 1), st.characters())
def test_one_character_more_less_or_changed_is_too_much(place: int, character: str) -> None:
    for presented in (
        HTTPS[:place] + character + HTTPS[place:],
        HTTPS[:place] + HTTPS[place + 1 :],
        HTTPS[:place] + character + HTTPS[place + 1 :],
    ):
        assert redirects.matches(presented, [HTTPS], native=True) is (presented == HTTPS)


@given(st.integers(0, 65_535), st.sampled_from(["http://127.0.0.1", "http://[::1]"]), st.booleans())
def test_a_native_app_comes_back_on_any_port_of_its_loopback_address(port: int, base: str, named: bool) -> None:
    """RFC 8252 §7.3."""
    registered = f"{base}:8080/cb?x=1" if named else f"{base}/cb?x=1"
    assert redirects.matches(f"{base}:{port}/cb?x=1", [registered], native=True)
    assert redirects.matches(f"{base}/cb?x=1", [registered], native=True)


def test_a_web_app_has_the_port_it_registered() -> None:
    assert not redirects.matches("http://127.0.0.1:5000/cb", ["http://127.0.0.1/cb"], native=False)
    assert not redirects.matches("http://127.0.0.1:5000/cb", ["http://127.0.0.1:80/cb"], native=False)


@pytest.mark.parametrize("name", LOOPBACK_ATTACKS)
def test_nothing_but_the_port_of_a_loopback_address_may_differ(name: str) -> None:
    assert not redirects.matches(LOOPBACK_ATTACKS[name], ["http://127.0.0.1/cb"], native=True)


def test_no_registered_address_matches_nothing() -> None:
    assert not redirects.matches(HTTPS, [], native=True)
    assert redirects.matches(HTTPS, ["https://other.example/", HTTPS], native=False)
