"""What the developer portal lets an app register."""

from typing import Any

import pytest

from broker.simulator.apps import Platform, check_redirect_uri
from broker.simulator.world import App, World

SECRET = "secret"


@pytest.mark.parametrize(
    ("platform", "uri"),
    [
        ("web", "https://dev.example.com/auth/callback/"),
        ("web", "https://dev.example.com:8443/cb"),
        ("web", "https://dev.example.com"),
        ("desktop", "http://localhost:8001/callback/tiktok"),
        ("desktop", "https://127.0.0.1:1/"),
        ("desktop", "http://127.0.0.1:*/callback/"),
        ("android", "https://links.example.com/tiktok"),
        ("ios", "https://links.example.com/tiktok"),
    ],
)
def test_a_redirect_uri_that_the_platform_allows(platform: Platform, uri: str) -> None:
    assert App("aw1", SECRET, [uri], platform).has_redirect_uri(uri.replace("*", "49152"))


@pytest.mark.parametrize(
    ("platform", "uri", "reason"),
    [
        ("web", "http://dev.example.com/cb", "https"),
        ("web", "https://localhost/cb", "public"),
        ("web", "https://app.localhost/cb", "public"),
        ("web", "https://203.0.113.7/cb", "public"),
        ("web", "https://127.1/cb", "public"),
        ("web", "https://[2001:db8::1]/cb", "public"),
        ("web", "https://intranet/cb", "public"),
        ("web", "https://dev.example.com:*/cb", "desktop"),
        ("web", "https://dev.example.com/cb?next=1", "query"),
        ("web", "https://dev.example.com/cb#top", "fragment"),
        ("web", "https://user@dev.example.com/cb", "absolute"),
        ("web", "https://dev.example.com/a b", "absolute"),
        ("web", "https://dev.example.com/\r\nset-cookie:a", "absolute"),
        ("web", "/cb", "absolute"),
        ("web", "myapp://cb", "absolute"),
        ("web", "https://dev.example.com:65536/cb", "port"),
        ("web", "https://dev.example.com/" + "a" * 488, "512"),
        ("desktop", "http://localhost/cb", "port"),
        ("desktop", "https://dev.example.com:8001/cb", "localhost"),
        ("desktop", "http://127.0.0.2:8001/cb", "localhost"),
        ("desktop", "http://localhost.example.com:8001/cb", "localhost"),
        ("desktop", "http://[::1]:8001/cb", "localhost"),
        ("android", "http://links.example.com/cb", "https"),
        ("android", "https://links.example.com:8443/cb", "port"),
        ("ios", "https://localhost/cb", "public"),
    ],
)
def test_a_redirect_uri_that_breaks_the_platforms_rules(platform: Platform, uri: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        App("aw1", SECRET, [uri], platform)


def test_the_longest_redirect_uri_has_511_characters() -> None:
    check_redirect_uri("https://dev.example.com/" + "a" * 487, "web")


def test_ten_redirect_uris_at_most() -> None:
    uris = [f"http://localhost:{port}/cb" for port in range(8000, 8011)]
    assert App("aw1", SECRET, uris[:10]).has_redirect_uri(uris[9])
    for wrong in (uris, [], uris[0]):
        with pytest.raises(ValueError, match="1 to 10"):
            App("aw1", SECRET, wrong)


@pytest.mark.parametrize(
    "uri",
    [
        "http://localhost:8001/callback",
        "http://localhost:8001/callback/tiktok/",
        "http://localhost:8001/callback/Tiktok",
        "http://127.0.0.1:8001/callback/tiktok",
        "http://localhost:8002/callback/tiktok",
        "http://localhost:8001/callback/tiktok?",
        "http://localhost:8001/callback/%74iktok",
        "",
    ],
)
def test_a_registered_uri_is_matched_character_for_character(uri: str) -> None:
    assert not App("aw1", SECRET, ["http://localhost:8001/callback/tiktok"]).has_redirect_uri(uri)


@pytest.mark.parametrize("port", ["1", "8001", "65535"])
def test_the_wildcard_stands_for_any_port(port: str) -> None:
    assert App("aw1", SECRET, ["http://127.0.0.1:*/cb"]).has_redirect_uri(f"http://127.0.0.1:{port}/cb")


@pytest.mark.parametrize("port", ["65536", "0", "080", "", "*", "٣", "80/x", "1@evil.example:2", "80\n"])
def test_the_wildcard_stands_for_nothing_else(port: str) -> None:
    assert not App("aw1", SECRET, ["http://127.0.0.1:*/cb"]).has_redirect_uri(f"http://127.0.0.1:{port}/cb")


def test_a_sandbox_names_its_target_users() -> None:
    sandbox = App("sbaw1", SECRET, ["http://localhost:1/"], sandbox_testers=["p2"])
    assert sandbox.admits("p2")
    assert not sandbox.admits("p1")
    with pytest.raises(ValueError, match="target users"):
        App("sbaw1", SECRET, ["http://localhost:1/"])
    with pytest.raises(ValueError, match="target users"):
        App("aw1", SECRET, ["http://localhost:1/"], sandbox_testers=["p1"])
    with pytest.raises(ValueError, match="at most 10"):
        App("sbaw1", SECRET, ["http://localhost:1/"], sandbox_testers=[f"p{number}" for number in range(11)])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"client_key": ""}, "client key"),
        ({"client_key": "a b"}, "client key"),
        ({"client_secret": ""}, "secret"),
        ({"platform": "tv"}, "platform"),
        ({"scopes": []}, "scope"),
        ({"scopes": ["user.info.basic,video.list"]}, "scope"),
    ],
)
def test_a_registration_that_makes_no_sense(changes: dict[str, str], reason: str) -> None:
    usual: dict[str, Any] = {
        "client_key": "aw1",
        "client_secret": SECRET,
        "redirect_uris": ["http://localhost:1/"],
    }
    with pytest.raises(ValueError, match=reason):
        App(**(usual | changes))


def test_an_app_does_not_show_its_secret() -> None:
    assert "hush" not in repr(App("aw1", "hush", ["http://localhost:1/"]))


def test_a_client_key_is_registered_once() -> None:
    world = World()
    world.add_app(App("aw1", SECRET, ["http://localhost:1/"]))
    with pytest.raises(ValueError, match="aw1"):
        world.add_app(App("aw1", "another", ["http://localhost:2/"]))
