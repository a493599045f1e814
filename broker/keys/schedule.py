"""The timeline of every key: announced, signing, retained, gone.

All of it follows from the rows, the time and the settings, without asking anybody: two replicas that see the same
rows see the same ring. A key's row says when it begins to sign; that is known as soon as it is announced, so keys
change by themselves, at one second, on replicas that know nothing of each other.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Final, TypeAlias

from broker.oauth import status_list
from broker.store.keys import KeyFacts

SIGN: Final = "sig"
REFRESH: Final = "refresh"
MAC: Final = "HS256"
SPREAD_SECONDS: Final = 5
"""After so long every replica has learned of a change."""
LEEWAY_SECONDS: Final = status_list.LEEWAY_SECONDS
"""For how long after its end a verifier may still believe a token: the most generous libraries allow that."""


def stale_seconds(max_age: int) -> int:
    """For how long an old key set may be used while a new one is fetched (RFC 5861 §3), in seconds.

    A tenth of `max_age`. Whoever verifies that often never waits for the key set; a next key is announced, and a
    revoked one believed, hardly longer.
    """
    return max_age // 10


class State(StrEnum):
    """What a key does."""

    ANNOUNCED = "announced"
    """Published, so that every verifier has it when it begins to sign."""
    SIGNING = "signing"
    RETAINED = "retained"
    """Published, because what it signed is still good."""
    GONE = "gone"
    """Not published. For a while its public half still tells whether an old ID token was ours."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the times follow from, all in seconds.

    `max_age` of the published key set; `lifetime`, after which the next key signs; the longest that a token
    (`token_life`) and a refresh token (`refresh_life`) is good; `hint_life`, for which an ID token may name its
    session.
    """

    max_age: int
    lifetime: int
    token_life: int
    refresh_life: int
    hint_life: int

    @property
    def announced_for(self) -> int:
        """How long a key is published before it signs.

        Once for caches on the way and once for the verifier's own, when it counts from the moment of its asking.
        """
        return 2 * self.kept_for + SPREAD_SECONDS

    @property
    def kept_for(self) -> int:
        """How old a key set may be when a cache still answers with it, or a verifier still uses it."""
        return self.max_age + stale_seconds(self.max_age)

    def life_of(self, use: str) -> int:
        """How long what a key of this use signs is good."""
        return self.refresh_life if use == REFRESH else self.token_life

    def remembered_for(self, use: str) -> int:
        """For how long a key that is gone can still be of use."""
        return 0 if use == REFRESH else self.hint_life


@dataclass(frozen=True, slots=True)
class Standing:
    """A key at one moment. Times in epoch seconds, None while unknown: those of its successor decide."""

    key: KeyFacts
    state: State
    signs_until: int | None
    gone_at: int | None


@dataclass(frozen=True, slots=True)
class Make:
    """A key is to be made. Times in epoch seconds."""

    use: str
    alg: str
    number: int
    ready_at: int
    signs_from: int


@dataclass(frozen=True, slots=True)
class Hasten:
    """An announced key is to sign earlier than it was planned: `at`, epoch seconds."""

    kid: str
    at: int


@dataclass(frozen=True, slots=True)
class Defer:
    """An announced key was announced too late for those who may cache for longer than its maker knew.

    It is ready at `ready_at`, epoch seconds.
    """

    kid: str
    ready_at: int


@dataclass(frozen=True, slots=True)
class Prolong:
    """What this key signs is good for longer than its row knows: for `token_life` seconds."""

    kid: str
    token_life: int


@dataclass(frozen=True, slots=True)
class Forget:
    """A key is of no use to anybody any more."""

    kid: str
    token_life: int


Step: TypeAlias = Make | Hasten | Defer | Prolong | Forget


def standings(keys: Sequence[KeyFacts], *, now: int) -> list[Standing]:
    """What every key does now, oldest first within its use and algorithm."""
    return [standing for ring in _rings(keys).values() for standing in _standings(ring, now)]


def due(keys: Sequence[KeyFacts], algs: Sequence[str], rules: Rules, *, now: int) -> list[Step]:
    """What is to be done now, so that each of `algs` and refresh tokens have a key that signs and a next one."""
    rings = _rings(keys)
    steps: list[Step] = []
    for use, alg in (*((SIGN, alg) for alg in algs), (REFRESH, MAC)):
        steps += _due(use, alg, _standings(rings.get((use, alg), ()), now), rules, now)
    for standing in standings(keys, now=now):
        gone_at, key = standing.gone_at, standing.key
        if gone_at is not None and now >= gone_at + rules.remembered_for(key.use):
            steps.append(Forget(key.kid, key.token_life))
    return steps


def earliest(key: KeyFacts, *, now: int) -> int:
    """When an announced key may sign without any verifier missing it."""
    return max(now, key.ready_at)


def _rings(keys: Sequence[KeyFacts]) -> dict[tuple[str, str], tuple[KeyFacts, ...]]:
    ordered = sorted(keys, key=lambda key: (key.use, key.alg, key.number))
    return {ring: tuple(its) for ring, its in groupby(ordered, key=lambda key: (key.use, key.alg))}


def _standings(ring: Sequence[KeyFacts], now: int) -> list[Standing]:
    begun = [place for place, key in enumerate(ring) if key.signs_from <= now]
    # The first, on a replica whose clock is behind that of its maker.
    charge = begun[-1] if begun else 0
    found = []
    for place, key in enumerate(ring):
        until = ring[place + 1].signs_from if place + 1 < len(ring) else None
        gone_at = None if until is None else until + key.token_life + LEEWAY_SECONDS
        if place > charge:
            state = State.ANNOUNCED
        elif place == charge:
            state = State.SIGNING
        else:
            state = State.GONE if gone_at is not None and now >= gone_at else State.RETAINED
        found.append(Standing(key, state, until, gone_at))
    return found


def _due(use: str, alg: str, ring: Sequence[Standing], rules: Rules, now: int) -> Iterator[Step]:
    if not ring:
        # Nobody can hold a key set in which the first key is missing: it may sign at once.
        yield Make(use, alg, 1, ready_at=now, signs_from=now)
        return
    announced = [standing.key for standing in ring if standing.state is State.ANNOUNCED]
    (charge,) = (standing.key for standing in ring if standing.state is State.SIGNING)
    for key in (charge, *announced):
        if key.token_life < rules.life_of(use):
            yield Prolong(key.kid, rules.life_of(use))
    planned = charge.signs_from + rules.lifetime
    if not announced:
        ready_at = now + rules.announced_for
        number = charge.number + 1
        yield Make(use, alg, number, ready_at, signs_from=max(planned, ready_at))
        return
    following = announced[0]
    ready_at = following.created_at + rules.announced_for
    if following.ready_at < ready_at and following.ready_at <= following.signs_from:
        yield Defer(following.kid, ready_at)
    elif following.signs_from > (at := max(planned, earliest(following, now=now))):
        # Longer lifetimes wait for the key after it: one that an operator hastened looks the same.
        yield Hasten(following.kid, at)
