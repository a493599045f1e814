"""What a verifier finds at the broker, on a clock that stands still, without a network."""

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import httpx

import attacks
from minting import KEYS, b64, public, sign, thumbprint
from tiktok_broker_verifier import AsyncVerifier, Policy, Verifier
from tiktok_broker_verifier.jwk import to_base64url

NOW = 1_800_000_000
ORIGIN = "https://api.example.com"
LIST = f"{attacks.ISSUER}/status/3"


@dataclass
class Broker:
    """Answers by path; `asked` has every request, `down` answers none, `now` is everybody's time."""

    now: int = NOW
    down: bool = False
    published: Iterable[str] = attacks.PUBLISHED
    headers: dict[str, str] = field(default_factory=lambda: {"Cache-Control": "public, max-age=300"})
    lists: dict[str, str] = field(default_factory=dict)
    raw: dict[str, httpx.Response] = field(default_factory=dict)
    asked: list[httpx.Request] = field(default_factory=list)

    def clock(self) -> int:
        return self.now

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if self.down:
            raise httpx.ConnectError("down", request=request)
        if request.url.path in self.raw:
            return self.raw[request.url.path]
        if request.url.path == "/.well-known/jwks.json":
            body = json.dumps({"keys": [public(name) for name in self.published]})
        else:
            body = self.lists.get(str(request.url), "")
        if not body:
            return httpx.Response(404)
        etag = f'"{hash(body)}"'
        if request.headers.get("if-none-match") == etag:
            return httpx.Response(304, headers=self.headers)
        return httpx.Response(200, content=body, headers={"ETag": etag, **self.headers})

    def count(self, path: str = "/.well-known/jwks.json") -> int:
        """How often this path was asked for."""
        return sum(request.url.path == path for request in self.asked)

    def verifier(self, **changes: Any) -> Verifier:
        http = httpx.Client(transport=httpx.MockTransport(self))
        return Verifier(policy(**changes), http=http, clock=self.clock)

    def async_verifier(self, **changes: Any) -> AsyncVerifier:
        http = httpx.AsyncClient(transport=httpx.MockTransport(self))
        return AsyncVerifier(policy(**changes), http=http, clock=self.clock)

    def publish_list(self, revoked: Iterable[int] = (), **changes: Any) -> None:
        """A status list of one bit each, with changes to its claims; `key`, `typ` and `bits` are changes too."""
        self.lists[LIST] = status_list(revoked, now=self.now, **changes)


def policy(**changes: Any) -> Policy:
    return Policy(**{"issuer": attacks.ISSUER, "audience": attacks.AUDIENCE, "origin": ORIGIN, **changes})


def token(*, key: str = "es256", **changes: Any) -> str:
    """A good token of the broker for the next ten minutes, with changes to its claims."""
    return sign(attacks.header(key), attacks.claims(**{"iat": NOW, "exp": NOW + 600, **changes}), key)


def listed(index: object = 9, uri: object = LIST, **changes: Any) -> str:
    """A token that names a place in a status list."""
    return token(status={"status_list": {"idx": index, "uri": uri}}, **changes)


def status_list(
    revoked: Iterable[int],
    *,
    now: int,
    key: str = "es256",
    typ: str = "statuslist+jwt",
    bits: int = 1,
    **changes: Any,
) -> str:
    """A signed list of a hundred bytes, in which these places say 1."""
    content = bytearray(100)
    for index in revoked:
        place, within = divmod(index, 8 // bits)
        content[place] |= 1 << (within * bits)
    good: dict[str, Any] = {
        "sub": LIST,
        "iat": now,
        "exp": now + 86_400,
        "ttl": 15,
        "status_list": {"bits": bits, "lst": b64(zlib.compress(bytes(content), 9))},
    }
    said = {name: value for name, value in {**good, **changes}.items() if value is not None}
    return sign({"alg": KEYS[key]["alg"], "typ": typ, "kid": KEYS[key]["kid"]}, said, key)


def bound(**changes: Any) -> str:
    """A token bound to the holder's key."""
    return token(cnf={"jkt": thumbprint("holder")}, **changes)


def proof(access_token: str, *, key: str = "holder", header: dict[str, Any] | None = None, **changes: Any) -> str:
    """A good DPoP proof for GET /api/me with this token, with changes; None takes a claim out."""
    said = {
        "htm": "GET",
        "htu": f"{ORIGIN}/api/me",
        "iat": NOW,
        "jti": "the-proof",
        "ath": to_base64url(sha256(access_token.encode()).digest()),
        **changes,
    }
    jwk = {name: value for name, value in public(key).items() if name in ("kty", "crv", "x", "y", "n", "e")}
    head = {"typ": "dpop+jwt", "alg": KEYS[key]["alg"], "jwk": jwk, **(header or {})}
    return sign(head, {name: value for name, value in said.items() if value is not None}, key)
