"""Places in the status lists, handed out to grants that begin: from a block that this process has reserved.

Routes: none. What the lists tell is left to `status`, which also says from which list on a place may be given.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from broker.oauth.status_list import SIZE
from broker.store import statuses
from broker.store.database import Database, PlaceTaken

T = TypeVar("T")

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

    async def placing(self, write: Callable[[int | None], Awaitable[T]]) -> T:
        """What `write` makes of an index for a grant. Raises `DatabaseUnavailable`, and what `write` raises.

        When the index is somebody's already, whatever else was reserved may be, too: the database has moved to a
        standby so quickly that nobody noticed it was away. Then `write` gets one of a new block.
        """
        held = self._free
        try:
            return await write(await self.take())
        except PlaceTaken:
            # Of several who find that out at once, the first has seen to it.
            if self._free is held:
                self.forget()
            return await write(await self.take())

    async def take(self) -> int | None:
        """An index for a grant, without more ado. Raises `DatabaseUnavailable`."""
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
        self._free = []

    def begin_with(self, number: int) -> None:
        """Hand out nothing of the lists before this one: elsewhere they may not be published any more."""
        self._oldest = number * SIZE
        self._free[:] = [status_index for status_index in self._free if status_index >= self._oldest]
