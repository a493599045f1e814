"""Places in the status lists, handed out to grants that begin: from a block that this process has reserved.

Routes: none. What the lists tell is left to `status`, which also says from which list on a place may be given.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from broker.oauth.status_list import SIZE
from broker.store import statuses
from broker.store.database import Database

BLOCK: Final = 1024
"""How many are reserved by one statement. Lists are made of whole blocks."""


@dataclass(slots=True)
class Indices:
    """What this process may hand out. Not `listed`, nobody gets any."""

    database: Database
    listed: bool
    _free: list[int] = field(default_factory=list)
    _oldest: int = 0
    _gate: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def take(self) -> int | None:
        """An index for a grant. Raises `DatabaseUnavailable`."""
        if not self.listed:
            return None
        while not self._free:
            await self.stock(at_least=1)
        return self._free.pop()

    async def stock(self, *, at_least: int = BLOCK // 2) -> None:
        """Reserve a block when fewer are left: in time, so that no sign-in waits. Raises `DatabaseUnavailable`."""
        async with self._gate:
            if len(self._free) < at_least:
                first = await self.database.run(statuses.reserve, many=BLOCK)
                self._free[:0] = range(first + BLOCK - 1, first - 1, -1)

    def put_back(self, status_index: int | None) -> None:
        """Nobody has needed this one: the next one may."""
        if status_index is not None and status_index >= self._oldest:
            self._free.append(status_index)

    def forget(self) -> None:
        """Give up what is reserved: the database may come back as one that has never heard of it."""
        self._free.clear()

    def begin_with(self, number: int) -> None:
        """Hand out nothing of the lists before this one: elsewhere they may not be published any more."""
        self._oldest = number * SIZE
        self._free = [status_index for status_index in self._free if status_index >= self._oldest]
