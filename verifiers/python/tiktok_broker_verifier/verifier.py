"""The two verifiers: the same checks, for code with threads and for code with asyncio."""

import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self

import httpx

from tiktok_broker_verifier.fetching import NOT_KEPT, TIMEOUT, Clock, fetch, fetch_async
from tiktok_broker_verifier.policy import Policy
from tiktok_broker_verifier.presented import Presented
from tiktok_broker_verifier.tokens import AccessToken
from tiktok_broker_verifier.verification import Steps, Verification


class Verifier:
    """Verifies access tokens in any number of threads. Make one for a process, since it keeps what it fetched.

    `http` is used instead of a client of its own, for a proxy or a private certificate; `clock` tells epoch
    seconds. Nothing is fetched before the first token comes.
    """

    def __init__(self, policy: Policy, *, http: httpx.Client | None = None, clock: Clock = time.time) -> None:
        self.policy = policy
        self._checks = Verification(policy)
        self._http = http or httpx.Client(timeout=TIMEOUT, limits=NOT_KEPT)
        self._mine = http is None
        self._clock = clock

    def verify(self, token: str, *, scopes: Iterable[str] = ()) -> AccessToken:
        """A bearer token, by itself. Raises `Refused`, `Unavailable`."""
        return self._run(self._checks.of_bearer(token, scopes, self._clock()))

    def authenticate(self, presented: Presented, *, scopes: Iterable[str] = ()) -> AccessToken:
        """The token of a request, with its proof of possession if it is bound. Raises `Refused`, `Unavailable`."""
        return self._run(self._checks.of_request(presented, scopes, self._clock()))

    def _run(self, steps: Steps[AccessToken]) -> AccessToken:
        try:
            while True:
                fetch(next(steps), self._http, self._clock)
        except StopIteration as end:
            token: AccessToken = end.value
            return token

    def close(self) -> None:
        """Close the connections, if they are its own."""
        if self._mine:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncVerifier:
    """Verifies access tokens in one event loop. As `Verifier` otherwise."""

    def __init__(self, policy: Policy, *, http: httpx.AsyncClient | None = None, clock: Clock = time.time) -> None:
        self.policy = policy
        self._checks = Verification(policy)
        self._http = http or httpx.AsyncClient(timeout=TIMEOUT, limits=NOT_KEPT)
        self._mine = http is None
        self._clock = clock

    async def verify(self, token: str, *, scopes: Iterable[str] = ()) -> AccessToken:
        """A bearer token, by itself. Raises `Refused`, `Unavailable`."""
        return await self._run(self._checks.of_bearer(token, scopes, self._clock()))

    async def authenticate(self, presented: Presented, *, scopes: Iterable[str] = ()) -> AccessToken:
        """The token of a request, with its proof of possession if it is bound. Raises `Refused`, `Unavailable`."""
        return await self._run(self._checks.of_request(presented, scopes, self._clock()))

    async def _run(self, steps: Steps[AccessToken]) -> AccessToken:
        try:
            while True:
                await fetch_async(next(steps), self._http, self._clock)
        except StopIteration as end:
            token: AccessToken = end.value
            return token

    async def aclose(self) -> None:
        """Close the connections, if they are its own."""
        if self._mine:
            await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
