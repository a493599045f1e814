"""Where the keys of a client are: registered with it, or published at its `jwks_uri` (RFC 7591 §2, RFC 7517 §5).

A published set is kept for five minutes. Whoever names a key that is not in it causes one more fetch, but not
within thirty seconds of the last, so that forged `kid`s do not turn us against the client's own server.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Final

import orjson

from broker.client_auth.public_key import PublicKey, Unacceptable, usable
from broker.oauth.client_metadata import ClientMetadata
from broker.outbound import Outbound, Unreachable

_KEPT_SECONDS: Final = 5 * 60
_PAUSE_SECONDS: Final = 30
# For so long a set goes on working while its server does not answer. Not for ever: a withdrawn key must end.
_LAST_GOOD_SECONDS: Final = 24 * 60 * 60
_MOST_KEYS: Final = 50
_MOST_SETS: Final = 1_000


@dataclass(slots=True)
class _Published:
    """What is known of one address. Times in epoch seconds; None: not yet."""

    keys: tuple[PublicKey, ...] = ()
    fetched_at: int | None = None
    failed_at: int | None = None
    fault: str = ""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True)
class KeySource:
    """The keys of all clients: registered ones, and the published sets that are kept. One for the process."""

    outbound: Outbound
    _sets: dict[str, _Published] = field(default_factory=dict)

    async def choose(self, metadata: ClientMetadata, alg: str, kid: str | None, *, now: int) -> PublicKey:
        """The client's key for `alg`: the one of this `kid`, or its only one. Raises `Unacceptable`."""
        if metadata.jwks_uri is None:
            return _only(_fitting(usable(metadata.jwks.get("keys", ())), alg, kid))
        fitting = _fitting(await self._published(metadata.jwks_uri, _KEPT_SECONDS, now), alg, kid)
        if not fitting:
            fitting = _fitting(await self._published(metadata.jwks_uri, _PAUSE_SECONDS, now), alg, kid)
        return _only(fitting)

    async def _published(self, uri: str, newer_than: int, now: int) -> tuple[PublicKey, ...]:
        """The set at `uri`, fetched again when it is so many seconds old. Raises `Unacceptable` without one."""
        published = self._set(uri)
        async with published.lock:
            wanted = not _within(published.fetched_at, newer_than, now)
            if wanted and not _within(published.failed_at, _PAUSE_SECONDS, now):
                await self._fetch(uri, published, now)
            if not _within(published.fetched_at, _LAST_GOOD_SECONDS, now):
                raise Unacceptable(f"the key set at its jwks_uri is not to be had: {published.fault}")
            return published.keys

    async def _fetch(self, uri: str, published: _Published, now: int) -> None:
        try:
            published.keys = _keys_in(await self.outbound.get(uri))
            published.fetched_at = now
        except (Unreachable, Unacceptable) as fault:
            published.fault = str(fault)
            published.failed_at = now

    def _set(self, uri: str) -> _Published:
        published = self._sets.pop(uri, None) or _Published()
        if len(self._sets) >= _MOST_SETS:
            # The one nobody has asked for the longest time stands first.
            del self._sets[next(iter(self._sets))]
        self._sets[uri] = published
        return published


def _keys_in(body: bytes) -> tuple[PublicKey, ...]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Unacceptable("it is not JSON") from None
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list):
        raise Unacceptable("it is not a JWK Set")
    if len(keys) > _MOST_KEYS:
        raise Unacceptable(f"it has more than {_MOST_KEYS} keys")
    return usable(keys)


def _fitting(keys: tuple[PublicKey, ...], alg: str, kid: str | None) -> list[PublicKey]:
    return [key for key in keys if key.alg == alg and kid in (None, key.kid)]


def _only(fitting: list[PublicKey]) -> PublicKey:
    if not fitting:
        raise Unacceptable("the client has no such key for its alg")
    if len(fitting) > 1:
        raise Unacceptable("several keys of the client fit, and kid names none of them alone")
    return fitting[0]


def _within(then: int | None, span: int, now: int) -> bool:
    # In either direction, so that a clock set back does not freeze a set.
    return then is not None and abs(now - then) < span
