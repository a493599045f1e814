"""Rings made in memory, for tests that need keys and no database."""

from typing import Any

from broker.keys import jwk
from broker.keys import ring as rings
from broker.keys.making import RefreshKey, SigningKey
from broker.keys.ring import Ring
from broker.keys.schedule import Rules
from broker.sealing import Sealer
from broker.store import keys
from broker.store.database import Database
from broker.store.keys import KeyFacts, KeyRow

NOW = 1_800_000_000
DAY = 86_400
# Those of the settings' defaults.
RULES = Rules(max_age=300, lifetime=90 * DAY, token_life=600, refresh_life=30 * DAY, hint_life=30 * DAY)


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


async def ring_in(database: Database, sealer: Sealer, *, now: int) -> Ring:
    """The ring that is kept in a database."""
    return rings.of_rows(await database.read(keys.every), sealer, now=now)


def facts(kid: str = "kid1", **changes: Any) -> KeyFacts:
    """The first key of ES256, made and in use since `NOW`, but for the changes."""
    known: dict[str, Any] = {
        "use": "sig",
        "alg": "ES256",
        "number": 1,
        "created_at": NOW,
        "ready_at": NOW,
        "signs_from": NOW,
        "token_life": 600,
    }
    return KeyFacts(kid=kid, **known | changes)


def key_row(kid: str = "kid1", *, sealed_key: bytes = b"sealed", **changes: Any) -> KeyRow:
    """The same as it is kept."""
    known = facts(kid, **changes)
    times = {name: getattr(known, name) for name in KeyFacts.__slots__}
    return KeyRow(**times, public_jwk="{}", sealed_key=sealed_key)
