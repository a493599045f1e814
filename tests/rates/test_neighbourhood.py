"""Whom an address stands for."""

import pytest

from broker.rates.neighbourhood import UNKNOWN, neighbourhood


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:0001:2::1", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_an_ipv4_address_stands_for_itself_and_an_ipv6_address_for_its_64(address: str, expected: str) -> None:
    assert neighbourhood(address) == expected


@pytest.mark.parametrize(
    "address", [None, "", "unknown", "_hidden", "203.0.113.009", "203.0.113.9:80", "[::1]", "x" * 10_000]
)
def test_what_is_no_address_is_one_neighbourhood(address: str | None) -> None:
    assert neighbourhood(address) == UNKNOWN


def test_the_next_64_is_somebody_else() -> None:
    assert neighbourhood("2001:db8:1:2::1") == neighbourhood("2001:db8:1:2:ffff:ffff:ffff:ffff")
    assert neighbourhood("2001:db8:1:2::1") != neighbourhood("2001:db8:1:3::1")
