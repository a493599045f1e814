"""One whole sign-in without a person: each step of browser, app and backend, and what it proves."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt

from broker import opaque
from broker.demo.backend import ALGORITHMS, AccessTokens, KeysAway, Refused
from broker.demo.browser import Browser, Page, Stuck

DEADLINE = 60
"""Seconds after which the check gives up, whatever hangs."""

_LOG = "Run it with --verbose and look at the broker's lines for that request."


@dataclass(frozen=True)
class Target:
    """What is checked: the sample app's origin, the broker's issuer, and what they agreed on."""

    app: str
    issuer: str
    client_id: str
    audience: str


class Failed(Exception):
    """A step did not do what it must: what happened, and what to do about it."""

    def __init__(self, happened: str, remedy: str) -> None:
        super().__init__(f"{happened} {remedy}")


async def check(target: Target, say: Callable[[str], None]) -> bool:
    """Sign somebody in, saying each step and then the verified claims; whether everything was right."""
    title = "The check"
    try:
        async with asyncio.timeout(DEADLINE), Browser() as browser:
            run = _Run(target, browser)
            for title, step in run.steps():
                detail = await step()
                say(f"✓ {title:<12}  {detail}")
    except Failed as failure:
        say(f"✗ {title}: {failure}")
    except Stuck as stuck:
        say(f"✗ {title}: {stuck} {_LOG}")
    except TimeoutError:
        say(f"✗ {title}: No end after {DEADLINE} seconds. {_LOG}")
    else:
        say(f"\nVerified claims of the ID token\n{_pretty(run.id_claims)}")
        say(f"\nVerified claims of the access token\n{_pretty(run.access_claims)}")
        say("\nEverything works.")
        return True
    return False


class _Run:
    """The steps, in order, and what each leaves for the next."""

    def __init__(self, target: Target, browser: Browser) -> None:
        self._target = target
        self._browser = browser
        self._jwks_uri = f"{target.issuer}/.well-known/jwks.json"
        self._access = AccessTokens(target.issuer, target.audience, self._jwks_uri)
        self._page: Page
        self.id_claims: dict[str, Any] = {}
        self.access_claims: dict[str, Any] = {}

    def steps(self) -> tuple[tuple[str, Callable[[], Awaitable[str]]], ...]:
        return (
            ("The app", self.open_app),
            ("To TikTok", self.press_button),
            ("Consent", self.consent),
            ("Signed in", self.read_profile),
            ("ID token", self.verify_id_token),
            ("Access token", self.verify_access_token),
            ("Refresh", self.refresh),
            ("Backend", self.call_backend),
            ("Forgery", self.forge),
            ("Sign out", self.sign_out),
        )

    async def open_app(self) -> str:
        self._page = await self._browser.open(f"{self._target.app}/")
        self._needs(self._page.status == 200 and "sign-in" in self._page.links, "the sign-in button")
        return f"{self._target.app} shows the button “{self._page.shown('sign-in')}”"

    async def press_button(self) -> str:
        self._page = await self._browser.open(self._target.app + self._page.links["sign-in"])
        self._needs(bool(self._page.values("person")), "TikTok's page with its people")
        asked = _query(self._page, f"{self._target.issuer}/authorize")
        if asked.get("code_challenge_method") != ["S256"] or not asked.get("state") or not asked.get("nonce"):
            raise Failed("The app asked without PKCE, state or nonce.", "Look at the sample's client settings.")
        return "through the broker, with state, nonce and an S256 challenge"

    async def consent(self) -> str:
        person = self._page.values("person")[0]
        scopes = self._page.values("scope")
        fields = [("person", person), *(("scope", scope) for scope in scopes), ("action", "allow")]
        self._page = await self._browser.submit(self._page, self._page.action, fields)
        self._needs("display-name" in self._page.by_id, "the signed-in page of the app")
        answered = _query(self._page, f"{self._target.app}/callback")
        if "code" not in answered or answered.get("iss") != [self._target.issuer]:
            raise Failed("The broker's answer lacks a code or its issuer.", _LOG)
        return f"person {person} allowed {', '.join(scopes)}, and the broker sent a code to the app"

    async def read_profile(self) -> str:
        name, union_id = self._page.shown("display-name"), self._page.shown("union-id")
        return f"the app shows {name}, union_id {union_id}"

    async def verify_id_token(self) -> str:
        token, access_token = self._tokens()
        self.id_claims = await asyncio.to_thread(self._id_token_claims, token)
        if self.id_claims.get("at_hash") != opaque.half_digest_base64url(access_token, "sha256"):
            raise Failed("The ID token's at_hash is of another access token.", "Look at the broker's claims.")
        return "signature, type, issuer, audience, times and at_hash are right"

    async def verify_access_token(self) -> str:
        self.access_claims = await self._verified_access_token()
        return "signature, type, issuer, audience and times are right"

    async def refresh(self) -> str:
        before = self._tokens()
        self._page = await self._browser.submit(self._page, "/refresh")
        after = self._tokens()
        claims = await self._verified_access_token()
        if before[1] == after[1]:
            raise Failed("The refresh brought the same access token again.", _LOG)
        if claims["sub"] != self.access_claims["sub"]:
            raise Failed("The refresh signed in somebody else.", "Stop using this broker and report it.")
        self.access_claims = claims
        return "new tokens for the same person, verified too"

    async def call_backend(self) -> str:
        self._page = await self._browser.submit(self._page, "/call-backend")
        self._needs(self._page.by_id.get("backend-status") == "200", "an accepted access token")
        self._needs(self.access_claims["sub"] in self._page.shown("backend-answer"), "the same person there")
        return "the API verified the access token and knows the person"

    async def forge(self) -> str:
        header, claims, signature = self._tokens()[1].split(".")
        forged = f"{header}.{claims}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
        try:
            await asyncio.to_thread(self._access.verify, forged)
        except Refused:
            return "a token with a changed signature is refused"
        raise Failed("A token with a changed signature was accepted.", "Stop using this backend and report it.")

    async def sign_out(self) -> str:
        self._page = await self._browser.submit(self._page, "/sign-out")
        self._needs("sign-in" in self._page.links, "the app's page for people who are signed out")
        self._page = await self._browser.open(f"{self._target.app}/")
        self._needs("display-name" not in self._page.by_id, "a page without anybody's name")
        return "the app has forgotten the person"

    def _needs(self, true: bool, expected: str) -> None:
        if not true:
            raise Failed(
                f"Expected {expected}, but {self._page.describe()}.",
                _LOG,
            )

    def _tokens(self) -> tuple[str, str]:
        return self._page.shown("raw-id-token"), self._page.shown("raw-access-token")

    async def _verified_access_token(self) -> dict[str, Any]:
        try:
            return await asyncio.to_thread(self._access.verify, self._tokens()[1])
        except Refused as refusal:
            raise Failed(str(refusal), "Look at the broker's claims and keys.") from refusal
        except KeysAway as away:
            raise Failed(f"{self._jwks_uri} gives no key set.", _LOG) from away

    def _id_token_claims(self, token: str) -> dict[str, Any]:
        try:
            key = jwt.PyJWKClient(self._jwks_uri, timeout=5).get_signing_key_from_jwt(token)
            opened = jwt.decode_complete(
                token,
                key,
                algorithms=ALGORITHMS,
                issuer=self._target.issuer,
                audience=self._target.client_id,
                options={
                    "require": ["iss", "sub", "aud", "exp", "iat", "nonce", "at_hash"],
                    "strict_aud": True,
                },
            )
        except (jwt.PyJWTError, ValueError) as fault:
            raise Failed(f"The ID token does not verify ({fault}).", "Look at the broker's keys.") from fault
        if opened["header"].get("typ") != "JWT":
            raise Failed("The ID token is of another type.", "Look at the broker's claims.")
        claims: dict[str, Any] = opened["payload"]
        return claims


def _query(page: Page, address: str) -> dict[str, list[str]]:
    for url in page.visited:
        if url.partition("?")[0] == address:
            return parse_qs(urlsplit(url).query)
    return {}


def _pretty(claims: dict[str, Any]) -> str:
    return json.dumps(claims, indent=2, ensure_ascii=False)
