"""Real keys, and JWTs signed with them: as they should be, or wrong in one place."""

import functools
import json
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from broker import opaque
from broker.keys.jwk import PrivateKey

NOW = 1_800_000_000
PUBLIC_MEMBERS = ("kty", "crv", "x", "y", "n", "e")
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@functools.cache
def key(alg: str, name: str = "first") -> PrivateKey:
    """One private key for each algorithm and name, made once."""
    if alg in ("ES256", "EdDSA"):
        return ec.generate_private_key(ec.SECP256R1()) if alg == "ES256" else ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def jwk(private: PrivateKey, *, secret: bool = False, **more: Any) -> dict[str, Any]:
    """The key as a JWK with its public members, and with `secret` its private ones too."""
    if isinstance(private, ec.EllipticCurvePrivateKey):
        members = ECAlgorithm.to_jwk(private, as_dict=True)
    elif isinstance(private, rsa.RSAPrivateKey):
        members = RSAAlgorithm.to_jwk(private, as_dict=True)
    else:
        members = OKPAlgorithm.to_jwk(private, as_dict=True)
    members.pop("key_ops", None)
    return {name: value for name, value in members.items() if secret or name in PUBLIC_MEMBERS} | more


def sign(header: dict[str, Any], claims: dict[str, Any], private: PrivateKey) -> str:
    """A compact JWS with this header to the letter; a header or claim of None is left out."""
    kept = [{name: value for name, value in part.items() if value is not None} for part in (header, claims)]
    message = ".".join(opaque.base64url(json.dumps(part).encode()) for part in kept)
    signature = jwt.get_algorithm_by_name(header["alg"]).sign(message.encode(), private)
    return f"{message}.{opaque.base64url(signature)}"


def raw(header: object, claims: object, signature: bytes = b"\0" * 64) -> str:
    """Three segments of whatever is given, signed by nobody."""
    segments = (opaque.base64url(json.dumps(part).encode()) for part in (header, claims))
    return ".".join((*segments, opaque.base64url(signature)))
