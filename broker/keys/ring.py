"""Which key signs, and which still verify.

The ring is a picture of the `signing_keys` rows at one moment. A key signs from `signs_from` on, until a younger
one of its use and algorithm does.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from broker.keys.making import RefreshKey, SigningKey, opened
from broker.keys.schedule import State, standings
from broker.sealing import Sealer
from broker.store.keys import KeyFacts, KeyRow

Key = TypeVar("Key", SigningKey, RefreshKey)


@dataclass(frozen=True, slots=True)
class Ring:
    """The keys as of one moment, oldest first.

    `past` are gone from the published set: no token of theirs is good, but an old ID token may still be a hint.
    """

    signing: tuple[SigningKey, ...]
    refresh: tuple[RefreshKey, ...]
    past: tuple[SigningKey, ...] = ()

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
        return {"keys": [key.public_jwk for key in self.signing]}


def _in_charge(keys: Sequence[Key], now: int) -> Key:
    """The youngest that has begun to sign; the first, on a replica whose clock is behind that of its maker."""
    if not keys:
        raise LookupError("the ring has no key for this")
    return next((key for key in reversed(keys) if key.signs_from <= now), keys[0])


def pictured(facts: Iterable[KeyFacts], known: Mapping[str, SigningKey | RefreshKey], *, now: int) -> Ring:
    """The ring as it is now, of keys that have been opened (`known`, by `kid`)."""
    signing: list[SigningKey] = []
    refresh: list[RefreshKey] = []
    past: list[SigningKey] = []
    for standing in standings(list(facts), now=now):
        key = known.get(standing.key.kid)
        if isinstance(key, SigningKey):
            kept = past if standing.state is State.GONE else signing
            kept.append(replace(key, signs_from=standing.key.signs_from))
        elif isinstance(key, RefreshKey) and standing.state is not State.GONE:
            refresh.append(replace(key, signs_from=standing.key.signs_from))
    return Ring(tuple(signing), tuple(refresh), tuple(past))


def of_rows(rows: Sequence[KeyRow], sealer: Sealer, *, now: int) -> Ring:
    """The ring of these rows. Raises `Unsealable`."""
    return pictured(rows, {row.kid: opened(row, sealer) for row in rows}, now=now)
