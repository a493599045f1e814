"""The one way of a process to TikTok, and a call on it that cannot run away.

httpx's requests and answers on the aiohttp transport: a call costs a third of one through httpx's own pool, and no
more when many are in flight. There is no client around the transport, which would cost half as much again. So no
proxy, netrc or CA variable of the environment is read (the environment belongs to the settings alone), no cookie
is kept, no redirect followed: a call reaches the configured host or fails.
"""

import asyncio
import contextlib
import functools
import ssl
from collections.abc import AsyncIterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from broker.upstream.connector import Trace, Unavailable

CONNECT_SECONDS = 2.0
CALL_SECONDS = 8.0
MAX_ANSWER_BYTES = 64 * 1024

# Who waits for TikTok holds a connection, for up to eight seconds: as many may wait as sign-ins can be done in
# that time, several times over. What is idle is closed after `_KEEP_ALIVE_SECONDS`.
_CONNECTIONS = 16_384
_KEEP_ALIVE_SECONDS = 15.0

_HEADERS: Final = {"Accept-Encoding": "identity", "User-Agent": "tiktok-broker"}

# No connection: name resolution, TCP and TLS failed, or took (with the wait for a free one) too long.
_BEFORE_SENDING = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


@dataclass(frozen=True)
class Answer:
    """A complete HTTP answer of at most `MAX_ANSWER_BYTES`. The body may hold tokens, so `repr` omits it."""

    status: int
    headers: httpx.Headers = field(repr=False)
    body: bytes = field(repr=False)


@functools.cache
def _tls() -> ssl.SSLContext:
    # Reading all certificates takes a while, and they are the same for everybody.
    return httpx.create_ssl_context(trust_env=False)


def upstream_transport() -> AiohttpTransport:
    """The way of every call of this process; `aclose()` it at the end.

    It counts name resolution, connection and TLS handshake as "pool", so that limit is the connect limit too.
    """
    tls = _tls()

    def session() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(ssl=tls, limit=_CONNECTIONS, keepalive_timeout=_KEEP_ALIVE_SECONDS)
        session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        # aiohttp would repeat a lost GET by itself, beside the one repetition that we allow: no other switch.
        session._retry_connection = False
        return session

    return AiohttpTransport(verify=tls, client=session)


@functools.cache
def _limits() -> Mapping[str, float | None]:
    # When the first call is made, so that who measures may give it more time. The answer has the limit of the
    # whole call; one of its own for each piece would be a timer more for each who waits.
    return httpx.Timeout(None, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS).as_dict()


# TikTok has a handful of addresses, and reading one takes a tenth of what a call does.
_address = functools.lru_cache(maxsize=64)(httpx.URL)


def prepared(method: str, url: str, *, headers: Mapping[str, str], content: bytes | None = None) -> httpx.Request:
    """A request as every one of ours: with the time to connect, our name, and nobody asked to compress.

    The whole call has `CALL_SECONDS` at most, which is left to the caller. Raises `httpx.InvalidURL`.
    """
    return httpx.Request(
        method, _address(url), headers={**headers, **_HEADERS}, content=content, extensions={"timeout": _limits()}
    )


def _chunks(response: httpx.Response) -> AsyncIterable[bytes]:
    # To httpx every answer might be packed, and it takes as long to find that none is as to read it.
    stream = response.stream
    if isinstance(stream, httpx.AsyncByteStream) and "Content-Encoding" not in response.headers:
        return stream
    return response.aiter_bytes()


async def ask(
    transport: httpx.AsyncBaseTransport,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    content: bytes | None = None,
    endpoint: str,
    patience: float,
) -> Answer:
    """One call: whole answer within `patience` seconds and `MAX_ANSWER_BYTES`, or `Unavailable`.

    `endpoint` names the call in the error. The answer is asked for uncompressed; one that is compressed all
    the same is measured unpacked, 16 KiB of it at a time. Nothing is tried twice here.
    """
    request = prepared(method, url, headers={**headers, "Accept": "application/json"}, content=content)
    body = bytearray()
    try:
        async with asyncio.timeout(patience):
            response = await transport.handle_async_request(request)
            # RFC 9110 §5.5. Untold, httpx finds out for each answer what all of its headers could be.
            response.headers.encoding = "iso-8859-1"
            async with contextlib.aclosing(response):
                async for chunk in _chunks(response):
                    body += chunk
                    if len(body) > MAX_ANSWER_BYTES:
                        break
    # The transport lets some of aiohttp's errors and those of a malformed status line through unmapped.
    except (httpx.HTTPError, aiohttp.ClientError, OSError, UnicodeError) as error:
        # Where the transport maps, it calls every lost connection a ConnectTimeout: aiohttp's own name is true.
        cause = error.__cause__ if isinstance(error.__cause__, aiohttp.ClientError) else error
        sentence = f"TikTok gave no complete answer ({type(cause).__name__})"
        # `from None`: an httpx error holds the request, and with it the client secret and the code.
        raise Unavailable(sentence, Trace(endpoint), nothing_sent=isinstance(cause, _BEFORE_SENDING)) from None
    if len(body) > MAX_ANSWER_BYTES:
        raise Unavailable(
            f"TikTok's answer is longer than {MAX_ANSWER_BYTES} bytes", Trace(endpoint, response.status_code)
        )
    return Answer(response.status_code, response.headers, bytes(body))
