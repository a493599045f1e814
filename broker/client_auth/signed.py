"""Opening the JWTs that clients sign: what has been verified and what has not are two different things.

RFC 7515 §5.2, RFC 7519 §7.2, RFC 8725 §3. Times are compared in sight, against a `now` that is passed in.
"""

import math
import re
from dataclasses import dataclass
from typing import Any, Final

import jwt
from jwt.types import Options

from broker.client_auth.public_key import ALGORITHMS, PublicKey, Unacceptable
from broker.oauth.parameters import is_visible_ascii

CLOCK_SKEW: Final = 10
"""Seconds by which a client's clock may be ahead of ours: FAPI 2.0 Security Profile §5.3.2.1 point 13."""

_LONGEST: Final = 8 * 1024
_LONGEST_JTI: Final = 256
_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\Z")
# PyJWT is asked for the signature alone; each claim is checked where its rule is cited.
_SIGNATURE_ONLY: Final[Options] = {
    "verify_signature": True,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}


@dataclass(frozen=True, slots=True)
class UnverifiedJwt:
    """A well-formed JWT that anybody may have written."""

    text: str
    alg: str
    unverified_header: dict[str, Any]
    unverified_claims: dict[str, Any]


def read(text: str) -> UnverifiedJwt:
    """A signed JWT in compact form, with an algorithm of ours. Raises `Unacceptable`."""
    if len(text) > _LONGEST:
        raise Unacceptable(f"it is longer than {_LONGEST} characters")
    if not _COMPACT.match(text):
        raise Unacceptable("it is not a signed JWT in compact form")
    try:
        parts = jwt.decode_complete(text, options={"verify_signature": False})
    except jwt.PyJWTError:
        raise Unacceptable("its header or its claims cannot be read") from None
    header = parts["header"]
    # RFC 7515 §4.1.11: we understand no extension, so every critical one is unknown.
    if "crit" in header:
        raise Unacceptable("its header has crit, and no extension is understood here")
    alg = header.get("alg")
    if alg not in ALGORITHMS:
        raise Unacceptable(f"its alg is not one of {', '.join(ALGORITHMS)}")
    return UnverifiedJwt(text, alg, header, parts["payload"])


def verified_claims(signed: UnverifiedJwt, key: PublicKey) -> dict[str, Any]:
    """The claims, when the signature is this key's. Raises `Unacceptable`."""
    try:
        return jwt.decode(signed.text, key.verifier(), algorithms=[key.alg], options=_SIGNATURE_ONLY)
    except jwt.PyJWTError:
        raise Unacceptable("its signature is not by the key") from None


def seconds(claims: dict[str, Any], name: str) -> int | None:
    """A NumericDate in whole epoch seconds (RFC 7519 §2 allows fractions). Raises `Unacceptable`."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unacceptable(f"its {name} is not a number of seconds")
    if isinstance(value, float) and not math.isfinite(value):
        raise Unacceptable(f"its {name} is not a number of seconds")
    return math.floor(value)


def jti(claims: dict[str, Any]) -> str:
    """The name under which it counts once. Raises `Unacceptable`."""
    value = claims.get("jti")
    if not isinstance(value, str) or len(value) > _LONGEST_JTI or not is_visible_ascii(value):
        raise Unacceptable(f"its jti is missing, or not 1 to {_LONGEST_JTI} ASCII characters")
    return value
