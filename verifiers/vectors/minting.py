"""Signs with the keys of `keys.json`, the same way each time, so that the vectors can be made anew and compared.

These private keys are published: nothing may ever trust them but tests.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

HERE = Path(__file__).parent
KEYS: dict[str, dict[str, str]] = json.loads((HERE / "keys.json").read_text())
_PRIVATE = ("d", "p", "q", "dp", "dq", "qi")
_SALT = b"the same salt in every signature"


def b64(raw: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def from_b64(text: str) -> bytes:
    """What such text stands for."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def segment(content: object) -> str:
    """A header or claims as they stand in a JWT. Text goes in as it is, for what no encoder would write."""
    text = content if isinstance(content, str) else json.dumps(content, separators=(",", ":"))
    return b64(text.encode())


def public(name: str) -> dict[str, str]:
    """The public half of a key."""
    return {member: value for member, value in KEYS[name].items() if member not in _PRIVATE}


def thumbprint(name: str) -> str:
    """RFC 7638 with SHA-256."""
    required = {member: value for member, value in public(name).items() if member not in ("kid", "alg", "use")}
    return b64(hashlib.sha256(json.dumps(required, separators=(",", ":"), sort_keys=True).encode()).digest())


def sign(header: Mapping[str, Any] | str, claims: object, key: str, *, alg: str | None = None) -> str:
    """A JWT signed by this key, as `alg` says, whatever the header may claim."""
    message = f"{segment(header)}.{segment(claims)}"
    return f"{message}.{b64(signature(message.encode(), key, alg or KEYS[key]['alg']))}"


def signature(message: bytes, key: str, alg: str) -> bytes:
    """The bare signature; ECDSA as r and s beside each other (RFC 7518 §3.4)."""
    jwk = KEYS[key]
    match alg:
        case "ES256":
            r, s = decode_dss_signature(der_signature(message, key))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        case "RS256":
            return _rsa(jwk).sign(message, padding.PKCS1v15(), hashes.SHA256())
        case "PS256":
            return _pss(message, jwk)
        case "EdDSA":
            return Ed25519PrivateKey.from_private_bytes(from_b64(jwk["d"])).sign(message)
    raise ValueError(alg)


def der_signature(message: bytes, key: str) -> bytes:
    """ECDSA in the form that X.509 has and JWS must not have, deterministic (RFC 6979)."""
    private = ec.derive_private_key(_number(KEYS[key]["d"]), ec.SECP256R1())
    return private.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))


def _pss(message: bytes, jwk: Mapping[str, str]) -> bytes:
    """RSASSA-PSS (RFC 8017 §8.1.1, §9.1.1) with a fixed salt, which no library offers."""
    modulus = _number(jwk["n"])
    size = (modulus.bit_length() + 7) // 8
    digest = hashlib.sha256(bytes(8) + hashlib.sha256(message).digest() + _SALT).digest()
    block = bytes(size - len(_SALT) - len(digest) - 2) + b"\x01" + _SALT
    mask = b"".join(hashlib.sha256(digest + i.to_bytes(4, "big")).digest() for i in range(size // 32 + 1))
    masked = bytearray(a ^ b for a, b in zip(block, mask, strict=False))
    masked[0] &= 0x7F
    encoded = int.from_bytes(bytes(masked) + digest + b"\xbc", "big")
    return pow(encoded, _number(jwk["d"]), modulus).to_bytes(size, "big")


def _rsa(jwk: Mapping[str, str]) -> rsa.RSAPrivateKey:
    n, e, d, p, q, dp, dq, qi = (_number(jwk[name]) for name in ("n", "e", "d", "p", "q", "dp", "dq", "qi"))
    return rsa.RSAPrivateNumbers(p, q, d, dp, dq, qi, rsa.RSAPublicNumbers(e, n)).private_key()


def _number(text: str) -> int:
    return int.from_bytes(from_b64(text), "big")
