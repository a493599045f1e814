"""One setting's text → its value.

A parser raises `BadValue`. Its message goes on where the variable's name ends ("BROKER_CODE_TTL *must be …*")
and never quotes the text: whoever mixes up two lines of a configuration puts a secret anywhere.
"""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from broker.opaque import Secret
from broker.sealing import BadSecretKey, SecretKey

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class PerMinute:
    """So many requests in a minute."""

    requests: int

    def __str__(self) -> str:
        return str(self.requests)


_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DURATION = re.compile(r"([0-9]{1,9})([smhd]?)")
_COUNT = re.compile(r"[0-9]{1,9}")
_AMOUNT = re.compile(r"[1-9][0-9]{0,5}|1000000")
_LONGEST = 3_650 * _UNITS["d"]
_SWITCH = {
    "on": True,
    "true": True,
    "yes": True,
    "1": True,
    "off": False,
    "false": False,
    "no": False,
    "0": False,
}
_CLIENT_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CLIENT_SECRET = re.compile(r"[!-~]{1,256}")
_BEARER = re.compile(r"[A-Za-z0-9._~+/-]{16,256}={0,2}")
_OPERATOR = re.compile(r"[\w.@+-]{1,64}")
_SCOPE = re.compile(r"[a-z0-9._-]{1,64}")
_NEEDED_SCOPE = "user.info.basic"


class BadValue(ValueError):
    """A text that is no value of its setting; `str()` is the rest of a sentence about the variable."""


def duration(least: str = "1s", most: str | None = None) -> Callable[[str], int]:
    """A parser of durations between two bounds, both allowed: `60s`, `10m`, `12h`, `30d`, `90` → seconds."""
    low = _seconds(least)
    high = _LONGEST if most is None else _seconds(most)

    def parse(text: str) -> int:
        seconds = _seconds(text)
        if not low <= seconds <= high:
            raise BadValue(f"must be between {duration_text(low)} and {duration_text(high)}")
        return seconds

    return parse


def _seconds(text: str) -> int:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise BadValue("must be a duration such as 60s, 10m, 12h or 30d")
    return int(match[1]) * _UNITS[match[2] or "s"]


def duration_text(seconds: int) -> str:
    """The shortest spelling that `duration` reads back as `seconds`."""
    for unit, size in _UNITS.items():
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return "0s"


def retention(text: str) -> int | None:
    """How long something is kept, in seconds, a day at least; None for `forever`."""
    return None if text == "forever" else duration("1d")(text)


def operator(text: str) -> str:
    """A person's name as an operator may be known by: a login, an address, a ticket."""
    if _OPERATOR.fullmatch(text) is None:
        raise BadValue("must be a name of up to 64 letters, digits or any of ._@+-")
    return text


def count(least: int, most: int) -> Callable[[str], int]:
    """A parser of whole numbers between two bounds, both allowed."""

    def parse(text: str) -> int:
        if _COUNT.fullmatch(text) is None or not least <= int(text) <= most:
            raise BadValue(f"must be a whole number between {least} and {most}")
        return int(text)

    return parse


def per_minute(text: str) -> PerMinute:
    """A number of requests a minute, from 1 to a million: `600`."""
    if _AMOUNT.fullmatch(text) is None:
        raise BadValue("must be a number of requests a minute between 1 and 1000000")
    return PerMinute(int(text))


def choice(*options: str) -> Callable[[str], str]:
    """A parser that takes exactly these words."""

    def parse(text: str) -> str:
        if text not in options:
            raise BadValue(f"must be one of {', '.join(options)}")
        return text

    return parse


def switch(text: str) -> bool:
    """`on` or `off`, and the usual other words for them."""
    try:
        return _SWITCH[text.lower()]
    except KeyError:
        raise BadValue("must be on or off") from None


def networks(text: str) -> tuple[Network, ...]:
    """A comma list of IP addresses and networks in CIDR notation; an address is a network of one."""
    if text == "none":
        return ()
    try:
        return tuple(ipaddress.ip_network(item) for item in _items(text))
    except ValueError:
        raise BadValue("must be a comma list of addresses and networks such as 10.0.0.7 or 10.0.0.0/8") from None


def scopes(text: str) -> tuple[str, ...]:
    """TikTok scopes in the order they are asked for. Identity needs `user.info.basic`."""
    names = _items(text)
    if not all(_SCOPE.fullmatch(name) for name in names):
        raise BadValue("must be a comma list of TikTok scopes such as user.info.basic,user.info.profile")
    if len(set(names)) < len(names):
        raise BadValue("names a scope twice; name each once")
    if _NEEDED_SCOPE not in names:
        raise BadValue(f"must contain {_NEEDED_SCOPE}, without which TikTok does not say who signed in")
    return names


def client_key(text: str) -> str:
    """The public name of a TikTok app, as the developer portal shows it."""
    if _CLIENT_KEY.fullmatch(text) is None:
        raise BadValue("must be the client key that TikTok's developer portal shows: letters and digits only")
    return text


def client_secret(text: str) -> Secret:
    """The secret that belongs to a TikTok client key."""
    if _CLIENT_SECRET.fullmatch(text) is None:
        raise BadValue(
            "must be the client secret that TikTok's developer portal shows, without spaces or line breaks"
        )
    return Secret(text)


def bearer(text: str) -> Secret:
    """A bearer token that a scraper presents: RFC 6750 §2.1 (`b64token`), long enough not to be guessed."""
    if _BEARER.fullmatch(text) is None:
        raise BadValue(
            "must be 16 to 256 letters, digits or any of -._~+/ (`broker secret` prints a text that will do)"
        )
    return Secret(text)


def folder(text: str) -> Path:
    """A folder whose files can be listed."""
    path = Path(text)
    try:
        next(path.iterdir(), None)
    except OSError as error:
        raise BadValue(
            f"must be the path of a folder that can be read ({error.strerror}); correct the path or the rights"
        ) from None
    except ValueError:
        raise BadValue("must be the path of a folder") from None
    return path


def secret_keys(text: str) -> tuple[SecretKey, ...]:
    """A comma list of what `broker secret` printed; the first key seals, all of them open."""
    items = _items(text)
    keys: list[SecretKey] = []
    for position, item in enumerate(items, start=1):
        try:
            keys.append(SecretKey(item))
        except BadSecretKey:
            raise BadValue(
                f"must be a comma list of keys from `broker secret`; entry {position} of {len(items)} is none"
            ) from None
    if len({key.id for key in keys}) < len(keys):
        raise BadValue("holds the same key twice; name each once")
    return tuple(keys)


def _items(text: str) -> tuple[str, ...]:
    items = tuple(item.strip() for item in text.split(","))
    if not all(items):
        raise BadValue("has an empty entry between its commas; remove it")
    return items
