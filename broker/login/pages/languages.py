"""Which language a page speaks: `ui_locales` first, then what the browser prefers.

OIDC Core §3.1.2.1, RFC 9110 §12.5.4.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import orjson
from starlette.requests import Request

_FOLDER: Final = Path(__file__).parent / "words"
LANGUAGES: Final = ("en", "es", "zh")
_MOST_CHOICES: Final = 20
_RANGE: Final = re.compile(
    r"[ \t]*(?P<tag>[A-Za-z0-9-]{1,40})[ \t]*(?:;[ \t]*[qQ]=(?P<weight>[01](?:\.[0-9]{0,3})?)[ \t]*)?\Z"
)
_words: Final[dict[str, dict[str, str]]] = {
    language: orjson.loads((_FOLDER / f"{language}.json").read_bytes()) for language in LANGUAGES
}


def choose(request: Request, ui_locales: str | None) -> str:
    """The first language asked for that we speak; English otherwise."""
    header = request.headers.get("accept-language", "")
    for tag in (*(ui_locales or "").split()[:_MOST_CHOICES], *_by_preference(header)):
        language = tag.partition("-")[0].lower()
        if language in _words:
            return language
    return "en"


def say(language: str, key: str) -> str:
    """The sentence of this name."""
    return _words[language][key]


def _by_preference(header: str) -> Iterator[str]:
    ranges = [match for choice in header.split(",")[:_MOST_CHOICES] if (match := _RANGE.match(choice))]
    for match in sorted(ranges, key=_weight, reverse=True):
        # RFC 9110 §12.4.2: zero is "not acceptable".
        if _weight(match) > 0:
            yield match["tag"]


def _weight(choice: re.Match[str]) -> float:
    return float(choice["weight"] or 1)
