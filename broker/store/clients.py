"""Apps: RFC 7591 metadata as JSON text, the digest of the secret, and a version that every change raises.

A copy of a client may be cached anywhere: the statements that spend something require the cached `version`
and a client that is not disabled, so a change here holds at once on every replica.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import BigInteger, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from broker.store import statuses
from broker.store.database import Row, Transaction
from broker.store.grant_rows import CLIENT_CURRENT
from broker.store.schema import clients, grants


@dataclass(frozen=True, slots=True)
class ClientRow:
    """An app as it is kept. Times are epoch seconds; `metadata` carries RFC 7591 §2 names and ours."""

    client_id: str
    metadata: Mapping[str, Any]
    secret_digest: bytes | None
    previous_secret_digest: bytes | None
    previous_secret_until: int | None
    version: int
    created_at: int
    disabled_at: int | None


_COLUMNS = (
    clients.c.client_id,
    clients.c.client_metadata,
    clients.c.secret_digest,
    clients.c.previous_secret_digest,
    clients.c.previous_secret_until,
    clients.c.version,
    clients.c.created_at,
    clients.c.disabled_at,
)
_BY_ID = clients.c.client_id == bindparam("id")
_FIND = select(*_COLUMNS).where(_BY_ID)
_EVERY = select(*_COLUMNS).order_by(clients.c.created_at, clients.c.client_id)
_ADD = insert(clients).on_conflict_do_nothing(index_elements=[clients.c.client_id])
_CHANGED = {"version": clients.c.version + 1, "updated_at": bindparam("now")}
_SET_SECRET = (
    update(clients)
    .where(_BY_ID)
    .values(
        secret_digest=bindparam("digest"),
        previous_secret_digest=clients.c.secret_digest,
        previous_secret_until=bindparam("until"),
        **_CHANGED,
    )
)
_SET_METADATA = (
    update(clients)
    .where(_BY_ID, clients.c.version == func.coalesce(bindparam("seen", type_=BigInteger), clients.c.version))
    .values(client_metadata=bindparam("new_metadata"), **_CHANGED)
)
_DISABLE = (
    update(clients).where(_BY_ID, clients.c.disabled_at.is_(None)).values(disabled_at=bindparam("now"), **_CHANGED)
)
_ENABLE = update(clients).where(_BY_ID, clients.c.disabled_at.is_not(None)).values(disabled_at=None, **_CHANGED)
_REMOVE = delete(clients).where(_BY_ID)
# What has ended gets no token any more.
_END_GRANTS = (
    update(grants)
    .where(grants.c.client_id == bindparam("id"), grants.c.ended_at.is_(None))
    .values(ended_at=bindparam("now"), ended_reason="client_removed")
)
_REMOVE_GRANTS = delete(grants).where(grants.c.client_id == bindparam("id"))
_COUNT_GRANTS = (
    select(func.count().label("grants")).select_from(grants).where(grants.c.client_id == bindparam("id"))
)


async def find(tx: Transaction, client_id: str) -> ClientRow | None:
    """The client of this id, disabled or not."""
    row = await tx.one(_FIND, id=client_id)
    return _client(row) if row else None


async def is_current(tx: Transaction, client_id: str, version: int) -> bool:
    """Whether the client is enabled and still as it was at this version."""
    return await tx.one(CLIENT_CURRENT, client=client_id, version=version) is not None


async def every(tx: Transaction) -> list[ClientRow]:
    """All clients, oldest first."""
    return [_client(row) for row in await tx.all(_EVERY)]


async def add(
    tx: Transaction, client_id: str, metadata: Mapping[str, Any], secret_digest: bytes | None, *, now: int
) -> bool:
    """Register a client; False when the id is taken."""
    return bool(
        await tx.run(
            _ADD,
            client_id=client_id,
            client_metadata=orjson.dumps(dict(metadata)).decode(),
            secret_digest=secret_digest,
            previous_secret_digest=None,
            previous_secret_until=None,
            version=1,
            created_at=now,
            updated_at=now,
            disabled_at=None,
        )
    )


async def set_secret(
    tx: Transaction, client_id: str, digest: bytes, *, old_until: int | None = None, now: int
) -> bool:
    """Replace the secret; the old one is good until `old_until`, or void at once. False without such a client."""
    return bool(await tx.run(_SET_SECRET, id=client_id, digest=digest, until=old_until or now, now=now))


async def set_metadata(
    tx: Transaction, client_id: str, metadata: Mapping[str, Any], *, version: int | None = None, now: int
) -> bool:
    """Replace the registration, if need be only the one of this version. False when there is no such client."""
    text = orjson.dumps(dict(metadata)).decode()
    return bool(await tx.run(_SET_METADATA, id=client_id, new_metadata=text, seen=version, now=now))


async def disable(tx: Transaction, client_id: str, *, now: int) -> bool:
    """Refuse everything this client asks from now on; False when nothing changed."""
    return bool(await tx.run(_DISABLE, id=client_id, now=now))


async def enable(tx: Transaction, client_id: str, *, now: int) -> bool:
    """Let a disabled client in again; False when nothing changed."""
    return bool(await tx.run(_ENABLE, id=client_id, now=now))


async def count_grants(tx: Transaction, client_id: str) -> int:
    """How many grants would go with the client, ended ones that are still kept included."""
    row = await tx.one(_COUNT_GRANTS, id=client_id)
    return row["grants"] if row else 0


async def remove(tx: Transaction, client_id: str, *, now: int) -> bool:
    """Delete the client and its grants; False when there is no such client."""
    await tx.run(_END_GRANTS, id=client_id, now=now)
    await statuses.keep_of_client(tx, client_id, now=now)
    await tx.run(_REMOVE_GRANTS, id=client_id)
    return bool(await tx.run(_REMOVE, id=client_id))


def _client(row: Row) -> ClientRow:
    return ClientRow(
        client_id=row["client_id"],
        metadata=orjson.loads(row["client_metadata"]),
        secret_digest=row["secret_digest"],
        previous_secret_digest=row["previous_secret_digest"],
        previous_secret_until=row["previous_secret_until"],
        version=row["version"],
        created_at=row["created_at"],
        disabled_at=row["disabled_at"],
    )
