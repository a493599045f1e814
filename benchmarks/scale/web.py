"""A browser and an app's backend, as they speak to the service here: HTTP/1.1 over connections that stay."""

import asyncio
import base64
import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any, Final, cast
from urllib.parse import parse_qs, urlencode, urlsplit

from benchmarks.http import Message, split

REDIRECT_URI: Final = "https://app.example/callback"
_VERIFIER: Final = "a-verifier-of-at-least-forty-three-characters"
_CHALLENGE: Final = base64.urlsafe_b64encode(hashlib.sha256(_VERIFIER.encode()).digest()).decode().rstrip("=")
_COOKIE: Final = re.compile(rb"\r\nset-cookie: *([^=;\r]+=[^;\r]+)", re.IGNORECASE)
_LOCATION: Final = re.compile(rb"\r\nlocation: *([^\r]*)", re.IGNORECASE)


class Refused(Exception):
    """The service did not answer as it should have."""


class Connection(asyncio.Protocol):
    """One question, its answer, the next question."""

    def __init__(self) -> None:
        self._received = b""
        self._answer: asyncio.Future[Message] | None = None

    @classmethod
    async def open(cls, port: int) -> "Connection":
        """A connection to a port of loopback."""
        _, connection = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        return connection

    async def ask(self, request: str) -> Message:
        """Send a whole request and wait for its answer. Raises `ConnectionError`."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request.encode())
        return await self._answer

    def close(self) -> None:
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        message, self._received = split(self._received + data)
        if message is not None and self._answer is not None and not self._answer.done():
            self._answer.set_result(message)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("the service closed the connection"))


@dataclass(frozen=True, slots=True)
class Away:
    """Somebody who has been sent to TikTok."""

    state: str
    cookies: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class App:
    """A confidential app at the service, and the browsers of its people."""

    host: str
    client_id: str
    secret: str = field(repr=False)

    async def leave(self, broker: Connection, *headers: str) -> Away:
        """`/authorize` in a fresh browser."""
        question = {
            "client_id": self.client_id,
            "redirect_uri": REDIRECT_URI,
            "response_type": "code",
            "scope": "openid profile offline_access",
            "state": "a-state-of-usual-length-0123456789",
            "nonce": "a-nonce-of-usual-length-0123456789",
            "code_challenge": _CHALLENGE,
            "code_challenge_method": "S256",
        }
        sent = await broker.ask(self._request(f"GET /authorize?{urlencode(question)}", *headers))
        return Away(_told(sent, "state"), b"; ".join(_COOKIE.findall(sent.head)).decode())

    async def arrive(self, broker: Connection, away: Away, person: int, *headers: str) -> str:
        """TikTok has sent the browser back: a code."""
        query = f"code={person}%2A1%214608.va&scopes=user.info.basic&state={away.state}"
        cookie = f"Cookie: {away.cookies}"
        return _told(await broker.ask(self._request(f"GET /callback/tiktok?{query}", cookie, *headers)), "code")

    async def exchange(self, broker: Connection, code: str, *headers: str) -> dict[str, Any]:
        """Tokens for a code."""
        form = {"grant_type": "authorization_code", "code": code}
        form |= {"redirect_uri": REDIRECT_URI, "code_verifier": _VERIFIER}
        return await self._tokens(broker, form, *headers)

    async def refresh(self, broker: Connection, token: str, *headers: str) -> dict[str, Any]:
        """Tokens for a refresh token."""
        return await self._tokens(broker, {"grant_type": "refresh_token", "refresh_token": token}, *headers)

    async def _tokens(self, broker: Connection, form: dict[str, str], *headers: str) -> dict[str, Any]:
        body = urlencode(form)
        pair = base64.b64encode(f"{self.client_id}:{self.secret}".encode()).decode()
        request = self._request(
            "POST /token",
            f"Authorization: Basic {pair}",
            "Content-Type: application/x-www-form-urlencoded",
            f"Content-Length: {len(body)}",
            *headers,
        )
        answer = await broker.ask(request + body)
        if answer.status != 200:
            raise _refusal(answer)
        tokens: dict[str, Any] = json.loads(answer.body)
        return tokens

    def _request(self, what: str, *headers: str) -> str:
        return "\r\n".join((f"{what} HTTP/1.1", f"Host: {self.host}", *headers, "", ""))


def _told(answer: Message, name: str) -> str:
    """What a redirect says under this name."""
    found = _LOCATION.search(answer.head) if answer.status == 302 else None
    told = parse_qs(urlsplit(found[1].decode()).query).get(name) if found else None
    if told is None:
        raise _refusal(answer)
    return told[0]


def _refusal(answer: Message) -> Refused:
    return Refused(f"{answer.head.decode()} {answer.body[:500].decode()}")
