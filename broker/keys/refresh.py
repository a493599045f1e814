"""Refresh tokens: derived, never stored.

A token is `brt_` and base32 of `grant id (20) | generation (4) | key id (4) | HMAC-SHA256 (32)`: sixty bytes, so
it has one spelling. The MAC covers the grant, the generation and the client, and is checked before anything is
asked of the database: a forged token harms nobody, and a stolen table makes no token.
"""

from dataclasses import dataclass
from typing import Final

from broker import opaque
from broker.keys.making import RefreshKey
from broker.keys.ring import Ring

_PREFIX: Final = "brt_"
_GRANT: Final = slice(0, 20)
_GRANT_LETTERS: Final = 32
_GENERATION: Final = slice(20, 24)
_KEY: Final = slice(24, 28)
_MAC: Final = slice(28, 60)
_LENGTH: Final = 60


@dataclass(frozen=True, slots=True)
class Presented:
    """What a genuine refresh token says of itself."""

    grant_id: str
    generation: int


def mint(key: RefreshKey, *, grant_id: str, generation: int, client_id: str) -> str:
    """The one refresh token of this grant, generation and key. Raises ValueError for an id that is no grant's."""
    grant = opaque.decode(grant_id)
    if grant is None:
        raise ValueError("the grant id is not one of ours")
    number = generation.to_bytes(4, "big")
    proof = _proof(key, grant, number, client_id)
    # Twenty bytes are a whole number of letters, so that those of the grant's id stay as they are.
    return _PREFIX + grant_id + opaque.encode(number + bytes.fromhex(key.kid) + proof)


def read(ring: Ring, token: str, *, client_id: str) -> Presented | None:
    """What the token says, or None when no broker key made it for this client."""
    spelled = token.removeprefix(_PREFIX)
    raw = opaque.decode(spelled) if token.startswith(_PREFIX) else None
    if raw is None or len(raw) != _LENGTH:
        return None
    key = ring.refresh_key(raw[_KEY].hex())
    if key is None or not opaque.equal(_proof(key, raw[_GRANT], raw[_GENERATION], client_id), raw[_MAC]):
        return None
    return Presented(spelled[:_GRANT_LETTERS], int.from_bytes(raw[_GENERATION], "big"))


def _proof(key: RefreshKey, grant: bytes, generation: bytes, client_id: str) -> bytes:
    return opaque.mac(key.secret, b"refresh", grant, generation, client_id.encode())
