"""Redirect URIs: what may be registered, what matches, and how an answer is attached.

Matching is comparison of strings (RFC 9700 §4.1.3); the one exception is the port of a native app's loopback
address (RFC 8252 §7.3).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import SplitResult, urlencode, urlsplit

LONGEST: Final = 512
"""Characters of a registered redirect URI; what is longer would not leave room in the login cookie."""

_LOOPBACK: Final = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::[0-9]{1,5})?(/[^?#]*)?(\?[^#]*)?\Z")
_LOOPBACK_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_FORBIDDEN_SCHEMES: Final = frozenset({"javascript", "data", "vbscript", "file", "blob", "about", "ws", "wss"})


def fault_in(uri: str, *, what: str = "redirect URI") -> str | None:
    """Why this URI cannot be registered, as a sentence; None when it can (RFC 6749 §3.1.2, RFC 8252 §7)."""
    parts = _split(uri)
    if parts is None or not uri.isascii() or any(c <= " " or c in '\\"<>^`{|}\x7f' for c in uri):
        return f"The {what} must be an absolute URI of plain ASCII characters."
    if len(uri) > LONGEST:
        return f"The {what} must not be longer than {LONGEST} characters."
    if not parts.scheme:
        return f"The {what} must be absolute, as https://app.example/callback."
    if parts.fragment or "#" in uri:
        return f"The {what} must not have a fragment."
    if parts.username is not None or parts.password is not None:
        return f"The {what} must not carry a user name or password."
    return _fault_in_scheme(parts, what)


def _fault_in_scheme(parts: SplitResult, what: str) -> str | None:
    if parts.scheme == "https":
        return None if parts.hostname else f"The {what} must name a host."
    if parts.scheme == "http":
        if parts.hostname in _LOOPBACK_HOSTS:
            return None
        return f"The {what} must use https; http is for localhost, 127.0.0.1 and [::1] only."
    if parts.scheme in _FORBIDDEN_SCHEMES:
        return f"The {what} must not use the scheme {parts.scheme}."
    if "." not in parts.scheme:
        # RFC 8252 §7.1: a name under one's control, reversed.
        return f"The {what} must use https, or a private scheme in reverse domain order such as com.example.app."
    return None


def matches(presented: str, registered: Iterable[str], *, native: bool) -> bool:
    """Whether the presented URI is one of the registered, character for character.

    For a native app a registered loopback IP address matches with any port (RFC 8252 §7.3).
    """
    addresses = tuple(registered)
    if presented in addresses:
        return True
    if not native:
        return False
    wanted = _without_port(presented)
    return wanted is not None and any(wanted == _without_port(uri) for uri in addresses)


def _without_port(uri: str) -> tuple[str, ...] | None:
    found = _LOOPBACK.match(uri)
    return tuple(part or "" for part in found.groups()) if found else None


def with_answer(uri: str, answer: Mapping[str, str]) -> str:
    """The redirect URI with the answer added to its query, keeping what it has (RFC 6749 §3.1.2)."""
    return f"{uri}{'&' if '?' in uri else '?'}{urlencode(answer)}"


def _split(uri: str) -> SplitResult | None:
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return None
    return parts
