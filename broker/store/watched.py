"""A database that tells how busy it is, whichever it is."""

from collections.abc import Callable
from dataclasses import dataclass

from broker.store.database import Database, P, StoreFunction, T


@dataclass(frozen=True, slots=True)
class WatchedDatabase:
    """Hands everything on to `inside`; `busy` hears 1 when a store function begins, and -1 when it has ended."""

    inside: Database
    busy: Callable[[int], object]

    @property
    def dialect(self) -> str:
        """As `inside` has it."""
        return self.inside.dialect

    async def run(self, function: StoreFunction[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """As `inside` does."""
        self.busy(1)
        try:
            return await self.inside.run(function, *args, **kwargs)
        finally:
            self.busy(-1)

    async def transact(self, function: StoreFunction[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """As `inside` does."""
        self.busy(1)
        try:
            return await self.inside.transact(function, *args, **kwargs)
        finally:
            self.busy(-1)

    async def read(self, function: StoreFunction[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """As `inside` does."""
        self.busy(1)
        try:
            return await self.inside.read(function, *args, **kwargs)
        finally:
            self.busy(-1)

    async def close(self) -> None:
        """As `inside` does."""
        await self.inside.close()
