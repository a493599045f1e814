"""Rings made in memory, for tests that need keys and no database."""

from broker.keys import jwk
from broker.keys.ring import RefreshKey, Ring, SigningKey

NOW = 1_800_000_000


def signing_key(alg: str = "ES256", *, signs_from: int = NOW) -> SigningKey:
    """A fresh key."""
    private = jwk.generate(alg)
    public = jwk.public_jwk(private, alg)
    return SigningKey(public["kid"], alg, private, public, signs_from)


def refresh_key(number: int = 1, *, signs_from: int = NOW) -> RefreshKey:
    """The same key for the same number."""
    return RefreshKey(f"{number:08x}", bytes([number]) * 32, signs_from)


def ring(*algs: str) -> Ring:
    """One key for each of `algs`, and one for refresh tokens."""
    return Ring(tuple(signing_key(alg) for alg in algs or ("ES256",)), (refresh_key(),))
