"""Apps that refresh without end, whatever happens, and remember every token that they were given."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

import httpx

from broker.clock import stopwatch
from tests.stage import WEB, WEB_SECRET

RETRY_STATUS = 503


@dataclass
class Chain:
    """One grant's tokens in their order. The newest is presented until it is answered with the next."""

    tokens: list[str]
    access_token: str = ""
    answers: list[int] = field(default_factory=list)
    slowest: float = 0.0
    answered_at: float = 0.0

    async def go_on(self, http: httpx.AsyncClient, origins: Sequence[str], turn: int) -> None:
        """Present the newest token once, to the replica whose turn it is."""
        form = {"grant_type": "refresh_token", "refresh_token": self.tokens[-1]}
        began = stopwatch()
        try:
            answer = await http.post(f"{origins[turn % len(origins)]}/token", data=form, auth=(WEB, WEB_SECRET))
        except httpx.TransportError:
            # The replica died meanwhile: a balancer would send the app to another one.
            self.answers.append(0)
            return
        self.slowest = max(self.slowest, stopwatch() - began)
        self.answers.append(answer.status_code)
        if answer.status_code == RETRY_STATUS:
            assert answer.headers["retry-after"] == "2"
            return
        assert answer.status_code == 200, answer.text
        self.answered_at = stopwatch()
        told = answer.json()
        self.access_token = told["access_token"]
        self.tokens.append(told["refresh_token"])


@dataclass
class Load:
    """Several chains at once."""

    chains: list[Chain]
    _progress: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until(self, condition: Callable[[Chain], bool], *, seconds: float = 30) -> None:
        """Wait until it is true of every chain."""
        async with asyncio.timeout(seconds), self._progress:
            await self._progress.wait_for(lambda: all(map(condition, self.chains)))

    async def one_more(self) -> None:
        """Wait until every chain has been given one more token."""
        counts = {id(chain): len(chain.tokens) for chain in self.chains}
        await self.until(lambda chain: len(chain.tokens) > counts[id(chain)])

    async def refused(self) -> None:
        """Wait until every chain is told to come back."""
        counts = {id(chain): len(chain.answers) for chain in self.chains}
        await self.until(lambda chain: RETRY_STATUS in chain.answers[counts[id(chain)] :])

    @contextlib.asynccontextmanager
    async def going_on(self, http: httpx.AsyncClient, *origins: str) -> AsyncIterator[None]:
        """Refresh for the length of the block; fails as the first chain does."""
        stopping = False

        async def drive(chain: Chain, turn: int) -> None:
            while not stopping:
                await chain.go_on(http, origins, turn)
                turn += 1
                async with self._progress:
                    self._progress.notify_all()

        async with asyncio.TaskGroup() as apps:
            for turn, chain in enumerate(self.chains):
                apps.create_task(drive(chain, turn))
            try:
                yield
            finally:
                stopping = True

    async def assert_nothing_was_lost(self, http: httpx.AsyncClient, origin: str) -> None:
        """Every newest token works, and its access token; none but the newest of those spent gets anything."""
        for chain in self.chains:
            bearer = {"Authorization": f"Bearer {chain.access_token}"}
            assert (await http.get(f"{origin}/userinfo", headers=bearer)).status_code == 200
            before = len(chain.tokens)
            await chain.go_on(http, (origin,), 0)
            assert len(chain.tokens) == before + 1
            assert len(set(chain.tokens)) == len(chain.tokens)
            for spent in chain.tokens[:-2]:
                form = {"grant_type": "refresh_token", "refresh_token": spent}
                answer = await http.post(f"{origin}/token", data=form, auth=(WEB, WEB_SECRET))
                assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
