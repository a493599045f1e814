"""Which redirect URIs TikTok's developer portal takes, by the platform under which they are entered.

Sources: developers.tiktok.com /doc/login-kit-web and /doc/login-kit-desktop. The broker cannot know which platform
an app has, so it tells what each of them says. What is registered is compared as a string: a slash too many, or
`localhost` for `127.0.0.1`, is another URI.
"""

import ipaddress
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias
from urllib.parse import SplitResult, urlsplit

Platform: TypeAlias = Literal["Web", "Desktop"]

TOO_LONG: Final = 512
"""Characters; a URI must have fewer."""

_DESKTOP_HOSTS: Final = ("localhost", "127.0.0.1")


def refusals(uri: str) -> Mapping[Platform, str | None]:
    """By platform why it does not take this URI, as words that follow its name; None where it does."""
    parts = _split(uri)
    if parts is None:
        common = "takes absolute http and https URIs only"
        return {"Web": common, "Desktop": common}
    shared = _shape(uri)
    return {"Web": shared or _web(parts), "Desktop": shared or _desktop(parts)}


def accepted(uri: str) -> bool:
    """Whether there is a platform that takes the URI."""
    return None in refusals(uri).values()


def advice(uri: str) -> str:
    """Under which platform to register the URI, and what the others say to it."""
    verdicts = refusals(uri)
    takers = [platform for platform, refusal in verdicts.items() if refusal is None]
    head = f"register it under platform {' or '.join(takers)}" if takers else "no platform of TikTok takes it"
    others = [f"{platform} {refusal}" for platform, refusal in verdicts.items() if refusal is not None]
    return "; ".join([head, *others])


def _split(uri: str) -> SplitResult | None:
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.scheme in ("http", "https") and parts.hostname else None


def _shape(uri: str) -> str | None:
    if "?" in uri:
        return "takes no query"
    if "#" in uri:
        return "takes no fragment"
    if len(uri) >= TOO_LONG:
        return f"takes fewer than {TOO_LONG} characters"
    return None


def _web(parts: SplitResult) -> str | None:
    host = (parts.hostname or "").removesuffix(".")
    if host == "localhost" or host.endswith(".localhost"):
        return "refuses localhost"
    if _is_ip(host):
        return "refuses IP addresses"
    if parts.scheme != "https":
        return "takes https only"
    if "." not in host:
        return "needs a public host name"
    return None


def _desktop(parts: SplitResult) -> str | None:
    if parts.hostname not in _DESKTOP_HOSTS:
        return "takes localhost and 127.0.0.1 only"
    if parts.port is None:
        return "needs a port in it"
    return None


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        # What ends in a number is an IPv4 address to browsers, however it is written (WHATWG URL §3.5).
        return host.rpartition(".")[2].isdecimal()
    return True
