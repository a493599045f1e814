"""What a backend sees in the status lists, read by PyJWT, zlib and the words of the draft alone."""

import asyncio
import zlib
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import httpx
import jwt

from tests.stage import Stage

SEEN_EVERYWHERE = 2
"""Seconds after which every replica tells of what has ended."""


@dataclass(frozen=True)
class Place:
    """Where a token is told of."""

    path: str
    index: int


@dataclass(frozen=True)
class Read:
    """A list whose signature, type and address were good."""

    claims: dict[str, Any]
    content: bytes
    answer: httpx.Response

    def bit(self, place: Place) -> int:
        """Index 0 is the least significant bit of the first byte."""
        return self.content[place.index // 8] >> place.index % 8 & 1

    @property
    def ended(self) -> int:
        """How many there are in all."""
        return int.from_bytes(self.content, "little").bit_count()


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def place_of(stage: Stage, access_token: str) -> Place:
    """What the token says, which must be an address of the issuer's."""
    status = claims_of(access_token)["status"]
    assert list(status) == ["status_list"]
    assert set(status["status_list"]) == {"idx", "uri"}
    uri: str = status["status_list"]["uri"]
    assert uri.startswith(f"{stage.issuer}/status/")
    return Place(uri.removeprefix(stage.issuer), status["status_list"]["idx"])


async def read(http: httpx.AsyncClient, stage: Stage, path: str) -> Read:
    """The list as this replica has it, verified by the keys that it publishes."""
    answer = await http.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/statuslist+jwt"
    header = jwt.get_unverified_header(answer.text)
    assert (header["typ"], header["alg"]) == ("statuslist+jwt", stage.settings.signing_alg)
    key_set = jwt.PyJWKSet.from_dict((await http.get("/.well-known/jwks.json")).json())
    claims: dict[str, Any] = jwt.decode(
        answer.text,
        key_set[header["kid"]],
        algorithms=[header["alg"]],
        options={"require": ["sub", "iat", "exp"], "verify_exp": False, "verify_iat": False},
    )
    assert claims["sub"] == f"{stage.issuer}{path}"
    assert claims["status_list"]["bits"] == 1
    packed: str = claims["status_list"]["lst"]
    return Read(claims, zlib.decompress(urlsafe_b64decode(packed + "=" * (-len(packed) % 4))), answer)


async def marked(http: httpx.AsyncClient, stage: Stage, tokens: dict[str, str]) -> set[str]:
    """The names of those tokens that this replica says are revoked."""
    places = {name: place_of(stage, token) for name, token in tokens.items()}
    lists = {path: await read(http, stage, path) for path in {place.path for place in places.values()}}
    return {name for name, place in places.items() if lists[place.path].bit(place)}


async def told(
    stage: Stage, replicas: Iterable[httpx.AsyncClient], tokens: dict[str, str], expected: Callable[[str], bool]
) -> None:
    """Return as soon as every replica says it of exactly those that are expected."""
    names = set(filter(expected, tokens))
    for http in replicas:
        found = await marked(http, stage, tokens)
        try:
            async with asyncio.timeout(SEEN_EVERYWHERE):
                while found != names:
                    # Over a socket, so that the brokers, which run in this loop, go on.
                    await stage.http.get("/healthz")
                    found = await marked(http, stage, tokens)
        except TimeoutError:
            raise AssertionError(f"{found} instead of {names}") from None
