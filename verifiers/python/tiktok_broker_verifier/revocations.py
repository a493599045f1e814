"""The status lists that tokens name, each with the document it was read from."""

import threading
from dataclasses import dataclass, field
from typing import Final

from tiktok_broker_verifier import status_list
from tiktok_broker_verifier.documents import PAUSE, Document
from tiktok_broker_verifier.status_list import StatusList

_MOST: Final = 64


@dataclass(eq=False)
class Revocations:
    """One list. `document` has the JWT as it came; `opened` is the last one whose signature was good."""

    document: Document[bytes]
    opened: StatusList | None = None
    looked_at: bytes | None = None

    def due(self, now: float) -> bool:
        """Whether to ask for it again: its own `ttl` counts as well as the headers it came with."""
        again = self.document.fresh_until
        if self.opened is not None and self.opened.ttl is not None:
            again = min(again, self.document.confirmed_at + self.opened.ttl)
        return now >= again and now >= self.document.tried_at + PAUSE

    def usable(self, now: float, keep: int) -> bool:
        """Whether what is here may still be believed: a list that ran out, or was kept too long, may not."""
        if self.opened is None or not self.document.believed(now, keep):
            return False
        return self.opened.expires_at is None or now < self.opened.expires_at

    def take(self, opened: StatusList, body: bytes) -> None:
        """From now on this list counts, which was in this body."""
        self.opened, self.looked_at = opened, body

    def reject(self, body: bytes) -> None:
        """What came in this body cannot be believed: the list before it stays, and this one is not confirmed."""
        self.looked_at = body
        self.document.etag = None


@dataclass
class Lists:
    """Every list asked for lately, by address."""

    _by_uri: dict[str, Revocations] = field(default_factory=dict)
    _gate: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def at(self, uri: str) -> Revocations:
        """The list at this address, known or not; the one unused for longest makes room."""
        with self._gate:
            found = self._by_uri.pop(uri, None) or Revocations(Document(uri, status_list.LONGEST, bytes))
            self._by_uri[uri] = found
            if len(self._by_uri) > _MOST:
                del self._by_uri[next(iter(self._by_uri))]
            return found
