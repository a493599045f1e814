"""What has expired is deleted in the background, by one replica at a time, and nobody notices.

Routes: none. A round goes through all tables once, in batches of `store.purging`. After each batch it rests for
several times as long as that took, so that it takes a small part of a database however slow, and goes faster on a
fast one. A table that is swept has its turn piece by piece, over many rounds, unless there is much to delete.
"""

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Final

from broker import log, opaque
from broker.background import beside, woken
from broker.clock import Clock, Stopwatch
from broker.store import leases, purging
from broker.store.database import Database, DatabaseUnavailable, SchemaMismatch
from broker.store.purging import Place
from broker.telemetry import PURGED

_log = log.get("housekeeping")
_LEASE: Final = "purge"
# A process that has just started has better things to do.
_LOOK_SECONDS: Final = 10.0
_ROUND_SECONDS: Final = 60
_LEASE_SECONDS: Final = 30
# So few that a refresh which meets a batch hardly feels it (`make purging`).
_MOST: Final = 100
_REST: Final = 9.0
_SHORTEST_REST_SECONDS: Final = 0.01
# Of a table that is swept, so many pieces in which nothing was over end its turn.
_BARREN: Final = 100


@dataclass(slots=True)
class Housekeeping:
    """The keeper of one process. Audit events are kept for `audit_retention` seconds, or for ever."""

    database: Database
    clock: Clock
    stopwatch: Stopwatch
    audit_retention: int | None = None
    _name: str = field(default_factory=opaque.identifier)
    _places: dict[str, Place] = field(
        default_factory=lambda: {kind: purging.anywhere(kind) for kind in purging.KINDS}
    )
    _kept_at: int = 0
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def working(self) -> AbstractAsyncContextManager[None]:
        """Purge in the background for the length of the block."""
        self._stopping.clear()
        return beside(self._work, self._stopping.set)

    async def _work(self) -> None:
        while not await self._stopped_within(_LOOK_SECONDS):
            try:
                await self.look()
            except (DatabaseUnavailable, SchemaMismatch) as error:
                _log.warning("purge.waiting", reason=str(error))
            except Exception as error:
                _log.error("purge.failed", exc_info=error)

    async def _stopped_within(self, seconds: float) -> bool:
        return await woken(self._stopping, within=seconds)

    async def look(self) -> dict[str, int] | None:
        """Do a round if one is due and nobody else is at it; what was deleted, by table, or None.

        A replica that dies is followed within half a minute. Raises `DatabaseUnavailable`.
        """
        now = self.clock()
        take = self.database.run(leases.take, _LEASE, holder=self._name, until=now + _LEASE_SECONDS, now=now)
        if not await take:
            return None
        self._kept_at = now
        counts = dict.fromkeys(purging.KINDS, 0)
        for kind in purging.KINDS:
            if not await self._turn(kind, counts):
                break
        else:
            # The next round is for whoever looks first when this has passed.
            await self._keep(_ROUND_SECONDS)
        gone = {kind: count for kind, count in counts.items() if count}
        if gone:
            _log.info("purge.done", **gone)
        return counts

    async def _turn(self, kind: str, counts: dict[str, int]) -> bool:
        """Purge one table; False when the round is over, since the process ends or another one has taken over."""
        barren = 0
        place: Place | None = self._places[kind]
        while place is not None and barren < _BARREN:
            began = self.stopwatch()
            batch = await self.database.run(
                purging.purge,
                kind,
                place=place,
                most=_MOST,
                audit_retention=self.audit_retention,
                now=self.clock(),
            )
            took = self.stopwatch() - began
            place = batch.place
            self._places[kind] = purging.beginning(kind) if place is None else place
            counts[kind] += batch.gone
            PURGED.labels(kind).inc(batch.gone)
            barren += not batch.gone
            if await self._stopped_within(max(took * _REST, _SHORTEST_REST_SECONDS)):
                return False
            if self.clock() - self._kept_at >= _LEASE_SECONDS // 3 and not await self._keep(_LEASE_SECONDS):
                return False
        return True

    async def _keep(self, seconds: int) -> bool:
        self._kept_at = self.clock()
        return await self.database.run(leases.keep, _LEASE, holder=self._name, until=self._kept_at + seconds)
