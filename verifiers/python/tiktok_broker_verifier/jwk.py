"""Public keys, read strictly from JSON Web Keys (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2).

A key has exactly one algorithm: what was made for one is never tried with another (RFC 8725 §3.1).
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import jwt

ALGORITHMS: Final = ("ES256", "RS256", "PS256", "EdDSA")
"""What a broker may be set to sign with. All of them need a private key: nobody can sign with what is public."""

_MEMBERS: Final = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n"), "OKP": ("crv", "kty", "x")}
_CURVES: Final = {"EC": "P-256", "OKP": "Ed25519"}
_KIND_OF: Final = {"ES256": "EC", "RS256": "RSA", "PS256": "RSA", "EdDSA": "OKP"}
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_MODULUS_BITS: Final = range(2048, 4096 + 1)


class BadKey(Exception):
    """Not a public key of a kind that is understood here."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that verifies `alg` and nothing else."""

    alg: str
    members: Mapping[str, str]
    verifier: jwt.PyJWK

    @property
    def thumbprint(self) -> str:
        """RFC 7638 §3 with SHA-256, in base64url."""
        canonical = json.dumps(dict(self.members), separators=(",", ":"), sort_keys=True)
        return to_base64url(hashlib.sha256(canonical.encode()).digest())


def read(jwk: object, *, alg: str | None = None) -> PublicKey:
    """The public key in a JWK, for `alg` or else for the algorithm that it names. Raises `BadKey`."""
    if not isinstance(jwk, dict):
        raise BadKey("not an object")
    if not _PRIVATE.isdisjoint(jwk):
        raise BadKey("a private or a shared key")
    named = jwk.get("alg", alg)
    alg = alg or named
    if not isinstance(alg, str) or alg not in _KIND_OF or named != alg or jwk.get("use", "sig") != "sig":
        raise BadKey("not for signatures with a known algorithm")
    kind = _KIND_OF[alg]
    members = {name: str(jwk.get(name)) for name in _MEMBERS[kind]}
    if members["kty"] != kind or members.get("crv") != _CURVES.get(kind):
        raise BadKey("not of the algorithm's kind")
    _check_numbers(members)
    try:
        return PublicKey(alg, members, jwt.PyJWK(members, algorithm=alg))
    except (jwt.PyJWTError, ValueError):
        raise BadKey("no point of its curve, or no RSA key") from None


def read_set(body: bytes) -> Mapping[str, PublicKey]:
    """The usable keys of a key set by their `kid` (RFC 7517 §5). Raises ValueError when there is none."""
    content = json.loads(body)
    listed = content.get("keys") if isinstance(content, dict) else None
    if not isinstance(listed, list):
        raise ValueError("not a key set")
    keys: dict[str, PublicKey] = {}
    for jwk in listed:
        try:
            key = read(jwk)
        except BadKey:
            continue  # RFC 7517 §5: a key that is not understood does not spoil the others.
        if isinstance(jwk.get("kid"), str):
            keys[jwk["kid"]] = key
    if not keys:
        raise ValueError("no key in it can be used")
    return keys


def to_base64url(raw: bytes) -> str:
    """RFC 7515 §2: without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def from_base64url(text: object) -> bytes:
    """The bytes of the one canonical spelling. Raises ValueError for any other."""
    if not isinstance(text, str) or not text.isascii():
        raise ValueError("not base64url")
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise ValueError("not base64url") from None
    if to_base64url(raw) != text:
        raise ValueError("not canonical base64url")
    return raw


def _check_numbers(members: Mapping[str, str]) -> None:
    try:
        numbers = {name: from_base64url(members[name]) for name in members if name not in ("kty", "crv")}
    except ValueError:
        raise BadKey("a member is out of shape") from None
    for name, number in numbers.items():
        if name in ("x", "y"):
            fits = len(number) == 32
        elif name == "n":
            fits = number[:1] != b"\0" and int.from_bytes(number, "big").bit_length() in _MODULUS_BITS
        else:
            # RFC 8017 asks for a number, nearly everybody takes 65537; a long one only makes work.
            fits = 0 < len(number) <= 4
        if not fits:
            raise BadKey("a member is out of shape")
