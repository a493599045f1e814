"""Which addresses of apps may be registered and called (OWASP: server-side request forgery)."""

import pytest

from broker.outbound import Reach

PUBLIC, AT_HOME, INSIDE = Reach(False, False), Reach(False, True), Reach(True, True)
NEVER = [
    *("0.0.0.0", "::", "169.254.169.254", "fe80::1", "fe80::1%eth0", "224.0.0.1", "ff02::1", "255.255.255.255"),
    *(
        "240.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "64:ff9b:1::1",
        "::7f00:1",
    ),
]
LOOPBACK = ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::1"]
PRIVATE = [
    *(
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "100.64.0.1",
        "198.18.0.1",
        "192.0.2.1",
        "0.1.2.3",
    ),
    *("fc00::1", "fd00:ec2::254", "fec0::1", "2001:db8::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::1"),
]
OUTSIDE = ["8.8.8.8", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]


def spelled(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def test_who_may_be_called() -> None:
    """IPv6 has ways to write an IPv4 address (RFC 4291 §2.5.5.2, RFC 6052, RFC 3056): what counts is its end."""
    for reach, allowed, refused in (
        (PUBLIC, OUTSIDE, NEVER + LOOPBACK + PRIVATE),
        (AT_HOME, OUTSIDE + LOOPBACK, NEVER + PRIVATE),
        (INSIDE, OUTSIDE + LOOPBACK + PRIVATE, NEVER),
    ):
        assert [address for address in allowed if not reach.allows(address)] == []
        assert [address for address in refused if reach.allows(address)] == []
        for address in allowed:
            assert reach.refuses(f"https://{spelled(address)}:8443/out") is None, address
        for address in refused:
            assert reach.refuses(f"https://{spelled(address)}/out"), address


def test_the_sentence_names_the_setting_that_would_help_and_only_then() -> None:
    assert PUBLIC.refuses("https://10.0.0.1/out?key=secret") == (
        "10.0.0.1 points into a private network; BROKER_ALLOW_PRIVATE_CALLBACKS allows that."
    )
    assert PUBLIC.refuses("https://169.254.169.254/") == (
        "169.254.169.254 is not an address at which an app can be."
    )


def test_only_https_may_be_registered_but_for_private_addresses_that_may_be_called() -> None:
    assert PUBLIC.refuses("https://app.example/out") is None
    for url in (
        "http://app.example/out",
        "http://8.8.8.8/out",
        "com.example.app:/out",
        "ftp://app.example/",
        "/out",
    ):
        for reach in (PUBLIC, AT_HOME, INSIDE):
            assert reach.refuses(url), url
    for url in ("http://127.0.0.1:9000/out", "http://localhost:9000/out", "http://[::1]/out"):
        assert PUBLIC.refuses(url)
        assert AT_HOME.refuses(url) is None
        assert INSIDE.refuses(url) is None
    assert AT_HOME.refuses("http://10.0.0.1/out")
    assert INSIDE.refuses("http://10.0.0.1/out") is None


# The WHATWG's URL parser and C libraries take all of these for 127.0.0.1 or 10.0.0.1.
NUMBERS = [
    "2130706433",
    "0x7f000001",
    "0x7F.1",
    "127.1",
    "0177.0.0.1",
    "017700000001",
    "127.0.0.01",
    "10.1",
    "0xa000001",
]
LOCAL_NAMES = ["localhost", "LOCALHOST", "localhost.", "app.localhost", "127.0.0.1."]


@pytest.mark.parametrize("host", [*NUMBERS, *LOCAL_NAMES])
def test_other_spellings_of_addresses_inside_cannot_be_registered(host: str) -> None:
    assert PUBLIC.refuses(f"https://{host}/out")


def test_names_that_look_like_numbers_but_are_none_can_be_registered() -> None:
    for host in ("1.example", "0xcafe.example", "127.0.0.1.nip.example", "x7f.example", "deadbeef"):
        assert PUBLIC.refuses(f"https://{host}/out") is None, host
    assert PUBLIC.refuses("https://[::1/out")
