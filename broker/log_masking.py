"""The second line of defence against a secret in a log line; the first is not to log one.

A value of ours is judged by the name it is logged under; text that others wrote, by its shape.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

MASK = "***"

_TELLTALES = (
    "secret",
    "token",
    "code",
    "verifier",
    "cookie",
    "authorization",
    "password",
    "passwd",
    "credential",
    "assertion",
    "bearer",
    "private",
)
_HARMLESS = frozenset(
    {
        "code_challenge_method",
        "err_code",
        "errcode",
        "error_code",
        "exit_code",
        "requested_token_type",
        "status_code",
        "subject_token_type",
        "token_endpoint",
        "token_endpoint_auth_method",
        "token_type",
        "token_type_hint",
    }
)
_ASSIGNED = re.compile(
    rf"""((?:{"|".join(_TELLTALES)})\w{{0,32}}["']?\s{{0,4}}[=:]\s{{0,4}}["']?(?:(?:bearer|basic)\s+)?)"""
    r"""[^\s&,;)}\]"']+""",
    re.IGNORECASE,
)
_USERINFO = re.compile(r"(://[^/\s:@]*:)[^/\s@]+@")
_RUN = re.compile(r"[\w.!*~+%=-]{28,}")
_DIGIT = re.compile(r"[0-9]")
_NUMBERS = (int, float)
_CONTAINERS = (dict, list, tuple)
_DEEPEST = 4
_MOST_TEXT = 4_000


def masked(fields: Mapping[str, object], depth: int = _DEEPEST) -> dict[str, object]:
    """The fields with every value masked whose name could mean a secret, in mappings and lists below as well.

    Numbers and None stay under any name: no secret is one, and counts and error numbers are worth reading.
    """
    fields_without: dict[str, object] = {}
    for key, value in fields.items():
        if _telling(key):
            fields_without[key] = value if value is None or isinstance(value, _NUMBERS) else MASK
        elif isinstance(value, _CONTAINERS):
            fields_without[key] = _below(value, depth)
        else:
            fields_without[key] = value
    return fields_without


def _below(value: object, depth: int) -> object:
    if not isinstance(value, _CONTAINERS):
        return value
    if depth == 0:
        return MASK
    if isinstance(value, dict):
        return masked({str(key): each for key, each in value.items()}, depth - 1)
    return [_below(each, depth - 1) for each in value]


@lru_cache(maxsize=1024)
def _telling(name: str) -> bool:
    lowered = name.lower()
    return lowered not in _HARMLESS and any(telltale in lowered for telltale in _TELLTALES)


def scrubbed(text: str) -> str:
    """Text of a library or an exception without what looks like a secret, cut after 4,000 characters.

    Masked are what is assigned to a telling name, a password before the host of a URL, and any unbroken run
    of 28 or more token characters with a digit among them.
    """
    text = text if len(text) <= _MOST_TEXT else text[:_MOST_TEXT] + "…"
    text = _USERINFO.sub(rf"\g<1>{MASK}@", _ASSIGNED.sub(rf"\g<1>{MASK}", text))
    return _RUN.sub(lambda run: MASK if _DIGIT.search(run[0]) else run[0], text)
