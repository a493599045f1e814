"""Finding clients. Each is read once and kept for a few seconds.

Whoever spends something for a client requires, in the statement that spends, the `version` that was kept, so a
stale copy harms nobody.
"""

import asyncio
from dataclasses import dataclass, field

from broker.clock import Clock
from broker.oauth import client_metadata
from broker.oauth.client_metadata import ClientMetadata
from broker.store import clients
from broker.store.database import Database

_KEPT_SECONDS = 5
_MOST_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Client:
    """A registered app as of `read_at`, epoch seconds."""

    client_id: str
    metadata: ClientMetadata
    secret_digest: bytes | None
    previous_secret_digest: bytes | None
    previous_secret_until: int
    version: int
    disabled: bool
    read_at: int


@dataclass(frozen=True, slots=True)
class ClientDirectory:
    """Finds clients, keeping each for a few seconds."""

    database: Database
    clock: Clock
    _kept: dict[str, Client] = field(default_factory=dict)
    _reading: dict[str, asyncio.Task[Client | None]] = field(default_factory=dict)

    async def find(self, client_id: str) -> Client | None:
        """The client, disabled or not; None when there is none. Raises `DatabaseUnavailable`."""
        return await self._not_older(_KEPT_SECONDS, client_id)

    async def recent(self, client_id: str) -> Client | None:
        """The same from this very second, for whoever would be turned away by an older copy.

        Anybody can ask for that, so a flood of bad requests costs one look a second and not one each; who comes
        while somebody else looks is answered by that look.
        """
        return await self._not_older(1, client_id)

    async def reread(self, client_id: str) -> Client | None:
        """The client as the database has it now."""
        now = self.clock()
        row = await self.database.read(clients.find, client_id)
        if row is None:
            self._kept.pop(client_id, None)
            return None
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        client = Client(
            client_id=row.client_id,
            metadata=client_metadata.read(row.metadata),
            secret_digest=row.secret_digest,
            previous_secret_digest=row.previous_secret_digest,
            previous_secret_until=row.previous_secret_until or 0,
            version=row.version,
            disabled=row.disabled_at is not None,
            read_at=now,
        )
        self._kept[client_id] = client
        return client

    async def _not_older(self, seconds: int, client_id: str) -> Client | None:
        kept = self._kept.get(client_id)
        if kept is not None and self.clock() - kept.read_at < seconds:
            return kept
        reading = self._reading.get(client_id)
        if reading is None:
            # One for all who want it now: of a busy app there are hundreds, and few connections to the database.
            reading = self._reading[client_id] = asyncio.create_task(self.reread(client_id))
            reading.add_done_callback(lambda _: self._reading.pop(client_id, None))
        return await asyncio.shield(reading)
