"""Replicas behind one address, each a process of its own, and the balancer that nobody wants."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import Any
from urllib.parse import urlsplit

import httpcore
from starlette.types import Receive, Scope, Send

from broker.clock import Clock
from tests.replicas.replica import CONTEXT, PATIENCE, SIGNED, SharedClock, heard, work

REPLICAS = 3


@dataclass
class Balancer:
    """Hands each request to the next process: no two in a row get to the same one.

    `answered`: for each answer in turn the process that gave it, and how many it had given by then.
    """

    ports: list[int]
    http: httpcore.AsyncConnectionPool
    answered: list[tuple[int, int]] = field(default_factory=list)
    _turns: Iterator[int] = field(default_factory=itertools.count)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        port = self.ports[next(self._turns) % len(self.ports)]
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        async with self.http.stream(
            scope["method"],
            httpcore.URL(scheme=b"http", host=b"127.0.0.1", port=port, target=target),
            headers=scope["headers"],
            content=body or None,
        ) as answer:
            headers = self._unsigned(answer.headers)
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            async for part in answer.aiter_stream():
                await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    def _unsigned(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        [signature] = [value for name, value in headers if name == SIGNED]
        process, count = signature.split()
        self.answered.append((int(process), int(count)))
        # The server before us puts the date on everything, as the one behind us does.
        return [(name, value) for name, value in headers if name not in (SIGNED, b"date")]


@dataclass
class Crew:
    """Three processes that live for several tests, and the clock that all of them read.

    One that fails, or does not answer in time, is ended together with the others; the next test gets new ones.
    """

    clock: SharedClock = field(default_factory=SharedClock)
    members: list[tuple[Connection, ForkServerProcess]] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def serving(self, environ: Mapping[str, str], clock: Clock) -> AsyncIterator[Balancer]:
        """A broker in each of them."""
        assert clock is self.clock, "they read no other"
        if not self.members:
            self._begin()
        # Given up before the replica gives it up, so that no request is sent to a closed one.
        pool = httpcore.AsyncConnectionPool(max_connections=None, keepalive_expiry=2)
        ports = [urlsplit(origin).port or 0 for origin in await self._told(environ)]
        try:
            async with pool:
                yield Balancer(ports, pool)
        finally:
            assert await self._told("end") == ["ended"] * REPLICAS

    def _begin(self) -> None:
        for _ in range(REPLICAS):
            ours, theirs = CONTEXT.Pipe()
            process = CONTEXT.Process(target=work, args=(self.clock, theirs), daemon=True)
            process.start()
            theirs.close()
            self.members.append((ours, process))

    async def _told(self, word: object) -> list[Any]:
        """What all of them answer."""
        try:
            async with asyncio.timeout(PATIENCE):
                for pipe, _ in self.members:
                    pipe.send(word)
                return [await heard(pipe) for pipe, _ in self.members]
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """End them all."""
        for pipe, _ in self.members:
            pipe.close()
        for _, process in self.members:
            process.join(PATIENCE)
            process.kill()
            process.join()
            process.close()
        self.members.clear()
