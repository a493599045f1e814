"""One request as anybody would make it from here: bounded in time and size, no redirect followed."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import aiohttp
import httpx

from broker.upstream.http import CALL_SECONDS, MAX_ANSWER_BYTES, prepared


class NoAnswer(Exception):
    """Nothing usable came back; the words name the kind of fault."""


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer: its first bytes, and when its sender believes to have sent it (epoch seconds)."""

    status: int
    date: int | None
    headers: httpx.Headers
    body: bytes


async def get(http: httpx.AsyncBaseTransport, url: str, headers: Mapping[str, str] | None = None) -> Heard:
    """Raises `NoAnswer`."""
    return await ask(http, "GET", url, headers)


async def ask(
    http: httpx.AsyncBaseTransport, method: str, url: str, headers: Mapping[str, str] | None = None
) -> Heard:
    """The same by any method, without a body. Raises `NoAnswer`."""
    body = bytearray()
    try:
        async with asyncio.timeout(CALL_SECONDS):
            response = await http.handle_async_request(prepared(method, url, headers=headers or {}))
            async with contextlib.aclosing(response):
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > MAX_ANSWER_BYTES:
                        break
    except (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError, ValueError) as error:
        cause = error.__cause__ if isinstance(error.__cause__, aiohttp.ClientError) else error
        raise NoAnswer(type(cause).__name__) from None
    return Heard(response.status_code, _seconds(response.headers.get("date")), response.headers, bytes(body))


def _seconds(date: str | None) -> int | None:
    try:
        return int(parsedate_to_datetime(date or "").timestamp())
    except ValueError:
        return None
