"""Tokens made readable for the person looking at the page.

Nothing here verifies anything: an app reads its ID token through its OpenID Connect library, and an access
token is for the backend to read.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt

_TIMES = frozenset({"iat", "exp", "nbf", "auth_time"})


@dataclass(frozen=True)
class Line:
    """One member of a header or of a claims set: its value as JSON, and what a number means."""

    name: str
    value: str
    remark: str


@dataclass(frozen=True)
class TokenView:
    """A token as it travels and, when it is a JWT, what is in it."""

    raw: str
    header: tuple[Line, ...]
    claims: tuple[Line, ...]


def view(token: str, now: int) -> TokenView:
    """Unpack a token for display. A token that is not a JWT has no lines."""
    try:
        opened = jwt.decode_complete(token, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        return TokenView(token, (), ())
    return TokenView(token, _lines(opened["header"], now), _lines(opened["payload"], now))


def _lines(members: Mapping[str, Any], now: int) -> tuple[Line, ...]:
    return tuple(
        Line(name, json.dumps(value, ensure_ascii=False), _remark(name, value, now))
        for name, value in members.items()
    )


def _remark(name: str, value: object, now: int) -> str:
    if name not in _TIMES or not isinstance(value, int):
        return ""
    try:
        moment = datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError):
        return ""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC, {_distance(value - now)}"


def _distance(seconds: int) -> str:
    span = abs(seconds)
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        count = span // size
        if count:
            words = f"{count} {unit}{'' if count == 1 else 's'}"
            return f"in {words}" if seconds > 0 else f"{words} ago"
    return "just now"
