"""Keeping the ring: making keys before they are needed, and noticing what changes, here or elsewhere.

Routes: none. Every replica looks once in a second, whatever is asked of it meanwhile; no request ever does. What
is due is decided by `schedule`, and done by whichever replica is first.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Final

from broker import log
from broker.background import beside, woken
from broker.clock import Clock
from broker.keys import ring
from broker.keys.making import RefreshKey, SigningKey, made, opened
from broker.keys.ring import Ring
from broker.keys.schedule import Defer, Forget, Hasten, Make, Prolong, Rules, Step, due
from broker.sealing import Sealer, Unsealable
from broker.store import key_changes, keys
from broker.store.database import Database, DatabaseUnavailable, SchemaMismatch
from broker.store.keys import KeyFacts

_log = log.get("keys")
_LOOK_SECONDS: Final = 1.0


@dataclass(slots=True)
class Rotation:
    """The keeper of one process's ring. `algs` are those that anything may be signed with.

    `followers` are handed every new picture of the keys.
    """

    database: Database
    sealer: Sealer
    algs: Sequence[str]
    rules: Rules
    clock: Clock
    followers: list[Callable[[Ring], object]] = field(default_factory=list)
    ring: Ring = field(default_factory=lambda: Ring((), ()))
    _facts: list[KeyFacts] = field(default_factory=list)
    _known: dict[str, SigningKey | RefreshKey] = field(default_factory=dict)
    _closed: frozenset[str] = frozenset()
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def begin(self) -> Ring:
        """The ring, with a key to sign for everything there is to sign, and the next of each announced.

        Of several replicas that start at once, one makes each key. Raises `DatabaseUnavailable`, and `Unsealable`
        when the rows were sealed under a secret key that is no longer given.
        """
        while True:
            now = self.clock()
            self._facts = await self.database.read(keys.look)
            steps = self._due(now)
            if not steps:
                break
            await self._do(steps, now)
        await self._open(strict=True)
        self.ring = ring.pictured(self._facts, self._known, now=now)
        return self.ring

    def working(self) -> AbstractAsyncContextManager[None]:
        """Look in the background for the length of the block."""
        self._stopping.clear()
        return beside(self._work, self._stopping.set)

    async def _work(self) -> None:
        answered = True
        while not self._stopping.is_set():
            try:
                await self.look()
                answered = True
            except (DatabaseUnavailable, SchemaMismatch) as error:
                if answered:
                    _log.warning("keys.waiting", reason=str(error))
                answered = False
            except Exception as error:
                _log.error("keys.failed", exc_info=error)
            await woken(self._stopping, within=_LOOK_SECONDS)

    async def look(self) -> None:
        """Take up what has changed since the last look, then do what is due; of keys to be made, one.

        Raises `DatabaseUnavailable`; then the ring goes on with time, as it was known.
        """
        now = self.clock()
        try:
            self._facts = await self.database.read(keys.look)
            await self._open(strict=False)
        finally:
            self._show(ring.pictured(self._facts, self._known, now=now))
        steps = self._due(now)
        makes = [step for step in steps if isinstance(step, Make)]
        await self._do([step for step in steps if step not in makes[1:]], now)

    def _due(self, now: int) -> list[Step]:
        return due(self._facts, self.algs, self.rules, now=now)

    async def _do(self, steps: Iterable[Step], now: int) -> None:
        change = self.database.transact
        for step in steps:
            match step:
                case Make(use=use, alg=alg):
                    life = self.rules.life_of(use)
                    row = await asyncio.to_thread(made, step, self.sealer, token_life=life, now=now)
                    if await change(key_changes.make, row, now=now):
                        _log.info("keys.made", kid=row.kid, alg=alg, signs_from=row.signs_from)
                case Hasten():
                    await change(key_changes.hasten, step.kid, at=step.at, now=now)
                case Defer():
                    await change(key_changes.defer, step.kid, ready_at=step.ready_at, now=now)
                case Prolong():
                    await change(key_changes.prolong, step.kid, token_life=step.token_life, now=now)
                case Forget():
                    if await change(key_changes.forget, step.kid, token_life=step.token_life, now=now):
                        _log.info("keys.forgotten", kid=step.kid)

    async def _open(self, *, strict: bool) -> None:
        """Open what is new. A key that does not open is left out, unless `strict`, which raises `Unsealable`."""
        there = {fact.kid for fact in self._facts}
        self._known = {kid: key for kid, key in self._known.items() if kid in there}
        if there <= self._known.keys() | self._closed:
            return
        closed = set()
        for row in await self.database.read(keys.every):
            if row.kid in self._known:
                continue
            try:
                # A thread, because an RSA key is checked while it is read.
                self._known[row.kid] = await asyncio.to_thread(opened, row, self.sealer)
            except Unsealable as error:
                if strict:
                    raise
                closed.add(row.kid)
                _log.error("keys.unsealable", kid=row.kid, reason=str(error))
        self._closed = frozenset(closed)

    def _show(self, new: Ring) -> None:
        if new == self.ring:
            return
        if new.jwks() != self.ring.jwks():
            _log.info("keys.published", kids=[key.kid for key in new.signing])
        self.ring = new
        for follower in self.followers:
            follower(new)
