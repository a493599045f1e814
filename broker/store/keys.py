"""Rows of the key ring: private halves sealed, one number per key of a use and algorithm."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from broker.store.database import Transaction
from broker.store.schema import signing_keys


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as it is kept. `public_jwk` is JSON, and None for a symmetric key; times in epoch seconds."""

    kid: str
    use: str
    alg: str
    number: int
    public_jwk: str | None
    sealed_key: bytes
    created_at: int
    signs_from: int


_ALL = select(signing_keys).order_by(signing_keys.c.use, signing_keys.c.alg, signing_keys.c.number)
_ADD = insert(signing_keys).on_conflict_do_nothing(
    index_elements=[signing_keys.c.use, signing_keys.c.alg, signing_keys.c.number]
)


async def every(tx: Transaction) -> list[KeyRow]:
    """All keys, oldest first within their use and algorithm."""
    return [
        KeyRow(
            kid=row["kid"],
            use=row["use"],
            alg=row["alg"],
            number=row["number"],
            public_jwk=row["public_jwk"],
            sealed_key=row["sealed_key"],
            created_at=row["created_at"],
            signs_from=row["signs_from"],
        )
        for row in await tx.all(_ALL)
    ]


async def add(tx: Transaction, key: KeyRow) -> bool:
    """Keep a new key; False when another replica was quicker with this number."""
    return bool(
        await tx.run(
            _ADD,
            kid=key.kid,
            use=key.use,
            alg=key.alg,
            number=key.number,
            public_jwk=key.public_jwk,
            sealed_key=key.sealed_key,
            created_at=key.created_at,
            signs_from=key.signs_from,
        )
    )
