"""Which language a page speaks, and what it says in it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

DEFAULT: Final = "en"
_MOST_CHOICES: Final = 20
_RANGE: Final = re.compile(
    r"[ \t]*(?P<tag>[A-Za-z0-9-]{1,40})[ \t]*(?:;[ \t]*[qQ]=(?P<weight>[01](?:\.[0-9]{0,3})?)[ \t]*)?\Z"
)


@dataclass(frozen=True, slots=True)
class Languages:
    """The sentences of the pages, by language tag in lower case and by name; each language has all of them."""

    words: Mapping[str, Mapping[str, str]]

    @property
    def tags(self) -> tuple[str, ...]:
        """What we speak."""
        return tuple(self.words)

    def wished(self, ui_locales: str | None) -> str | None:
        """The first language of an app's wish that we speak (OIDC Core §3.1.2.1), if any."""
        return self._first((ui_locales or "").split()[:_MOST_CHOICES])

    def choose(self, request: Request, ui_locales: str | None) -> str:
        """The app's wish, or what the browser prefers (RFC 9110 §12.5.4), or English."""
        accepted = _by_preference(request.headers.get("accept-language", ""))
        return self.wished(ui_locales) or self._first(accepted) or DEFAULT

    def say(self, language: str, key: str) -> str:
        """The sentence of this name."""
        return self.words[language][key]

    def _first(self, tags: Iterable[str]) -> str | None:
        return next((found for tag in tags if (found := self._spoken(tag.lower()))), None)

    def _spoken(self, tag: str) -> str | None:
        """RFC 4647 §3.4: `zh-Hant-TW` is content with `zh-hant`, and that with `zh`."""
        while tag and tag not in self.words:
            tag = tag.rpartition("-")[0]
        return tag or None


def _by_preference(header: str) -> Iterator[str]:
    ranges = [match for choice in header.split(",")[:_MOST_CHOICES] if (match := _RANGE.match(choice))]
    for match in sorted(ranges, key=_weight, reverse=True):
        # RFC 9110 §12.4.2: zero is "not acceptable".
        if _weight(match) > 0:
            yield match["tag"]


def _weight(choice: re.Match[str]) -> float:
    return float(choice["weight"] or 1)
