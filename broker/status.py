"""`GET /status/{n}`: which grants have ended, for backends that verify tokens and ask nobody (Token Status List).

Each list is bytes made beforehand and answered before any routing. Every replica looks at the database once in a
second, whatever is asked of it meanwhile; no request ever does. While the database is away the lists stay as they
were. Where in the lists a grant has its place is left to `indices`.
"""

import asyncio
import contextlib
from array import array
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from broker import log, opaque
from broker.background import beside, woken
from broker.claims import Claims
from broker.clock import Clock
from broker.indices import Indices
from broker.oauth import status_list
from broker.store import statuses
from broker.store.database import Database, DatabaseUnavailable, SchemaMismatch
from broker.web.documents import Document

_log = log.get("status")
_LOOK_SECONDS: Final = 1.0
_EVERYTHING_SECONDS: Final = 60
"""So often everything is read anew: what is over goes, and what a slow clock hid from the looks between comes."""
_OVERLAP_SECONDS: Final = 30
"""Clocks of replicas may differ by so much, and transactions last so long, for the next look to see what ended."""
_SIGNED_FOR_SECONDS: Final = 3600
"""A list that does not change is signed anew so often, long before it is over."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """A list as it is published: what it was made of."""

    bits: bytes = field(repr=False)
    packed: str = field(repr=False)
    kid: str
    period: int


@dataclass(slots=True)
class StatusLists:
    """The keeper of what this process publishes, in `documents` by path."""

    database: Database
    claims: Claims
    indices: Indices
    documents: MutableMapping[str, Document]
    clock: Clock
    _bits: dict[int, bytes] = field(default_factory=dict)
    """Of the lists in which somebody has ended."""
    _lists: frozenset[int] = frozenset()
    _shown: dict[int, _Shown] = field(default_factory=dict)
    _looked_at: int | None = None
    _all_read_at: int = 0
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _stopping: bool = False

    def follow(self, _: object) -> None:
        """The keys have changed: what a key signed that is gone is void, so look at once."""
        self._wake.set()

    @contextlib.asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Look, and go on in the background for the length of the block. Raises `DatabaseUnavailable` at once."""
        await self.look()
        self._stopping = False
        async with beside(self._work, self._stop):
            yield

    def _stop(self) -> None:
        self._stopping = True
        self._wake.set()

    async def _work(self) -> None:
        answered = True
        while not self._stopping:
            await woken(self._wake, within=_LOOK_SECONDS)
            self._wake.clear()
            try:
                await self.look()
                answered = True
            except (DatabaseUnavailable, SchemaMismatch) as error:
                self.indices.forget()
                if answered:
                    _log.warning("status.waiting", reason=str(error))
                answered = False
            except Exception as error:
                _log.error("status.failed", exc_info=error)

    async def look(self) -> None:
        """Take up what has ended since the last look, and publish what has changed by it.

        Raises `DatabaseUnavailable`; then everything stays as it was.
        """
        now = self.clock()
        # A clock that was set back begins anew, too.
        if self._looked_at is None or not self._looked_at <= now < self._all_read_at + _EVERYTHING_SECONDS:
            await self._read_everything(now)
        else:
            since = self._looked_at - _OVERLAP_SECONDS
            self._bits |= _marked(self._bits, await self.database.read(statuses.ended_since, since=since, now=now))
        self._looked_at = now
        await self._publish(now)
        await self.indices.stock()

    async def _read_everything(self, now: int) -> None:
        self._bits = _marked({}, await self.database.read(statuses.ended, now=now))
        found = await self.database.read(statuses.in_use)
        newest = status_list.number_of(max(0, found.reserved - 1))
        # A replica that looks a minute later may give a place in the newest list that this one knows; one that has
        # looked a moment ago knows the next.
        near = range(max(0, newest - 1), newest + 2)
        self._lists = frozenset({*found.lists, *self._bits, *near})
        self._all_read_at = now
        self.indices.begin_with(newest)

    async def _publish(self, now: int) -> None:
        kid, period = self.claims.signing_kid(now=now), now // _SIGNED_FOR_SECONDS
        for number in sorted(self._lists | self._bits.keys()):
            shown, bits = self._shown.get(number), self._bits.get(number, status_list.NONE_ENDED)
            if shown is not None and shown.bits == bits:
                if (shown.kid, shown.period) == (kid, period):
                    continue
                packed = shown.packed
            else:
                packed = await asyncio.to_thread(status_list.packed, bits)
            signed = await self.claims.status_list(number, packed, now=now)
            made_of = f"{kid} {period} {packed}"
            self.documents[status_list.path(number)] = await asyncio.to_thread(_document, signed, made_of)
            self._shown[number] = _Shown(bits, packed, kid, period)
        for number in self._shown.keys() - self._lists - self._bits.keys():
            del self._shown[number], self.documents[status_list.path(number)]


def _marked(known: Mapping[int, bytes], ended: Sequence[int]) -> dict[int, bytes]:
    """The lists in which these have ended, with what was known of them."""
    found: defaultdict[int, array[int]] = defaultdict(lambda: array("q"))
    for status_index in ended:
        found[status_list.number_of(status_index)].append(status_index)
    return {
        number: status_list.with_ended(known.get(number, status_list.NONE_ENDED), those)
        for number, those in found.items()
    }


def _document(signed: str, made_of: str) -> Document:
    # Weak (RFC 9110 §8.8.1), since no two signatures are alike: every replica that shows this shows it as good.
    etag = f'W/"{opaque.sha256_hex(made_of)[:32]}"'
    cache_control = f"public, max-age={status_list.TTL_SECONDS}"
    return Document.of(signed.encode("ascii"), status_list.MEDIA_TYPE, cache_control, etag)
