"""Two hundred requests at once, spread over two brokers, by a client that costs less than what it attacks."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

RACERS = 200


@dataclass(frozen=True)
class Arrived:
    """What one of the racers got."""

    status: int
    location: str
    body: str


@dataclass(frozen=True)
class Attempt:
    """One request, to be made at whichever broker."""

    method: str
    path: str
    data: Mapping[str, str] | None = None
    headers: Mapping[str, str] | None = None


async def race(origins: tuple[str, ...], attempts: list[Attempt]) -> list[Arrived]:
    """All at once, in turn at each of the brokers."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:

        async def run(number: int, attempt: Attempt) -> Arrived:
            options: dict[str, Any] = {"data": attempt.data, "headers": attempt.headers, "allow_redirects": False}
            address = origins[number % len(origins)] + attempt.path
            async with session.request(attempt.method, address, **options) as answer:
                return Arrived(answer.status, answer.headers.get("Location", ""), await answer.text())

        return await asyncio.gather(*(run(number, attempt) for number, attempt in enumerate(attempts)))
