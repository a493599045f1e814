"""Signing keys as cryptographic objects and as JSON Web Keys (RFC 7517, RFC 7518 §6, RFC 8037)."""

from typing import Any, Final, TypeAlias

import orjson
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from broker import opaque

PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
PublicKey: TypeAlias = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey

_RSA_BITS: Final = 2048
_THUMBPRINT_MEMBERS: Final = {
    "EC": ("crv", "kty", "x", "y"),
    "RSA": ("e", "kty", "n"),
    "OKP": ("crv", "kty", "x"),
}


def generate(alg: str) -> PrivateKey:
    """A fresh private key for `ES256`, `RS256`, `PS256` or `EdDSA`. An RSA key takes a good part of a second.

    Raises ValueError for any other.
    """
    match alg:
        case "ES256":
            return ec.generate_private_key(ec.SECP256R1())
        case "RS256" | "PS256":
            return rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)
        case "EdDSA":
            return ed25519.Ed25519PrivateKey.generate()
    raise ValueError(f"no keys are made for {alg}")


def to_bytes(key: PrivateKey) -> bytes:
    """PKCS#8 in DER: what is sealed into the row."""
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def from_bytes(der: bytes) -> PrivateKey:
    """The key again. Raises ValueError for a kind we never make."""
    # What comes out of its seal is what `to_bytes` made: proving the primes anew takes 30 ms for each RSA key.
    key = load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
        raise ValueError("the row holds a kind of key that this broker does not make")
    return key


def public_jwk(key: PrivateKey, alg: str) -> dict[str, Any]:
    """The public half as it is published, with `kid`, `alg` and `use`."""
    members = _members(key.public_key())
    return {"kid": _thumbprint(members), "alg": alg, "use": "sig", **members}


def _members(key: PublicKey) -> dict[str, Any]:
    if isinstance(key, ec.EllipticCurvePublicKey):
        members = ECAlgorithm.to_jwk(key, as_dict=True)
    elif isinstance(key, rsa.RSAPublicKey):
        members = RSAAlgorithm.to_jwk(key, as_dict=True)
    else:
        members = OKPAlgorithm.to_jwk(key, as_dict=True)
    return {name: members[name] for name in _THUMBPRINT_MEMBERS[members["kty"]]}


def _thumbprint(members: dict[str, Any]) -> str:
    """RFC 7638 §3: SHA-256 over the required members in lexicographic order, without white space."""
    return opaque.sha256_base64url(orjson.dumps(members, option=orjson.OPT_SORT_KEYS).decode())
