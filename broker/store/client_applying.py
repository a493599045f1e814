"""Making the registered apps what a file says, in one transaction: all of it, or nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import bindparam, select

from broker.store import client_changes
from broker.store.database import Transaction
from broker.store.schema import clients


@dataclass(frozen=True, slots=True)
class ClientChange:
    """What is to become of one app, as it was at version `seen`; None of those that stay as they are.

    `seen` is None for one that is to be added, `metadata` None for one that keeps its registration.
    """

    client_id: str
    seen: int | None
    metadata: Mapping[str, Any] | None = None
    secret_digest: bytes | None = field(default=None, repr=False)
    disabled: bool | None = None
    removed: bool = False


class Overtaken(Exception):
    """Somebody else has changed the app of this `client_id` meanwhile: everything is rolled back."""

    def __init__(self, client_id: str) -> None:
        super().__init__(client_id)
        self.client_id = client_id


_HOLD = select(clients.c.version).where(clients.c.client_id == bindparam("id")).with_for_update()


async def apply(tx: Transaction, changes: Iterable[ClientChange], *, old_until: int, now: int) -> None:
    """Make the changes; secrets that are replaced are good until `old_until`. Raises `Overtaken`."""
    # In one order whoever applies: else two of them could wait for each other.
    for change in sorted(changes, key=lambda one: one.client_id):
        await _apply(tx, change, old_until=old_until, now=now)


async def _apply(tx: Transaction, change: ClientChange, *, old_until: int, now: int) -> None:
    client_id = change.client_id
    if change.seen is None:
        if not await client_changes.add(tx, client_id, change.metadata or {}, change.secret_digest, now=now):
            raise Overtaken(client_id)
    else:
        held = await tx.one(_HOLD, id=client_id)
        if held is None or held["version"] != change.seen:
            raise Overtaken(client_id)
        if change.removed:
            await client_changes.remove(tx, client_id, now=now)
            return
        if change.metadata is not None:
            await client_changes.update(tx, client_id, change.metadata, None, version=change.seen, now=now)
        if change.secret_digest is not None:
            await client_changes.rotate_secret(tx, client_id, change.secret_digest, old_until=old_until, now=now)
    if change.disabled is not None:
        turn = client_changes.disable if change.disabled else client_changes.enable
        await turn(tx, client_id, now=now)
