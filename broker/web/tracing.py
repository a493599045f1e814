"""The trace that a request belongs to (W3C Trace Context), so that its lines are found beside those of others.

Taken from `traceparent` when there is exactly one and it is right in every character, else made anew. It goes into
the log and nowhere else: neither TikTok nor an app is told it.
"""

import re
from collections.abc import Iterable
from typing import Final

TRACE_BYTES: Final = 16
"""So many make a trace's name."""

_HEADER: Final = b"traceparent"
# W3C Trace Context §3.2.2. What a later version adds stands behind a further dash; version ff is none.
_TRACEPARENT: Final = re.compile(
    rb"(?!ff)(?P<version>[0-9a-f]{2})-(?!0{32})(?P<trace>[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
    rb"(?P<more>-.*)?",
    re.DOTALL,
)
_LONGEST: Final = 512


def trace_id(headers: Iterable[tuple[bytes, bytes]], *, otherwise: bytes) -> str:
    """32 hexadecimal digits: of a new trace those of `otherwise`, `TRACE_BYTES` random bytes."""
    given = [value for name, value in headers if name == _HEADER]
    found = _TRACEPARENT.fullmatch(given[0]) if len(given) == 1 and len(given[0]) <= _LONGEST else None
    if found is None or (found["version"] == b"00" and found["more"] is not None):
        return otherwise.hex()
    return found["trace"].decode()
