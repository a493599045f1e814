"""The public keys of clients, read strictly from JSON Web Keys (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2).

A kind of key has exactly one algorithm here, so that what was made for one is never tried with another
(RFC 8725 §3.1, §3.2). The three are those of FAPI 2.0 Security Profile §5.4: no PKCS #1 v1.5, nothing shared.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import jwt
import orjson

from broker import opaque

ALGORITHMS: Final = ("ES256", "PS256", "EdDSA")
"""What a client may sign with."""

_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_COORDINATE_BYTES: Final = 32
# NIST SP 800-131A wants 2048 bits; beyond 4096 a verification costs more than a proof is worth.
_MODULUS_BITS: Final = range(2048, 4096 + 1)
# A longer exponent would only make the verification slow; RFC 8017 calls for one, nearly everybody uses 65537.
_LONGEST_EXPONENT_BYTES: Final = 4


class Unacceptable(Exception):
    """A key, a signature or a claim that proves nothing. The words quote nothing that was sent."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that verifies `alg`. `members` are the required public ones, each in its one canonical spelling."""

    alg: str
    kid: str | None
    members: Mapping[str, str]

    @property
    def thumbprint(self) -> str:
        """RFC 7638 §3 with SHA-256: 43 characters of base64url."""
        return opaque.sha256_base64url(orjson.dumps(self.members, option=orjson.OPT_SORT_KEYS).decode())

    def verifier(self) -> jwt.PyJWK:
        """The key for PyJWT, bound to its algorithm. Raises `Unacceptable` when the numbers are no key."""
        try:
            return jwt.PyJWK(dict(self.members), algorithm=self.alg)
        except jwt.PyJWTError:
            raise Unacceptable("the key is not a point of its curve or not an RSA key") from None


def read(jwk: object) -> PublicKey:
    """The public key in a JWK; private members are left where they are. Raises `Unacceptable`."""
    if not isinstance(jwk, dict):
        raise Unacceptable("the key is not a JSON object")
    alg, names = _kind(jwk)
    # RFC 7517 §4.2 to §4.4: what the owner says the key is for, binds us.
    if jwk.get("use", "sig") != "sig" or jwk.get("alg", alg) != alg:
        raise Unacceptable(f"the key is not meant for signatures with {alg}")
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        raise Unacceptable("the key is not meant to verify")
    kid = jwk.get("kid")
    if kid is not None and not isinstance(kid, str):
        raise Unacceptable("the kid of the key is not a string")
    members = {name: jwk[name] for name in names}
    _refuse_misshapen(members)
    return PublicKey(alg=alg, kid=kid, members=members)


def usable(keys: Iterable[object]) -> tuple[PublicKey, ...]:
    """RFC 7517 §5: a key that is not understood is passed over, and does not spoil the others."""
    understood = []
    for jwk in keys:
        try:
            understood.append(read(jwk))
        except Unacceptable:
            continue
    return tuple(understood)


def has_private_members(jwk: Mapping[str, Any]) -> bool:
    """Whether the JWK gives away what must stay with its owner (RFC 7518 §6.2.2, §6.3.2, §6.4)."""
    return not _PRIVATE.isdisjoint(jwk)


def _kind(jwk: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """The algorithm of this kind of key, and the members its thumbprint is made of (RFC 7638 §3.2)."""
    match jwk:
        case {"kty": "EC", "crv": "P-256", "x": str(), "y": str()}:
            return "ES256", ("crv", "kty", "x", "y")
        case {"kty": "OKP", "crv": "Ed25519", "x": str()}:
            return "EdDSA", ("crv", "kty", "x")
        case {"kty": "RSA", "n": str(), "e": str()}:
            return "PS256", ("e", "kty", "n")
    raise Unacceptable("the key is neither EC P-256, OKP Ed25519 nor RSA with its public members")


def _refuse_misshapen(members: Mapping[str, str]) -> None:
    # One spelling only: base64 read leniently would give one key many thumbprints.
    numbers = {name: opaque.from_base64url(members[name]) for name in members if name not in ("kty", "crv")}
    for name, number in numbers.items():
        if number is None or not _fits(name, number):
            raise Unacceptable(f"the member {name} of the key is out of shape")


def _fits(name: str, number: bytes) -> bool:
    match name:
        case "n":
            # RFC 7518 §6.3.1.1: no octet more than needed.
            return number[:1] != b"\0" and int.from_bytes(number).bit_length() in _MODULUS_BITS
        case "e":
            return number[:1] != b"\0" and 0 < len(number) <= _LONGEST_EXPONENT_BYTES
    return len(number) == _COORDINATE_BYTES
