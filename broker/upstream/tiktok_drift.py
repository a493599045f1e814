"""What is new in TikTok's answers, counted by the name of the field and never by its value.

A field that this release does not know is ignored; one that it knows in another shape spoils the answer. Either
way an operator sees it at `/metrics`.
"""

from collections.abc import Iterable
from typing import Final

from broker import telemetry

_OAUTH_ERROR: Final = frozenset({"error", "error_description", "log_id"})
_CLIENT_TOKEN: Final = _OAUTH_ERROR | {"access_token", "expires_in", "token_type"}
_PAIR: Final = _CLIENT_TOKEN | {"open_id", "refresh_expires_in", "refresh_token", "scope"}

_ANSWER: Final = {
    "token": _PAIR,
    "refresh": _PAIR,
    "client_credentials": _CLIENT_TOKEN,
    "revoke": _OAUTH_ERROR,
    "user_info": frozenset({"data", "error"}),
}
# Objects within an answer, by their name in it.
_WITHIN: Final = {
    "error": frozenset({"code", "message", "log_id"}),
    "data": frozenset({"user"}),
    "user": frozenset({"open_id", "union_id", "display_name", "username", "avatar_url"}),
}


def count_unknown(place: str, names: Iterable[str], *, within: str | None = None) -> None:
    """Look through the names of an answer's fields, or of an object's `within` it."""
    known = _ANSWER[place] if within is None else _WITHIN[within]
    for name in names:
        if name not in known:
            count(place, name)


def count(place: str, name: str) -> None:
    """One field that is not as this release knows it."""
    telemetry.TIKTOK_DRIFT.labels(place, telemetry.word(name)).inc()
