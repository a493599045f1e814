"""What an operator does to an app, each with its audit event in the same transaction.

Every function answers False when it changed nothing, and then records nothing.
"""

from collections.abc import Mapping
from typing import Any

from broker.store import audit, clients, ended_grants
from broker.store.database import Transaction


async def add(
    tx: Transaction, client_id: str, metadata: Mapping[str, Any], secret_digest: bytes | None, *, now: int
) -> bool:
    """Register a client; False when the id is taken."""
    added = await clients.add(tx, client_id, metadata, secret_digest, now=now)
    return await _recorded(tx, added, "client.added", client_id, now)


async def update(
    tx: Transaction,
    client_id: str,
    metadata: Mapping[str, Any],
    secret_digest: bytes | None,
    *,
    version: int,
    now: int,
) -> bool:
    """Replace the registration of this version, and with a digest the secret; False when it has another by now."""
    before = await clients.find(tx, client_id)
    changed = await clients.set_metadata(tx, client_id, metadata, version=version, now=now)
    if changed and secret_digest is not None:
        await clients.set_secret(tx, client_id, secret_digest, now=now)
    different = _different(before.metadata if before else {}, metadata)
    if secret_digest is not None:
        different.append("client_secret")
    return await _recorded(tx, changed, "client.updated", client_id, now, reason=" ".join(different) or None)


async def rotate_secret(tx: Transaction, client_id: str, digest: bytes, *, old_until: int, now: int) -> bool:
    """Replace the secret; the old one is void from `old_until` on."""
    rotated = await clients.set_secret(tx, client_id, digest, old_until=old_until, now=now)
    return await _recorded(tx, rotated, "client.secret_rotated", client_id, now)


async def disable(tx: Transaction, client_id: str, *, now: int) -> bool:
    """Refuse everything this client asks from now on."""
    disabled = await clients.disable(tx, client_id, now=now)
    return await _recorded(tx, disabled, "client.disabled", client_id, now)


async def enable(tx: Transaction, client_id: str, *, now: int) -> bool:
    """Let a disabled client in again."""
    enabled = await clients.enable(tx, client_id, now=now)
    return await _recorded(tx, enabled, "client.enabled", client_id, now)


async def remove(tx: Transaction, client_id: str, *, now: int) -> bool:
    """Delete the client and its grants, each good one with an event of its own."""
    await ended_grants.record_removal(tx, client_id, now=now)
    removed = await clients.remove(tx, client_id, now=now)
    return await _recorded(tx, removed, "client.removed", client_id, now)


def _different(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The names of what is not the same. What an app is registered with may be long, and names tell enough."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


async def _recorded(
    tx: Transaction, changed: bool, event: str, client_id: str, now: int, *, reason: str | None = None
) -> bool:
    if changed:
        await audit.record(tx, event, actor="operator", client_id=client_id, reason=reason, now=now)
    return changed
