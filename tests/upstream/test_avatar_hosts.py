"""From which hosts a picture is fetched: TikTok's, by whole labels, and a simulator's own."""

import pytest

from broker.upstream.tiktok_avatars import host_of, may_be_fetched

SIMULATOR = "http://127.0.0.1:8002"


@pytest.mark.parametrize(
    "host",
    [
        "p16-sign-va.tiktokcdn.com",
        "p19-common-sign.tiktokcdn-us.com",
        "p16-common-sign.tiktokcdn-eu.com",
        "p16-pu-sign-no.useast8.tiktokcdn-us.com",
    ],
)
def test_hosts_as_seen_in_the_field(host: str) -> None:
    link = f"https://{host}/tos-avt/a~c5_168x168.jpeg?x-expires=1&x-signature=a%2Bb%3D"
    assert may_be_fetched(link, simulator=None)
    assert host_of(link) == host


@pytest.mark.parametrize(
    "start",
    [
        "http://p16.tiktokcdn.com",
        "https://tiktokcdn.com",
        "https://eviltiktokcdn.com",
        "https://p16.tiktokcdn.com.evil.example",
        "https://p16.tiktokcdn.com:8443",
        "https://p16.tiktokcdn.com@evil.example",
        "https://me@p16.tiktokcdn.com",
        "https://evil.example\\@p16.tiktokcdn.com",
        "https://evil.example/p16.tiktokcdn.com",
        "https://evil.example#.tiktokcdn.com",
        "https://evil.example?.tiktokcdn.com",
        "https://p16.tiktokcdn-zz.com",
        "https://p16.tiktokcdn.com.",
        "https://p16..tiktokcdn.com",
        "https://p16.tiktokcdn.co",
        "https://127.0.0.1",
        "https://169.254.169.254",
        "ftp://p16.tiktokcdn.com",
        "//p16.tiktokcdn.com",
        "",
    ],
)
def test_no_other_host_is_asked(start: str) -> None:
    for simulator in (None, SIMULATOR):
        assert not may_be_fetched(f"{start}/a.jpeg?x-signature=a", simulator=simulator)


def test_a_simulator_on_this_machine_has_the_pictures_itself() -> None:
    assert may_be_fetched(f"{SIMULATOR}/avatars/a.png?x=1", simulator=SIMULATOR)
    assert not may_be_fetched(f"{SIMULATOR}/avatars/a.png?x=1", simulator=None)
    for other in ("http://127.0.0.1:80021/a", "http://127.0.0.1:8002@evil.example/a", "https://127.0.0.1:8002/a"):
        assert not may_be_fetched(other, simulator=SIMULATOR)
