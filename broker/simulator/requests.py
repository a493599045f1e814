"""Reading requests that may be hostile: bounded bodies, strict encodings, no repeated fields."""

import re
from urllib.parse import parse_qsl

from starlette.requests import Request

MAX_REQUEST = 16_384
"""Bytes of a query or a form of TikTok's endpoints."""

FORM = "application/x-www-form-urlencoded"

_MAX_FIELDS = 100
_HOST = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](?::[0-9]{1,5})?")


class Malformed(ValueError):
    """A query or body that cannot be read without guessing."""


async def body(request: Request, limit: int = MAX_REQUEST) -> bytes:
    """The body of at most `limit` bytes. Raises `Malformed`."""
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > limit:
            raise Malformed
    return bytes(received)


def fields(encoded: bytes) -> list[tuple[str, str]]:
    """The pairs of a query or form in order, decoded once as UTF-8. Raises `Malformed`."""
    if len(encoded) > MAX_REQUEST:
        raise Malformed
    try:
        return parse_qsl(
            encoded.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS
        )
    except ValueError:
        raise Malformed from None


def repeated(pairs: list[tuple[str, str]]) -> str | None:
    """The first name that occurs twice (RFC 6749 §3.1: parameters must not be repeated)."""
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            return name
        seen.add(name)
    return None


def origin(request: Request) -> str:
    """Scheme, host and port under which the caller reached us; an absurd `Host` is not repeated."""
    host = request.headers.get("host", "")
    return f"{request.scope['scheme']}://{host if _HOST.fullmatch(host) else 'localhost'}"
