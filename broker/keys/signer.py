"""Signing and verifying JWTs with the keys of the ring (RFC 7515, RFC 7519), by PyJWT."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import jwt
import orjson

from broker import opaque
from broker.keys.making import SigningKey
from broker.keys.ring import Ring

_SLOW: Final = frozenset({"RS256", "PS256"})
_MOST_REMEMBERED: Final = 1024


class BadSignature(Exception):
    """Not a JWT that this broker signed with this `typ`."""


class Signer:
    """Signs with the ring's key of the moment."""

    def __init__(self, ring: Ring) -> None:
        self.use(ring)

    def use(self, ring: Ring) -> None:
        """Go on with another picture of the keys."""
        self.ring = ring
        self._by_header: dict[tuple[str, bool], Mapping[str, SigningKey]] = {}
        # What a key has proved goes when the keys change.
        self._verified: dict[bytes, None] = {}

    async def sign(self, claims: dict[str, Any], *, typ: str, alg: str, now: int) -> str:
        """A compact JWS of the claims."""
        key = self.ring.signer(alg, now=now)
        if alg in _SLOW:
            # An RSA signature holds the loop for half a millisecond; a thread costs less than that.
            return await asyncio.to_thread(_sign, claims, key, typ)
        return _sign(claims, key, typ)

    def verify(self, token: str, *, typ: str, past: bool = False) -> dict[str, Any]:
        """The claims of a JWT that this broker signed as `typ`; `past` counts keys that are gone, too.

        Raises `BadSignature`.

        The protected header must be, to the letter, one that we write. So no `alg`, `typ` or `kid` of somebody
        else's choosing is ever acted upon, and an unknown `crit`, an embedded `jwk` or a `jku` is refused with
        everything else (RFC 8725 §3.1, §3.11; RFC 7515 §4.1.11).

        A signature that was good stays good, so that of a token which came lately is not looked at again. Whether
        the token is still to be believed, its claims and the database are asked each time.
        """
        header, _, rest = token.partition(".")
        key = self._expected_headers(typ, past).get(header)
        if key is None:
            raise BadSignature("the header is not one of ours")
        # All of the token, its header with `typ` and `kid` included.
        name = opaque.digest(token)
        signed = opaque.from_base64url(rest.partition(".")[0]) if name in self._verified else None
        if signed is not None:
            claims: dict[str, Any] = orjson.loads(signed)
            return claims
        claims = _proven(token, rest, key)
        if len(self._verified) >= _MOST_REMEMBERED:
            del self._verified[next(iter(self._verified))]
        self._verified[name] = None
        return claims

    def _expected_headers(self, typ: str, past: bool) -> Mapping[str, SigningKey]:
        known = self._by_header.get((typ, past))
        if known is None:
            keys = (*self.ring.past, *self.ring.signing) if past else self.ring.signing
            known = self._by_header[typ, past] = {_header_segment(key, typ): key for key in keys}
        return known


def _proven(token: str, rest: str, key: SigningKey) -> dict[str, Any]:
    if opaque.from_base64url(rest.rpartition(".")[2]) is None:
        # PyJWT skips over characters outside the alphabet; then one token would have many spellings.
        raise BadSignature("the signature is not canonical base64url")
    try:
        return jwt.decode(
            token,
            key.private.public_key(),
            algorithms=[key.alg],
            options={
                "verify_signature": True,
                # The claims are checked in sight, against a time that is passed in.
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
                "verify_aud": False,
                "verify_iss": False,
                "verify_sub": False,
                "verify_jti": False,
            },
        )
    except jwt.PyJWTError as error:
        raise BadSignature(type(error).__name__) from None


def _sign(claims: dict[str, Any], key: SigningKey, typ: str) -> str:
    """RFC 7515 §3.1, spelled out: what PyJWT does around the signature costs as much as the signature."""
    signed = f"{_header_segment(key, typ)}.{opaque.base64url(orjson.dumps(claims))}"
    signature = jwt.get_algorithm_by_name(key.alg).sign(signed.encode("ascii"), key.private)
    return f"{signed}.{opaque.base64url(signature)}"


def _header_segment(key: SigningKey, typ: str) -> str:
    """The first part of what `_sign` makes: the only headers that `verify` accepts."""
    header = {"alg": key.alg, "kid": key.kid, "typ": typ}
    return opaque.base64url(orjson.dumps(header, option=orjson.OPT_SORT_KEYS))
