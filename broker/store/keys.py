"""Rows of the key ring: private halves sealed, one number per key of a use and algorithm.

What becomes of a key follows from its times and those of the key after it. Each change of them is one statement
that asks for what its author saw, so that of several replicas one makes it.
"""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import BigInteger, bindparam, case, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from broker.store.database import Row, Transaction
from broker.store.schema import signing_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFacts:
    """When a key of a use and algorithm does what. Times in epoch seconds, `token_life` in seconds.

    `ready_at` is when every verifier knows it, `signs_from` when it is to sign, or began to.
    """

    kid: str
    use: str
    alg: str
    number: int
    created_at: int
    ready_at: int
    signs_from: int
    token_life: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow(KeyFacts):
    """A key as it is kept. `public_jwk` is JSON, for readers of the table; None for a symmetric key."""

    public_jwk: str | None
    sealed_key: bytes = field(repr=False)


_FACTS = tuple(signing_keys.c[name] for name in KeyFacts.__slots__)
_ORDER = (signing_keys.c.use, signing_keys.c.alg, signing_keys.c.number)
_LOOK = select(*_FACTS).order_by(*_ORDER)
_ALL = select(*_FACTS, signing_keys.c.public_jwk, signing_keys.c.sealed_key).order_by(*_ORDER)
_ADD = insert(signing_keys).on_conflict_do_nothing(
    index_elements=[signing_keys.c.use, signing_keys.c.alg, signing_keys.c.number]
)
_THIS = signing_keys.c.kid == bindparam("this")
_AT = bindparam("at", type_=BigInteger)
_HASTEN = update(signing_keys).where(_THIS, signing_keys.c.signs_from > _AT).values(signs_from=_AT)
_DEFER = (
    update(signing_keys)
    .where(
        _THIS,
        signing_keys.c.ready_at < _AT,
        # One that was made to sign before it was ready is left alone.
        signing_keys.c.signs_from >= signing_keys.c.ready_at,
    )
    .values(ready_at=_AT, signs_from=case((signing_keys.c.signs_from < _AT, _AT), else_=signing_keys.c.signs_from))
)
_LIFE = bindparam("life", type_=BigInteger)
_PROLONG = update(signing_keys).where(_THIS, signing_keys.c.token_life < _LIFE).values(token_life=_LIFE)
_FORGET = delete(signing_keys).where(_THIS, signing_keys.c.token_life == _LIFE)


async def look(tx: Transaction) -> list[KeyFacts]:
    """The times of all keys, oldest first within their use and algorithm."""
    return [KeyFacts(**_facts(row)) for row in await tx.all(_LOOK)]


async def every(tx: Transaction) -> list[KeyRow]:
    """All keys, in the same order."""
    return [
        KeyRow(**_facts(row), public_jwk=row["public_jwk"], sealed_key=bytes(row["sealed_key"]))
        for row in await tx.all(_ALL)
    ]


async def add(tx: Transaction, key: KeyRow) -> bool:
    """Keep a new key; False when another replica was quicker with this number."""
    facts = {name: getattr(key, name) for name in KeyFacts.__slots__}
    return bool(await tx.run(_ADD, **facts, public_jwk=key.public_jwk, sealed_key=key.sealed_key))


async def hasten(tx: Transaction, kid: str, *, at: int) -> bool:
    """Have an announced key sign from `at` on; False when it does so anyway, or earlier."""
    return bool(await tx.run(_HASTEN, this=kid, at=at))


async def defer(tx: Transaction, kid: str, *, ready_at: int) -> bool:
    """Have an announced key sign from `ready_at` on at the earliest."""
    return bool(await tx.run(_DEFER, this=kid, at=ready_at))


async def prolong(tx: Transaction, kid: str, *, token_life: int) -> bool:
    """What the key signs may be good for so long from now on."""
    return bool(await tx.run(_PROLONG, this=kid, life=token_life))


async def forget(tx: Transaction, kid: str, *, token_life: int) -> bool:
    """Delete a key that nothing refers to any more, with the `token_life` that this was reckoned with."""
    return bool(await tx.run(_FORGET, this=kid, life=token_life))


def _facts(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in KeyFacts.__slots__}
