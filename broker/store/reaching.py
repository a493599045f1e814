"""One connection to PostgreSQL, whichever of several hosts takes writes just now.

libpq and asyncpg ask the hosts of a URL one after the other: a first one that is gone without a word uses up all
the time there is. Here the next one is asked when the one before has not answered for a moment.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import asyncpg

_HEAD_START_SECONDS: Final = 0.2
_KIND: Final = "target_session_attrs"


def each_host(url: str) -> tuple[str, ...]:
    """The URL once for each of its hosts; with several, a standby is not what is wanted unless the URL says so."""
    parts = urlsplit(url)
    who, at, hosts = parts.netloc.rpartition("@")
    if "," not in hosts:
        return (url,)
    options = parse_qsl(parts.query, keep_blank_values=True)
    if _KIND not in dict(options):
        options.append((_KIND, "read-write"))
    query = urlencode(options)
    return tuple(parts._replace(netloc=f"{who}{at}{host}", query=query).geturl() for host in hosts.split(","))


async def reach(urls: Sequence[str], **options: Any) -> asyncpg.Connection:
    """The first connection to be had; `options` are asyncpg's, its `timeout` for each host.

    Raises what asyncpg raised last.
    """
    waiting = list(urls)
    asked: set[asyncio.Task[asyncpg.Connection]] = set()
    failure: BaseException | None = None
    try:
        while waiting or asked:
            if waiting:
                asked.add(asyncio.create_task(asyncpg.connect(waiting.pop(0), **options)))
            patience = _HEAD_START_SECONDS if waiting else None
            answered, _ = await asyncio.wait(asked, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            for task in answered:
                asked.discard(task)
                failure = task.exception()
                if failure is None:
                    return task.result()
    finally:
        await _give_up(asked)
    raise failure or LookupError("no host to connect to")


async def _give_up(asked: set[asyncio.Task[asyncpg.Connection]]) -> None:
    for task in asked:
        task.cancel()
    for outcome in await asyncio.gather(*asked, return_exceptions=True):
        if isinstance(outcome, asyncpg.Connection):
            outcome.terminate()
