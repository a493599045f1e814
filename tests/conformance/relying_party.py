"""The relying party that the OpenID Foundation's suite is: asks without PKCE, checks all that it is told.

Each has a browser of its own. What comes back is checked at every visit, whatever the test is about: `state` and
`iss` (RFC 9207 §2.4) at the redirect URI, the caching headers and the ID token at the token endpoint.
"""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import jwt

from broker import opaque
from tests.stage import HeldClock, Stage

CALLBACK = "https://suite.example/test/a/broker/callback"


@dataclass(frozen=True)
class Registered:
    """A client as the suite is configured with it."""

    client_id: str
    secret: str
    redirect_uri: str = CALLBACK
    method: str = "client_secret_basic"


FIRST = Registered("cli_suite_1", "brs_suite-secret-1")
SECOND = Registered(
    "cli_suite_2", "brs_suite-secret-2", f"{CALLBACK}?dummy1=lorem&dummy2=ipsum", "client_secret_post"
)


@dataclass(frozen=True)
class SignedIn:
    """One finished sign-in: the token response and the verified claims of its ID token."""

    code: str
    tokens: dict[str, Any] = field(repr=False)
    claims: dict[str, Any]


@dataclass
class RelyingParty:
    """One client in one browser."""

    stage: Stage
    browser: httpx.AsyncClient
    provider: dict[str, Any]
    keys: dict[str, jwt.PyJWK]
    client: Registered = FIRST
    response_mode: str = "query"

    def question(self, **changes: str | None) -> dict[str, str]:
        """What the suite asks, with changes; None takes a parameter out. Neither PKCE nor `offline_access`."""
        asked: dict[str, str | None] = {
            "client_id": self.client.client_id,
            "redirect_uri": self.client.redirect_uri,
            "response_type": "code",
            "scope": "openid",
            "state": opaque.secret(),
            "nonce": opaque.secret(),
            "response_mode": None if self.response_mode == "query" else self.response_mode,
            **changes,
        }
        return {name: value for name, value in asked.items() if value is not None}

    async def open(self, asked: dict[str, str], *, post: bool = False, person: str = "p1") -> httpx.Response:
        """Go through every page of the broker and of TikTok: the last answer before the app, or a page."""
        address = self.provider["authorization_endpoint"]
        if post:
            response = await self.browser.post(address, data=asked)
        else:
            response = await self.browser.get(address, params=asked)
        while response.is_redirect:
            location = response.headers["location"]
            if location.startswith(f"{self.stage.simulator}/"):
                location = await self.stage.consent(self.browser, location, person=person)
            elif not location.startswith(f"{self.stage.issuer}/"):
                break
            response = await self.browser.get(location)
        return response

    async def ask(self, *, post: bool = False, person: str = "p1", **changes: str | None) -> dict[str, str]:
        """One visit: what the redirect URI receives, without `state` and `iss`, which are checked here."""
        asked = self.question(**changes)
        answer = self.received(await self.open(asked, post=post, person=person))
        assert answer.pop("iss") == self.provider["issuer"]
        assert answer.pop("state", None) == asked.get("state")
        return answer

    def received(self, response: httpx.Response) -> dict[str, str]:
        """The parameters that arrive, in the response mode that was asked for and no other."""
        if self.response_mode == "form_post":
            assert response.status_code == 200, response.text
            page = Form()
            page.feed(response.text)
            assert (page.action, page.method) == (self.client.redirect_uri, "post")
            return page.fields
        assert response.status_code in (302, 303), response.text
        location = urlsplit(response.headers["location"])
        own = urlsplit(self.client.redirect_uri)
        assert (location.scheme, location.netloc, location.path) == (own.scheme, own.netloc, own.path)
        assert location.fragment == ""
        pairs = parse_qsl(location.query, keep_blank_values=True, strict_parsing=True)
        kept = parse_qsl(own.query)
        assert pairs[: len(kept)] == kept
        added = pairs[len(kept) :]
        assert len(dict(added)) == len(added)
        return dict(added)

    async def token(self, **form: str) -> httpx.Response:
        """POST to the token endpoint, authenticated as registered."""
        return await self.authenticated("token_endpoint", **form)

    async def authenticated(self, endpoint: str, **form: str) -> httpx.Response:
        """POST to an endpoint of the back channel, authenticated as registered."""
        address = self.provider[endpoint]
        me = {"client_id": self.client.client_id, "client_secret": self.client.secret}
        if self.client.method == "client_secret_post":
            return await self.stage.http.post(address, data={**form, **me})
        return await self.stage.http.post(address, data=form, auth=(me["client_id"], me["client_secret"]))

    async def redeem(self, code: str, **more: str) -> httpx.Response:
        """Trade the code."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.client.redirect_uri}
        return await self.token(**form, **more)

    async def sign_in(self, *, person: str = "p1", post: bool = False, **changes: str | None) -> SignedIn:
        """A whole sign-in, all of it checked."""
        nonce = changes.setdefault("nonce", opaque.secret())
        answer = await self.ask(person=person, post=post, **changes)
        assert set(answer) == {"code"}
        response = await self.redeem(answer["code"])
        tokens = token_response(response)
        claims = self.id_token(tokens["id_token"], access_token=tokens["access_token"])
        # OIDC Core §3.1.3.7 rule 11: the nonce of the request, and none where none was sent.
        assert claims.get("nonce") == nonce
        return SignedIn(answer["code"], tokens, claims)

    def id_token(self, encoded: str, *, access_token: str) -> dict[str, Any]:
        """The claims, verified as OIDC Core §3.1.3.7 has a client do it."""
        header = jwt.get_unverified_header(encoded)
        key = self.keys[header["kid"]]
        claims: dict[str, Any] = jwt.decode(
            encoded,
            key,
            algorithms=["RS256"],
            audience=self.client.client_id,
            issuer=self.provider["issuer"],
            options={"verify_exp": False, "verify_iat": False, "require": ["iss", "sub", "aud", "exp", "iat"]},
        )
        now = self.stage.clock()
        assert claims["iat"] <= now < claims["exp"]
        assert claims["azp"] == self.client.client_id
        assert 0 < len(claims["sub"]) <= 255
        assert claims["sub"].isascii()
        assert claims["at_hash"] == opaque.half_digest_base64url(access_token, "sha256")
        return claims

    async def userinfo(self, access_token: str) -> dict[str, Any]:
        """The claims at the UserInfo endpoint, which must be JSON."""
        response = await self.stage.http.get(self.provider["userinfo_endpoint"], headers=bearer(access_token))
        assert response.status_code == 200, response.text
        assert response.headers["content-type"] == "application/json"
        claims: dict[str, Any] = response.json()
        return claims

    @property
    def clock(self) -> HeldClock:
        """The time of everybody involved."""
        return self.stage.clock


class Form(HTMLParser):
    """The one form of a page: where it goes, and its hidden fields."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.method = ""
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        if tag == "form":
            assert not self.action, "a second form"
            self.action, self.method = named["action"], named["method"].lower()
        elif tag == "input" and named.get("name"):
            assert named["type"] == "hidden"
            assert named["name"] not in self.fields
            self.fields[named["name"]] = named.get("value", "")


def token_response(response: httpx.Response) -> dict[str, Any]:
    """A successful token response (RFC 6749 §5.1, OIDC Core §3.1.3.3)."""
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    tokens: dict[str, Any] = response.json()
    assert tokens["token_type"] == "Bearer"
    assert tokens["access_token"].isascii()
    assert tokens["expires_in"] > 0
    return tokens


def bearer(access_token: str) -> dict[str, str]:
    """The header of RFC 6750 §2.1."""
    return {"Authorization": f"Bearer {access_token}"}
