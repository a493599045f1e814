"""Something the broker publishes, kept as long as its headers say, and longer while the broker is away.

No network and no clock in here: the time is passed in, epoch seconds, and so is what came back.
"""

import asyncio
import math
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

Content = TypeVar("Content")

USUAL: Final = 300
"""Seconds that an answer is good for when its headers do not say."""
PAUSE: Final = 5
"""Seconds at least between two fetches of the same thing, so that a broker in trouble is left alone."""

_LONGEST: Final = 86_400
_MAX_AGE: Final = re.compile(r'(?:^|[\s,])max-age="?([0-9]{1,9})', re.IGNORECASE)
_NOT_KEPT: Final = re.compile(r"(?:^|[\s,])no-(?:store|cache)(?:$|[\s,=])", re.IGNORECASE)


@dataclass(eq=False)
class Document(Generic[Content]):
    """`read` makes the content of the body, or raises ValueError. `most` bytes of a body are taken.

    The gates let one fetch at a time through: a verifier uses the one for threads or the one for tasks.
    """

    url: str
    most: int
    read: Callable[[bytes], Content]
    content: Content | None = None
    etag: str | None = None
    fresh_until: float = -math.inf
    confirmed_at: float = -math.inf
    tried_at: float = -math.inf
    tries: int = 0
    thread_gate: threading.Lock = field(default_factory=threading.Lock, repr=False)
    task_gate: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    def due(self, now: float) -> bool:
        """Whether it is time to ask again."""
        return now >= self.fresh_until and now >= self.tried_at + PAUSE

    def believed(self, now: float, keep: int) -> bool:
        """Whether it is fresh, or was confirmed within the last `keep` seconds."""
        return self.content is not None and now < max(self.fresh_until, self.confirmed_at + keep)

    def question(self) -> Mapping[str, str]:
        """The headers to ask with."""
        asked = {"Accept-Encoding": "identity"}
        return asked if self.etag is None or self.content is None else asked | {"If-None-Match": self.etag}

    def answered(self, status: int, headers: Mapping[str, str], body: bytes, now: float) -> None:
        """Take an answer in. One that is not understood changes nothing: the last good content is kept."""
        self.failed(now)
        if status == 304 and self.content is not None:
            pass
        elif status == 200:
            try:
                self.content = self.read(body)
            except (ValueError, RecursionError):
                return
            self.etag = headers.get("etag")
        else:
            return
        self.confirmed_at = now
        self.fresh_until = now + _lifetime(headers)

    def failed(self, now: float) -> None:
        """There was no answer, or none that counts so far."""
        self.tried_at = now
        self.tries += 1


@dataclass(frozen=True)
class Wanted:
    """A document to be fetched, unless somebody did since `tries` was read.

    `wait`: nothing can be said without it. Otherwise the old one is good enough while another is fetching.
    """

    document: Document[Any]
    tries: int
    wait: bool


def _lifetime(headers: Mapping[str, str]) -> int:
    """RFC 9111 §4.2.1, §4.2.3, §5.2.2: how many seconds longer the answer is fresh."""
    control = headers.get("cache-control", "")
    if _NOT_KEPT.search(control):
        return 0
    found = _MAX_AGE.search(control)
    if found is None:
        return USUAL
    age = headers.get("age", "0")
    spent = int(age) if age.isascii() and age.isdigit() and len(age) < 10 else 0
    return max(0, min(int(found[1]), _LONGEST) - spent)
