"""Which key signs, and which still verify.

The ring is a picture of the `signing_keys` rows at one moment. A key signs from `signs_from` on, until a younger
one of its use and algorithm does.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import orjson

from broker import opaque
from broker.keys import jwk
from broker.sealing import Sealer
from broker.store import keys
from broker.store.database import Database
from broker.store.keys import KeyRow

SIGN: Final = "sig"
REFRESH: Final = "refresh"
_MAC: Final = "HS256"
_PURPOSE: Final = "signing key"
_MAC_KEY_BYTES: Final = 32
_MAC_KID_BYTES: Final = 4

Key = TypeVar("Key", "SigningKey", "RefreshKey")


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with the public half that verifiers see."""

    kid: str
    alg: str
    private: jwk.PrivateKey
    public_jwk: Mapping[str, Any]
    signs_from: int

    def __repr__(self) -> str:
        return f"SigningKey({self.kid}, {self.alg})"


@dataclass(frozen=True, slots=True)
class RefreshKey:
    """The key under which refresh tokens prove their generation."""

    kid: str
    secret: bytes
    signs_from: int

    def __repr__(self) -> str:
        return f"RefreshKey({self.kid})"


@dataclass(frozen=True, slots=True)
class Ring:
    """The keys as of one moment, oldest first."""

    signing: tuple[SigningKey, ...]
    refresh: tuple[RefreshKey, ...]

    def signer(self, alg: str, *, now: int) -> SigningKey:
        """The key that signs with `alg` now. Raises LookupError when the ring has none."""
        return _in_charge([key for key in self.signing if key.alg == alg], now)

    def refresher(self, *, now: int) -> RefreshKey:
        """The key for new refresh tokens. Raises LookupError when the ring has none."""
        return _in_charge(self.refresh, now)

    def refresh_key(self, kid: str) -> RefreshKey | None:
        """The refresh key of this id."""
        return next((key for key in self.refresh if key.kid == kid), None)

    def jwks(self) -> dict[str, Any]:
        """The published set (RFC 7517 §5): public halves only."""
        return {"keys": [dict(key.public_jwk) for key in self.signing]}


def _in_charge(keys: Sequence[Key], now: int) -> Key:
    """The youngest that has begun to sign; the first, on a replica whose clock is behind that of its maker."""
    if not keys:
        raise LookupError("the ring has no key for this")
    return next((key for key in reversed(keys) if key.signs_from <= now), keys[0])


async def load(database: Database, sealer: Sealer, algs: Sequence[str], *, now: int) -> Ring:
    """The ring from its rows, first making a key for each of `algs` and for refresh tokens where there is none.

    Of several replicas that start at once, one makes each key. Raises `DatabaseUnavailable`, and `Unsealable` when
    the rows were sealed under a secret key that is no longer given.
    """
    rows = await database.read(keys.every)
    there = {(row.use, row.alg) for row in rows}
    missing = [(SIGN, alg) for alg in algs if (SIGN, alg) not in there]
    if (REFRESH, _MAC) not in there:
        missing.append((REFRESH, _MAC))
    for use, alg in missing:
        key = await asyncio.to_thread(_make, sealer, use, alg, now)
        await database.run(keys.add, key)
    if missing:
        rows = await database.read(keys.every)
    return opened(rows, sealer)


def opened(rows: Sequence[KeyRow], sealer: Sealer) -> Ring:
    """The ring of these rows. Raises `Unsealable`."""
    return Ring(
        signing=tuple(_signing_key(row, sealer) for row in rows if row.use == SIGN),
        refresh=tuple(_refresh_key(row, sealer) for row in rows if row.use == REFRESH),
    )


def _make(sealer: Sealer, use: str, alg: str, now: int) -> KeyRow:
    public = None
    if use == REFRESH:
        kid, raw = opaque.random_bytes(_MAC_KID_BYTES).hex(), opaque.random_bytes(_MAC_KEY_BYTES)
    else:
        private = jwk.generate(alg)
        published = jwk.public_jwk(private, alg)
        kid, raw, public = published["kid"], jwk.to_bytes(private), orjson.dumps(published).decode()
    return KeyRow(
        kid=kid,
        use=use,
        alg=alg,
        number=1,
        public_jwk=public,
        sealed_key=sealer.seal(raw, purpose=_PURPOSE, row=kid),
        created_at=now,
        # Nobody can hold a key set without the first key: it may sign at once.
        signs_from=now,
    )


def _signing_key(row: KeyRow, sealer: Sealer) -> SigningKey:
    return SigningKey(
        kid=row.kid,
        alg=row.alg,
        private=jwk.from_bytes(sealer.open(row.sealed_key, purpose=_PURPOSE, row=row.kid)),
        public_jwk=orjson.loads(row.public_jwk or "{}"),
        signs_from=row.signs_from,
    )


def _refresh_key(row: KeyRow, sealer: Sealer) -> RefreshKey:
    secret = sealer.open(row.sealed_key, purpose=_PURPOSE, row=row.kid)
    return RefreshKey(row.kid, secret, row.signs_from)
