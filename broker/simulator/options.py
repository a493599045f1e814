"""Reading what a control request asks for: the same options arrive as JSON or from a form without scripts.

Every reader raises `BadOption` with a sentence that names the option.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any, TypeAlias

Options: TypeAlias = Mapping[str, Any]
"""Option name to value; from a form every value is text."""

_WHOLE = re.compile(r"-?[0-9]{1,18}")
_MAX_TEXT = 20_000


class BadOption(ValueError):
    """An option that cannot be used; the message may be shown."""


def refuse_unknown(options: Options, known: Collection[str]) -> None:
    """Raise unless every option is one of `known`."""
    for name in options:
        if name not in known:
            raise BadOption(f"There is no option {name[:64]!r}; there are: {', '.join(sorted(known))}.")


def whole(options: Options, name: str, low: int, high: int) -> int:
    """A whole number from `low` to `high`."""
    value = options[name]
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise BadOption(f"{name} must be a whole number from {low} to {high}.")
    return value


def seconds(options: Options, name: str, high: float) -> float:
    """A duration in seconds, possibly broken, up to `high`."""
    value = options[name]
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            value = None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= high:
        raise BadOption(f"{name} must be a number of seconds from 0 to {high:g}.")
    return float(value)


def yes(options: Options, name: str) -> bool:
    """A switch: JSON's true and false, or a form's `yes` and `no`."""
    value = options[name]
    if value in (True, "yes"):
        return True
    if value in (False, "no"):
        return False
    raise BadOption(f"{name} must be true or false.")


def text(options: Options, name: str, *, longest: int = _MAX_TEXT) -> str:
    """Any text that can be written as UTF-8."""
    value = options[name]
    if not isinstance(value, str) or len(value) > longest:
        raise BadOption(f"{name} must be a text of at most {longest} characters.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadOption(f"{name} holds half of a surrogate pair.") from None
    return value


def choice(options: Options, name: str, choices: Collection[str]) -> str:
    """One of a few words."""
    value = options[name]
    if not isinstance(value, str) or value not in choices:
        raise BadOption(f"{name} must be one of: {', '.join(choices)}.")
    return value
