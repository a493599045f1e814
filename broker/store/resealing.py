"""Moving what is sealed to another secret key, a batch at a time, while the broker serves.

A sealed value begins with the id of the secret key that it was sealed under. Each value is replaced only where it
is still the one that was read: a pair of tokens that was renewed meanwhile stays as it is.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from sqlalchemy import BigInteger, ColumnElement, LargeBinary, Select, Text, bindparam, func, select, update

from broker.store import revocations
from broker.store.database import Transaction
from broker.store.revocations import Revocation
from broker.store.schema import accounts, outbox, signing_keys

SIGNING_KEYS: Final = "signing_keys"
ACCOUNTS: Final = "accounts"
OUTBOX: Final = "outbox"
TABLES: Final = (SIGNING_KEYS, ACCOUNTS, OUTBOX)
"""Every table in which something is sealed."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """One sealed value; `columns` say what it is bound to. `seen` is what its row held."""

    key: str
    value: bytes = field(repr=False)
    columns: Mapping[str, str] = field(repr=False)
    seen: bytes | str = field(repr=False)


_SECRET_KEY = bindparam("secret_key", type_=LargeBinary)


def _under_another(column: ColumnElement[bytes]) -> ColumnElement[bool]:
    return func.substr(column, 1, func.length(_SECRET_KEY)) != _SECRET_KEY


_AFTER = bindparam("after", type_=Text)
_MOST = bindparam("most", type_=BigInteger)
_KEYS = (
    select(signing_keys.c.kid.label("key"), signing_keys.c.sealed_key.label("value"))
    .where(signing_keys.c.kid > _AFTER, _under_another(signing_keys.c.sealed_key))
    .order_by(signing_keys.c.kid)
    .limit(_MOST)
)
_PAIRS = (
    select(
        accounts.c.id.label("key"),
        accounts.c.sealed_tokens.label("value"),
        accounts.c.registration,
        accounts.c.open_id,
    )
    .where(accounts.c.id > _AFTER, accounts.c.sealed_tokens.is_not(None), _under_another(accounts.c.sealed_tokens))
    .order_by(accounts.c.id)
    .limit(_MOST)
)
_REVOCATIONS = (
    select(outbox.c.id.label("key"), outbox.c.payload)
    .where(outbox.c.id > _AFTER, outbox.c.kind == revocations.TIKTOK_REVOCATION)
    .order_by(outbox.c.id)
    .limit(_MOST)
)
_BATCH: Mapping[str, Select[Any]] = {SIGNING_KEYS: _KEYS, ACCOUNTS: _PAIRS}
_THIS = bindparam("this", type_=Text)
_REPLACE = {
    SIGNING_KEYS: update(signing_keys)
    .where(signing_keys.c.kid == _THIS, signing_keys.c.sealed_key == bindparam("seen"))
    .values(sealed_key=bindparam("instead")),
    ACCOUNTS: update(accounts)
    .where(accounts.c.id == _THIS, accounts.c.sealed_tokens == bindparam("seen"))
    .values(sealed_tokens=bindparam("instead")),
    OUTBOX: update(outbox)
    .where(outbox.c.id == _THIS, outbox.c.payload == bindparam("seen"))
    .values(payload=bindparam("instead")),
}


async def batch(tx: Transaction, table: str, *, secret_key: bytes, after: str, most: int) -> list[Sealed]:
    """Up to `most` values of a table behind `after` that are not under `secret_key`, which is an id.

    Of the outbox, those under `secret_key` are among them: it has few rows, and the value stands inside of JSON.
    """
    if table == OUTBOX:
        return [
            _revocation(row["key"], row["payload"]) for row in await tx.all(_REVOCATIONS, after=after, most=most)
        ]
    rows = await tx.all(_BATCH[table], secret_key=secret_key, after=after, most=most)
    if table == SIGNING_KEYS:
        return [Sealed(row["key"], bytes(row["value"]), {}, bytes(row["value"])) for row in rows]
    return [
        Sealed(
            row["key"],
            bytes(row["value"]),
            {"registration": row["registration"], "open_id": row["open_id"]},
            bytes(row["value"]),
        )
        for row in rows
    ]


async def replace(tx: Transaction, table: str, one: Sealed, value: bytes) -> bool:
    """Put `value` in its place; False when the row has changed since it was read."""
    instead: bytes | str = value
    if table == OUTBOX:
        instead = _with_value(str(one.seen), value)
    return bool(await tx.run(_REPLACE[table], this=one.key, seen=one.seen, instead=instead))


def _revocation(key: str, payload: str) -> Sealed:
    asked = Revocation.of(orjson.loads(payload))
    return Sealed(
        key, asked.sealed_tokens, {"registration": asked.registration, "open_id": asked.open_id}, payload
    )


def _with_value(payload: str, value: bytes) -> str:
    asked = Revocation.of(orjson.loads(payload))
    return orjson.dumps(dataclasses.replace(asked, sealed_tokens=value).payload()).decode()
