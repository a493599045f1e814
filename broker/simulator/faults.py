"""What can be made to go wrong, where, and how often.

| kind | options | what the caller sees |
|---|---|---|
| `status` | `status` `body` `headers` | any answer of your choice |
| `html` | `status` (502) | a gateway's error page |
| `empty` | `status` (200) | no body |
| `not_json` | `status` (200) `body` | text that claims to be JSON |
| `huge` | `size` (10 MiB) | JSON that does not end for `size` bytes |
| `redirect` | `location` | 302 |
| `slow` | `seconds` (30) | the true answer, late |
| `reset` | | the connection closed without an answer |
| `rate_limit` | `retry_after` | 429, with `Retry-After` when given |
| `error` | `error` `error_description` `error_type` `err_code` `status` | your choice of TikTok's errors |
| `truncated` | | the first half of the true answer |
| `wrong_types` | `fields` | the true answer, all or the named fields mistyped |
| `unknown_fields` | | the true answer with fields nobody documented |
| `different_open_id` | | token, user_info: the true answer about somebody else |
| `missing_union_id` | | user_info: the true answer without it |
| `drop_state_on_error` | | authorize: an error callback forgets `state` |

At authorize an `error` arrives on the callback. `times` is how many calls a fault hits (`null`: until removed).
With `after` TikTok does the work first and only the answer is lost: codes are spent and refresh tokens rotated,
as when a connection dies on the way back.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from broker.simulator.options import BadOption

ENDPOINTS = ("authorize", "token", "revoke", "user_info", "avatars")

_EVERYWHERE = frozenset(ENDPOINTS)
_JSON = frozenset({"token", "revoke", "user_info"})

KINDS: Mapping[str, frozenset[str]] = {
    "status": _EVERYWHERE,
    "html": _EVERYWHERE,
    "empty": _EVERYWHERE,
    "not_json": _EVERYWHERE,
    "huge": _EVERYWHERE,
    "redirect": _EVERYWHERE,
    "slow": _EVERYWHERE,
    "reset": _EVERYWHERE,
    "rate_limit": _EVERYWHERE,
    "error": _JSON | {"authorize"},
    "truncated": _EVERYWHERE,
    "wrong_types": _JSON,
    "unknown_fields": _JSON,
    "different_open_id": frozenset({"token", "user_info"}),
    "missing_union_id": frozenset({"user_info"}),
    "drop_state_on_error": frozenset({"authorize"}),
}
"""Each kind and the endpoints where it makes sense."""

ROOM_KINDS = {"authorize": frozenset({"error", "drop_state_on_error"})}
"""Kinds that the endpoint's own room carries out, because only it knows the callback."""

_HEADER_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")
_HEADER_VALUE = re.compile(r"[ -~]{0,2000}")
_FRAMING = frozenset({"content-length", "transfer-encoding", "connection"})
_MAX_FAULTS = 100


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong. Raises `BadOption`, a `ValueError`, when the combination makes no sense."""

    endpoint: str
    kind: str
    times: int | None = 1
    after: bool = False
    status: int | None = None
    body: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 30.0
    size: int = 10 * 1024 * 1024
    location: str = "/"
    retry_after: int | None = None
    error: str = "server_error"
    error_description: str = ""
    error_type: str | None = None
    err_code: int | None = None
    fields: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise BadOption(f"kind must be one of: {', '.join(KINDS)}.")
        if self.endpoint not in KINDS[self.kind]:
            raise BadOption(f"{self.kind} is possible at: {', '.join(sorted(KINDS[self.kind]))}.")
        if self.kind == "status" and self.status is None:
            raise BadOption("The kind status needs a status.")
        for name, value in self.headers.items():
            if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
                raise BadOption("headers must be an object of header names and printable texts.")
            if name.lower() in _FRAMING:
                raise BadOption(f"The server itself writes the header {name.lower()}.")

    def described(self) -> dict[str, Any]:
        """The options in effect, for the state page."""
        return asdict(self)


class Faults:
    """The faults in waiting, oldest first, each with the calls it still has to hit."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Fault, int | None]] = []

    def add(self, fault: Fault) -> None:
        """Let `fault` happen from the next call on. Raises `BadOption` when a hundred wait already."""
        if len(self._waiting) >= _MAX_FAULTS:
            raise BadOption(f"{_MAX_FAULTS} faults are waiting already; clear them first.")
        self._waiting.append((fault, fault.times))

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        self._waiting.clear()

    def take(self, endpoint: str, kinds: Collection[str]) -> Fault | None:
        """The fault that hits this call, if any; counted as one of its times."""
        for index, (fault, left) in enumerate(self._waiting):
            if fault.endpoint == endpoint and fault.kind in kinds:
                if left is None:
                    return fault
                if left > 1:
                    self._waiting[index] = (fault, left - 1)
                else:
                    del self._waiting[index]
                return fault
        return None

    def described(self) -> list[dict[str, Any]]:
        """What waits, with `times` the number of calls left."""
        return [fault.described() | {"times": left} for fault, left in self._waiting]
