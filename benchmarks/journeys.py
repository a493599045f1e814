"""What an app, its backend and a browser do at the broker, as the load generator plays it."""

import base64
import hashlib
import itertools
import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from benchmarks.http import Connection, Message

_VERIFIER = "a-verifier-of-at-least-forty-three-characters"
_CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(_VERIFIER.encode()).digest()).decode().rstrip("=")


class Unexpected(Exception):
    """The broker did not answer as it should have: the benchmark ends here."""


@dataclass(slots=True)
class App:
    """A confidential app with a stock of codes to exchange and of refresh tokens to spend."""

    host: str
    client_id: str
    client_secret: str
    redirect_uri: str
    codes: deque[str] = field(default_factory=deque)
    refresh_tokens: deque[str] = field(default_factory=deque)
    _visits: Iterator[int] = field(default_factory=itertools.count)

    async def sign_in(self, broker: Connection) -> None:
        """A person in a fresh browser, from the app's request to its tokens."""
        await self.come_back(broker)
        await self.exchange(broker)

    async def come_back(self, broker: Connection) -> None:
        """The browser's part: `/authorize`, TikTok without delay, the callback; a code is in stock after it."""
        question = {
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "scope": "openid profile offline_access",
            "state": "a-state-of-usual-length-0123456789",
            "nonce": "a-nonce-of-usual-length-0123456789",
            "code_challenge": _CHALLENGE,
            "code_challenge_method": "S256",
        }
        sent = await broker.ask(self._get(f"/authorize?{urlencode(question)}"))
        _expect(sent, 302)
        state = _parameter(sent.location, "state")
        arrival = f"/callback/tiktok?code={self._person()}%2A1%214608.va&scopes=user.info.basic&state={state}"
        back = await broker.ask(self._get(arrival, cookies=sent.cookies))
        _expect(back, 302)
        self.codes.append(_parameter(back.location, "code"))

    async def exchange(self, broker: Connection) -> None:
        """A code to tokens."""
        form = {
            "grant_type": "authorization_code",
            "code": self.codes.popleft(),
            "redirect_uri": self.redirect_uri,
            "code_verifier": _VERIFIER,
        }
        await self._token(broker, form)

    async def refresh(self, broker: Connection) -> None:
        """A refresh token to tokens, among them its successor."""
        await self._token(broker, {"grant_type": "refresh_token", "refresh_token": self.refresh_tokens.popleft()})

    async def read_keys(self, broker: Connection) -> None:
        """The key set."""
        _expect(await broker.ask(self._get("/.well-known/jwks.json")), 200)

    async def _token(self, broker: Connection, form: dict[str, str]) -> None:
        answer = await broker.ask(self._post("/token", urlencode(form).encode()))
        _expect(answer, 200)
        tokens: dict[str, Any] = json.loads(answer.body)
        if not tokens.keys() >= {"access_token", "id_token", "refresh_token"}:
            raise Unexpected(f"the token answer holds {', '.join(tokens)}")
        self.refresh_tokens.append(tokens["refresh_token"])

    def _person(self) -> int:
        """Every other visitor is new; those between have been here before."""
        visit = next(self._visits)
        return visit if visit % 2 == 0 else visit // 4 * 2

    def _get(self, target: str, *, cookies: bytes = b"") -> bytes:
        cookie = b"Cookie: %s\r\n" % cookies if cookies else b""
        return b"GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n" % (target.encode(), self.host.encode(), cookie)

    def _post(self, target: str, body: bytes) -> bytes:
        pair = f"{quote(self.client_id)}:{quote(self.client_secret)}"
        return (
            f"POST {target} HTTP/1.1\r\nHost: {self.host}\r\n"
            f"Authorization: Basic {base64.b64encode(pair.encode()).decode()}\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body


def _expect(answer: Message, status: int) -> None:
    if answer.status != status:
        raise Unexpected(f"{status} was expected: {answer.head.decode()} {answer.body[:500].decode()}")


def _parameter(location: bytes, name: str) -> str:
    query = location.decode().partition("?")[2]
    found = [value for key, _, value in (pair.partition("=") for pair in query.split("&")) if key == name]
    if not found:
        raise Unexpected(f"no {name} in the redirect to {location.decode()}")
    return found[0]
