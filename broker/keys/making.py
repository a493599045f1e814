"""Making keys, sealing them into their rows, and opening them again."""

from dataclasses import dataclass
from typing import Any, Final

import orjson

from broker import opaque
from broker.keys import jwk
from broker.keys.schedule import REFRESH, Make
from broker.sealing import Sealer
from broker.store.keys import KeyRow

_PURPOSE: Final = "signing key"
_MAC_KEY_BYTES: Final = 32
_MAC_KID_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with the public half that verifiers see. It signs from `signs_from` on, epoch seconds."""

    kid: str
    alg: str
    private: jwk.PrivateKey
    public_jwk: dict[str, Any]
    signs_from: int

    def __repr__(self) -> str:
        return f"SigningKey({self.kid}, {self.alg})"


@dataclass(frozen=True, slots=True)
class RefreshKey:
    """The key under which refresh tokens prove their generation. It signs from `signs_from` on, epoch seconds."""

    kid: str
    secret: bytes
    signs_from: int

    def __repr__(self) -> str:
        return f"RefreshKey({self.kid})"


def made(step: Make, sealer: Sealer, *, token_life: int, now: int) -> KeyRow:
    """A new key, ready to be kept. For RSA it takes a good part of a second: not on the event loop."""
    public = None
    if step.use == REFRESH:
        kid, raw = opaque.random_bytes(_MAC_KID_BYTES).hex(), opaque.random_bytes(_MAC_KEY_BYTES)
    else:
        private = jwk.generate(step.alg)
        published = jwk.public_jwk(private, step.alg)
        kid, raw, public = published["kid"], jwk.to_bytes(private), orjson.dumps(published).decode()
    return KeyRow(
        kid=kid,
        use=step.use,
        alg=step.alg,
        number=step.number,
        created_at=now,
        ready_at=step.ready_at,
        signs_from=step.signs_from,
        token_life=token_life,
        public_jwk=public,
        sealed_key=sealer.seal(raw, purpose=_PURPOSE, row=kid),
    )


def opened(row: KeyRow, sealer: Sealer) -> SigningKey | RefreshKey:
    """The key in its row. Raises `Unsealable`.

    What is published is made of the sealed half, as the seal alone says that it is ours: whoever can write the row
    must not have the broker publish a key of theirs under our name.
    """
    raw = sealer.open(row.sealed_key, purpose=_PURPOSE, row=row.kid)
    if row.use == REFRESH:
        return RefreshKey(row.kid, raw, row.signs_from)
    private = jwk.from_bytes(raw)
    return SigningKey(row.kid, row.alg, private, jwk.public_jwk(private, row.alg), row.signs_from)


def resealed(sealer: Sealer, sealed_key: bytes, kid: str) -> bytes:
    """The same key under the first secret key. Raises `Unsealable`."""
    return sealer.reseal(sealed_key, purpose=_PURPOSE, row=kid)
