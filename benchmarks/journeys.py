"""What an app, its backend and a browser do at a target, as the load generator plays it.

Each journey is a generator of requests, so it knows nothing of connections. What it needs must be in stock.
"""

import base64
import hashlib
import itertools
import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from benchmarks.browser import Asking, Browser, World, parameter, shown
from benchmarks.endpoints import Client, Endpoints, discovery
from benchmarks.http import Message, Unexpected
from benchmarks.proofs import Prover

_VERIFIER = "a-verifier-of-at-least-forty-three-characters"
_CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(_VERIFIER.encode()).digest()).decode().rstrip("=")
_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_ACCESS = "urn:ietf:params:oauth:token-type:access_token"


@dataclass(frozen=True, slots=True)
class Parties:
    """Who takes part: the app, the backend that asks about its tokens, and what tokens are asked for.

    `resource` (RFC 8707) goes with every measured request for tokens; what is shown to the target itself is
    asked for without. `tiktok_resource` is the `resource` that means TikTok's token, where those are handed out.
    """

    issuer: str
    app: Client
    backend: Client
    resource: str | None
    tiktok_resource: str | None


@dataclass(slots=True)
class App:
    """A confidential app with a stock of what its journeys spend, each thing once."""

    world: World
    endpoints: Endpoints
    parties: Parties
    prover: Prover = field(default_factory=Prover)
    codes: deque[str] = field(default_factory=deque)
    refresh_tokens: deque[str] = field(default_factory=deque)
    browsers: deque[Browser] = field(default_factory=deque)
    access_tokens: deque[str] = field(default_factory=deque)
    proofs: deque[str] = field(default_factory=deque)
    _visits: Iterator[int] = field(default_factory=itertools.count)

    def sign_in(self) -> Asking[None]:
        """A person in a fresh browser, from the app's request to its tokens."""
        yield from self.come_back()
        yield from self.exchange()

    def come_back(self) -> Asking[None]:
        """The browser's part: the request, TikTok without delay, the way back; a code is in stock after it."""
        yield from self._visit(Browser(self.world))

    def stay(self) -> Asking[None]:
        """A sign-in in a browser that will be used again."""
        browser = Browser(self.world)
        yield from self._visit(browser)
        yield from self.exchange()
        self.browsers.append(browser)

    def resume(self) -> Asking[None]:
        """A sign-in in a browser whose person is signed in already: no TikTok, and new tokens."""
        browser = self.browsers.popleft()
        yield from self._visit(browser)
        yield from self.exchange()
        self.browsers.append(browser)

    def exchange(self) -> Asking[None]:
        """A code to tokens."""
        form = {
            "grant_type": "authorization_code",
            "code": self.codes.popleft(),
            "redirect_uri": self.world.redirect_uri,
            "code_verifier": _VERIFIER,
        }
        yield from self._tokens(self._aimed(form))

    def refresh(self) -> Asking[None]:
        """A refresh token to tokens, among them its successor."""
        yield from self._tokens(self._aimed(self._again()))

    def dpop_refresh(self) -> Asking[None]:
        """The same with a proof of possession, which binds the access token to its key (RFC 9449 §5)."""
        tokens = yield from self._tokens(self._aimed(self._again()), f"DPoP: {self.proofs.popleft()}\r\n")
        if tokens["token_type"] != "DPoP":
            raise Unexpected(f"the token is of type {tokens['token_type']} in spite of the proof")

    def fetch(self) -> Asking[None]:
        """A refresh for the access token, which is kept in stock."""
        tokens = yield from self._tokens(self._again())
        self.access_tokens.append(tokens["access_token"])

    def userinfo(self) -> Asking[None]:
        """Who the access token is about."""
        claims = yield from self._json(
            self.endpoints.read("userinfo_endpoint", f"Authorization: Bearer {self._access_token()}\r\n")
        )
        if "sub" not in claims:
            raise Unexpected("the userinfo says no sub")

    def introspect(self) -> Asking[None]:
        """The app's backend asks whether an access token is good."""
        about = yield from self._json(
            self.endpoints.send("introspection_endpoint", self.parties.backend, {"token": self._access_token()})
        )
        if about["active"] is not True:
            raise Unexpected("the token in stock is not active any more, or the backend may not know")

    def revoke(self) -> Asking[None]:
        """The app throws a refresh token away."""
        form = {"token": self.refresh_tokens.popleft(), "token_type_hint": "refresh_token"}
        _expect_200((yield self.endpoints.send("revocation_endpoint", self.parties.app, form)))

    def hand_out(self) -> Asking[None]:
        """The app's access token for TikTok's of the same person (RFC 8693)."""
        form = {
            "grant_type": _EXCHANGE,
            "subject_token": self._access_token(),
            "subject_token_type": _ACCESS,
            "resource": self.parties.tiktok_resource or "",
        }
        tokens = yield from self._json(self.endpoints.send("token_endpoint", self.parties.app, form))
        if not tokens["access_token"].startswith("act."):
            raise Unexpected("what was handed out is no token of TikTok's stand-in")

    def read_keys(self) -> Asking[None]:
        """The key set."""
        _expect_200((yield self.endpoints.read("jwks_uri")))

    def read_discovery(self) -> Asking[None]:
        """The discovery document."""
        _expect_200((yield discovery(self.parties.issuer)))

    def _visit(self, browser: Browser) -> Asking[None]:
        question = {
            "client_id": self.parties.app.client_id,
            "redirect_uri": self.world.redirect_uri,
            "response_type": "code",
            "scope": "openid profile offline_access",
            "state": "a-state-of-usual-length-0123456789",
            "nonce": "a-nonce-of-usual-length-0123456789",
            "code_challenge": _CHALLENGE,
            "code_challenge_method": "S256",
        }
        url = f"{self.endpoints['authorization_endpoint']}?{urlencode(self._aimed(question))}"
        reached = yield from browser.visit(url, tiktok_code=f"{self._person()}%2A1%214608.va")
        self.codes.append(parameter(reached, "code"))

    def _tokens(self, form: dict[str, str], headers: str = "") -> Asking[dict[str, Any]]:
        tokens = yield from self._json(self.endpoints.send("token_endpoint", self.parties.app, form, headers))
        if not tokens.keys() >= {"access_token", "id_token", "refresh_token"}:
            raise Unexpected(f"the token answer holds {', '.join(tokens)}")
        self.refresh_tokens.append(tokens["refresh_token"])
        return tokens

    def _again(self) -> dict[str, str]:
        return {"grant_type": "refresh_token", "refresh_token": self.refresh_tokens.popleft()}

    def _aimed(self, form: dict[str, str]) -> dict[str, str]:
        return {**form, "resource": self.parties.resource} if self.parties.resource else form

    def _access_token(self) -> str:
        """One of the stock, each in its turn: these are good more than once."""
        self.access_tokens.rotate()
        return self.access_tokens[0]

    def _person(self) -> int:
        """Every other visitor is new; those between have been here before."""
        visit = next(self._visits)
        return visit if visit % 2 == 0 else visit // 4 * 2

    def _json(self, request: bytes) -> Asking[dict[str, Any]]:
        answer = yield request
        _expect_200(answer)
        found: dict[str, Any] = json.loads(answer.body)
        return found


def _expect_200(answer: Message) -> None:
    if answer.status != 200:
        raise Unexpected(f"200 was expected: {shown(answer)}")
