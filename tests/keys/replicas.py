"""Several replicas on one database, and the verifiers that read their key sets, in a time of their own.

The keepers of the keys and the database are the real ones. Time takes long steps where nothing happens.
"""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from broker.keys.rotation import Rotation
from broker.keys.schedule import LEEWAY_SECONDS, Rules, stale_seconds
from broker.sealing import Sealer, SecretKey, new_secret_key
from broker.store import keys
from broker.store.database import Database
from broker.store.keys import KeyFacts
from tests.keys.made import NOW

ALG = "ES256"
STEP = 5
CALM = 21_600
PERIOD = 30
"""A verifier asks so rarely, in seconds, for the sake of a key that it does not know."""
VERIFIERS_LEEWAY = 240
_SEALER = Sealer([SecretKey(new_secret_key())])


@dataclass
class Clocks:
    """True time."""

    now: int = NOW


@dataclass
class Replica:
    """A process whose clock is `off` by so many seconds."""

    time: Clocks
    off: int
    rotation: Rotation

    def __call__(self) -> int:
        return self.time.now + self.off

    @property
    def published(self) -> frozenset[str]:
        """The key set that it answers with."""
        return frozenset(key.kid for key in self.rotation.ring.signing)


@dataclass
class Cache:
    """What stands between: it answers with what it has for all of `kept_for`, and never says how old that is."""

    replicas: Sequence[Replica]
    chance: random.Random
    kept_for: int
    kids: frozenset[str] = frozenset()
    fetched_at: int = 0

    def fetch(self, now: int) -> frozenset[str]:
        """The key set."""
        if now - self.fetched_at >= self.kept_for:
            self.kids, self.fetched_at = self.chance.choice(self.replicas).published, now
        return self.kids


@dataclass
class Verifier:
    """A backend that keeps the key set for its full `kept_for`, and verifies without asking anybody."""

    source: Cache
    kept_for: int
    kids: frozenset[str] = frozenset()
    fetched_at: int = 0
    asked_at: int = 0
    astonished: int = 0

    def knows(self, kid: str, now: int) -> bool:
        """Whether a token of this key verifies."""
        if now - self.fetched_at >= self.kept_for:
            self.kids, self.fetched_at = self.source.fetch(now), now
        if kid not in self.kids and now - self.asked_at >= PERIOD:
            self.astonished += 1
            self.asked_at = now
            self.kids, self.fetched_at = self.source.fetch(now), now
        return kid in self.kids


@dataclass
class World:
    """Everything, and what is still good of what was ever signed: by `kid`, until when."""

    database: Database
    rules: Rules
    offs: Sequence[int]
    shared: bool = False
    chance: random.Random = field(default_factory=lambda: random.Random(5))
    time: Clocks = field(default_factory=Clocks)
    replicas: list[Replica] = field(default_factory=list)
    verifiers: list[Verifier] = field(default_factory=list)
    tokens: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    refresh_tokens: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    hints: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    everywhere_since: dict[str, int] = field(default_factory=dict)
    signed_since: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    rows: list[KeyFacts] = field(default_factory=list)
    stirred_at: int = NOW

    async def begin(self) -> None:
        """Start every replica; a third of the verifiers each reads one, or all read through one cache."""
        for off in self.offs:
            replica = Replica(self.time, off, Rotation(self.database, _SEALER, (ALG,), self.rules, lambda: 0))
            replica.rotation.clock = replica
            await replica.rotation.begin()
            self.replicas.append(replica)
        # As long as the answer's `max-age` and `stale-while-revalidate` allow together.
        kept_for = self.rules.max_age + stale_seconds(self.rules.max_age)
        cache = Cache(self.replicas, self.chance, kept_for)
        for _ in range(3):
            source = cache if self.shared else Cache(self.replicas, self.chance, 0)
            self.verifiers.append(Verifier(source, kept_for))

    async def restart(self, replica: Replica, **changes: int) -> None:
        """With other settings."""
        replica.rotation.rules = replace(replica.rotation.rules, **changes)
        await replica.rotation.begin()
        self.stirred_at = self.time.now

    async def rotate(self) -> bool:
        """An operator's `keys rotate`, at true time; False when nothing is left to be hastened."""
        now = self.time.now
        done = [
            await self.database.run(keys.hasten, row.kid, at=max(now, row.ready_at))
            for row in self.rows
            if row.signs_from > now
        ]
        self.stirred_at = now
        return any(done)

    async def step(self) -> None:
        """Everybody looks once, in no order; then everybody signs, and everybody verifies."""
        self.time.now += self._pace()
        for replica in self.chance.sample(self.replicas, len(self.replicas)):
            await replica.rotation.look()
        self.rows = await self.database.read(keys.look)
        for replica in self.replicas:
            self._sign(replica)
        self._note()
        self._verify()

    def _pace(self) -> int:
        """Small steps while caches from before a change may be in use, and where something ends."""
        now = self.time.now
        moments = [
            (moment - before, moment + 60)
            for row in self.rows
            for moment, before in ((row.signs_from, 350), (row.signs_from + self.rules.token_life + 300, 60))
        ]
        if now - self.stirred_at < 430 or any(begin <= now <= end for begin, end in moments):
            return STEP
        return min([CALM, *(begin - now for begin, _ in moments if begin > now)])

    def _sign(self, replica: Replica) -> None:
        now, ring = replica(), replica.rotation.ring
        rules = replica.rotation.rules
        kid = ring.signer(ALG, now=now).kid
        self.tokens[kid] = max(self.tokens[kid], now + rules.token_life)
        self.hints[kid] = max(self.hints[kid], now + rules.hint_life)
        refresh = ring.refresher(now=now).kid
        self.refresh_tokens[refresh] = max(self.refresh_tokens[refresh], now + rules.refresh_life)
        self.signed_since.setdefault(kid, self.time.now)

    def _note(self) -> None:
        for row in self.rows:
            if all(row.kid in replica.published for replica in self.replicas):
                self.everywhere_since.setdefault(row.kid, self.time.now)

    def _verify(self) -> None:
        now = self.time.now
        for kid, until in self.tokens.items():
            if now < until + VERIFIERS_LEEWAY:
                for verifier in self.verifiers:
                    if not verifier.knows(kid, now):
                        self.failures.append(f"token of {kid} at {now - NOW}")
        for replica in self.replicas:
            ring = replica.rotation.ring
            for kid, until in self.refresh_tokens.items():
                if replica() < until and ring.refresh_key(kid) is None:
                    self.failures.append(f"refresh token of {kid} at {now - NOW}")
            known = {key.kid for key in (*ring.signing, *ring.past)}
            for kid, until in self.hints.items():
                if replica() < until and kid not in known:
                    self.failures.append(f"hint of {kid} at {now - NOW}")

    def expected(self, replica: Replica) -> Iterator[str]:
        """What is to be published by this replica's clock, reckoned from the rows by nothing but the rule."""
        ring = [row for row in self.rows if row.alg == ALG]
        for row, following in zip(ring, [*ring[1:], None], strict=True):
            if following is None or replica() < following.signs_from + row.token_life + LEEWAY_SECONDS:
                yield row.kid
