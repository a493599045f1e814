"""The cookies of one browser at one host, as far as RFC 6265 matters to a sign-in."""

import re
from dataclasses import dataclass, field

_GONE = re.compile(r"(?:^|;)\s*(?:max-age\s*=\s*(?:0|-[0-9]+)\s*(?:;|$)|expires\s*=[^;]*\b1970\b)", re.IGNORECASE)
_PATH = re.compile(r";\s*path\s*=\s*(/[^;]*)", re.IGNORECASE)


@dataclass(slots=True)
class Jar:
    """Keeps cookies by name and path. Neither lifetimes nor domains are looked at, but for deletion."""

    _kept: dict[tuple[str, str], str] = field(default_factory=dict)

    def take(self, set_cookie: str, *, path: str) -> None:
        """One `Set-Cookie` header of the answer to a request for `path` (§5.2, §5.3)."""
        pair, _, attributes = set_cookie.partition(";")
        name, _, value = pair.strip().partition("=")
        named = _PATH.search(set_cookie)
        place = (name, named[1].rstrip() if named else _folder(path))
        if _GONE.search(attributes) is not None:
            self._kept.pop(place, None)
        else:
            self._kept[place] = value

    def header(self, path: str) -> str:
        """What a `Cookie` header to `path` says (§5.4): the longer paths first; empty when there is none."""
        fitting = [(place, name, value) for (name, place), value in self._kept.items() if _covers(place, path)]
        if len(fitting) > 1:
            fitting.sort(key=lambda each: -len(each[0]))
        return "; ".join(f"{name}={value}" for _, name, value in fitting)


def _folder(path: str) -> str:
    """The default path (§5.1.4)."""
    return path[: max(path.rfind("/"), 1)]


def _covers(place: str, path: str) -> bool:
    """Path matching (§5.1.4)."""
    if not path.startswith(place):
        return False
    return len(path) == len(place) or place.endswith("/") or path[len(place)] == "/"
