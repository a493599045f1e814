"""Whom an address stands for when requests are counted."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Final

UNKNOWN: Final = "unknown"
_LONGEST_ADDRESS: Final = 64
_OF_A_CUSTOMER: Final = (1 << 128) - (1 << 64)


def neighbourhood(address: str | None) -> str:
    """An IPv4 address by itself; of an IPv6 address its /64, the least that one customer is given (RFC 6177 §2).

    An IPv4 address written as IPv6 (RFC 4291 §2.5.5.2) is the IPv4 address. What is no address at all (a socket
    without one, a word that a proxy put in its place: RFC 7239 §6.3) is one neighbourhood, `UNKNOWN`.
    """
    if address is None or len(address) > _LONGEST_ADDRESS:
        return UNKNOWN
    return _of(address)


@lru_cache(maxsize=4096)
def _of(address: str) -> str:
    try:
        found = ip_address(address)
    except ValueError:
        return UNKNOWN
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return f"{IPv6Address(int(found) & _OF_A_CUSTOMER)}/64"
