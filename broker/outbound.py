"""The one fetcher for addresses that clients registered: `jwks_uri` and back-channel logout.

A registered address is somebody else's choice, so every call is bounded in time and size, follows no redirect,
and refuses private addresses where the socket is made: after the name has been resolved, so that a name that
points inside is refused too, and one that changes its mind between two look-ups gains nothing by it (RFC 9700
has no section on it; OWASP calls it SSRF).
"""

import asyncio
import contextlib
import functools
import ipaddress
import re
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import httpx
from aiohttp.resolver import ThreadedResolver
from httpx_aiohttp import AiohttpTransport

CONNECT_SECONDS: Final = 2.0
USER_AGENT: Final = "tiktok-broker"
_CALL_SECONDS: Final = 5.0
_MOST_BYTES: Final = 64 * 1024
# RFC 6052 §2.1: behind this prefix a gateway reaches the IPv4 address in the last 32 bits.
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
# What resolvers take for an IPv4 address though it is not in the usual spelling (WHATWG URL §3.5).
_NUMBER: Final = re.compile(r"(.*\.)?(0x[0-9a-f]*|[0-9]+)")

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Unreachable(Exception):
    """No usable answer came from a registered address; the words are for the log."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Which addresses may be called: public ones, and where the operator says so, more."""

    private: bool
    loopback: bool

    def allows(self, address: str) -> bool:
        """Whether a connection to this IP address may be made. Raises ValueError when it is none."""
        ip = _meant(address)
        if ip.is_loopback:
            return self.loopback or self.private
        # Link-local is never an app: it is where clouds hand out the machine's own credentials.
        if ip.is_multicast or ip.is_unspecified or ip.is_reserved or ip.is_link_local:
            return False
        return self.private or not _is_private(ip)

    def refuses(self, url: str) -> str | None:
        """Why this address can be neither registered nor called, as a sentence.

        None when it can, as far as its name tells; what the name resolves to is known when it is called. The
        sentence names the host and no more, since a path or query may hold what is not for logs.
        """
        try:
            parts = urlsplit(url)
        except ValueError:
            return "The address is not a URL."
        host = (parts.hostname or "").removesuffix(".")
        local = host == "localhost" or host.endswith(".localhost")
        try:
            ip = _meant("127.0.0.1" if local else host)
        except ValueError:
            if _NUMBER.fullmatch(host):
                return f"{host} is not the usual spelling of an IP address."
            # Of a name it is not known where it points, so only https can tell who answers.
            return None if parts.scheme == "https" else f"{host} must be called by https."
        if not self.allows(str(ip)):
            if Reach(private=True, loopback=True).allows(str(ip)):
                return f"{host} points into a private network; BROKER_ALLOW_PRIVATE_CALLBACKS allows that."
            return f"{host} is not an address at which an app can be."
        if parts.scheme == "https" or (parts.scheme == "http" and _is_private(ip)):
            return None
        return f"{host} must be called by https."


def _meant(address: str) -> _Address:
    """The IP address that a connection ends at: IPv6 has spellings of IPv4 addresses (RFC 4291, 6052, 3056)."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip in _NAT64:
        return ipaddress.IPv4Address(ip.packed[-4:])
    return ip.ipv4_mapped or ip.sixtofour or ip


def _is_private(ip: _Address) -> bool:
    # RFC 3879: site-local addresses are deprecated, but where they are in use they are inside.
    return not ip.is_global or (isinstance(ip, ipaddress.IPv6Address) and ip.is_site_local)


@dataclass(frozen=True, slots=True)
class _Guarded:
    """Makes the sockets: the last word on where a connection goes."""

    reach: Reach

    def __call__(self, where: tuple[Any, Any, int, str, tuple[Any, ...]]) -> socket.socket:
        family, kind, protocol, _, address = where
        try:
            allowed = self.reach.allows(address[0])
        except ValueError:
            allowed = False
        if not allowed:
            raise PermissionError("a private address")
        return socket.socket(family, kind, protocol)


@dataclass(frozen=True, slots=True)
class Outbound:
    """Calls registered addresses."""

    http: httpx.AsyncClient
    reach: Reach

    async def get(self, url: str) -> bytes:
        """The body of a 200. Raises `Unreachable`."""
        body = bytearray()
        async with self._answer("GET", url, b"") as response:
            if response.status_code != 200:
                raise Unreachable(f"{_host(url)} answered with status {response.status_code}")
            if response.headers.get("content-encoding", "identity") != "identity":
                # Packed in spite of our header, a few bytes could grow beyond every bound.
                raise Unreachable(f"{_host(url)} answered in a content encoding that was not asked for")
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > _MOST_BYTES:
                    raise Unreachable(f"{_host(url)} answered with more than {_MOST_BYTES} bytes")
        return bytes(body)

    async def post_form(self, url: str, form: bytes) -> int:
        """The status with which the form was received; the body is of no interest. Raises `Unreachable`."""
        async with self._answer("POST", url, form) as response:
            return response.status_code

    @contextlib.asynccontextmanager
    async def _answer(self, method: str, url: str, content: bytes) -> AsyncIterator[httpx.Response]:
        fault = self.reach.refuses(url)
        if fault is not None:
            raise Unreachable(fault)
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if content else {}
        try:
            async with (
                asyncio.timeout(_CALL_SECONDS),
                self.http.stream(method, url, content=content or None, headers=headers) as response,
            ):
                yield response
        except (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError, ValueError) as error:
            raise Unreachable(f"{_host(url)} gave no complete answer ({reason(error)})") from None


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def reason(error: BaseException) -> str:
    """The kind of fault, and no text of the libraries: theirs may quote the address."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, PermissionError):
            return "it points into a private network"
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__


@functools.cache
def _tls() -> ssl.SSLContext:
    # Reading all certificates takes a while, and they are the same for everybody.
    return httpx.create_ssl_context(trust_env=False)


def guarded(reach: Reach, *, kept_seconds: float = 0.0) -> aiohttp.TCPConnector:
    """Makes connections that `reach` allows, and keeps idle ones for so long. To be called in a running loop."""
    keeping: dict[str, Any] = {"keepalive_timeout": kept_seconds} if kept_seconds else {"force_close": True}
    return aiohttp.TCPConnector(
        ssl=_tls(), limit=32, resolver=ThreadedResolver(), socket_factory=_Guarded(reach), **keeping
    )


def outbound_client(reach: Reach) -> httpx.AsyncClient:
    """The client behind `Outbound`; `aclose()` it at the end."""

    def session() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(connector=guarded(reach), cookie_jar=aiohttp.DummyCookieJar())

    return httpx.AsyncClient(
        transport=AiohttpTransport(verify=_tls(), client=session),
        timeout=httpx.Timeout(_CALL_SECONDS, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
        follow_redirects=False,
        trust_env=False,
    )
