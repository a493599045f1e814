"""Signed JWTs in compact form: what anybody may have written, and what a key has vouched for.

RFC 7515 §5.2, RFC 7519 §7.2, RFC 8725 §3. No claim is looked at here.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import jwt
from jwt.types import Options

from tiktok_broker_verifier.jwk import PublicKey

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


class Unsound(Exception):
    """Not a JWT that can be believed; the text is the reason, and follows "because"."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A well-formed JWT that anybody may have written."""

    text: str
    alg: str
    header: Mapping[str, Any]


def read(text: str, *, types: tuple[str, ...], algorithms: tuple[str, ...], longest: int) -> Signed:
    """A JWT of one of these types (`typ`, in lower case) and algorithms. Raises `Unsound`."""
    if len(text) > longest:
        raise Unsound("it is too long")
    if not _COMPACT.match(text):
        raise Unsound("it is not a signed JWT in compact form")
    try:
        header = jwt.get_unverified_header(text)
    except (jwt.PyJWTError, RecursionError):
        raise Unsound("its header cannot be read") from None
    # RFC 7515 §4.1.11: no extension is understood here, so every critical one is unknown.
    if "crit" in header:
        raise Unsound("its header demands an extension that is not understood here")
    # RFC 8725 §3.11: one kind of JWT must not pass for another.
    if str(header.get("typ", "")).lower() not in types:
        raise Unsound("it is a token of another kind")
    # RFC 8725 §3.1: the list is ours, not the token's.
    alg = header.get("alg")
    if not isinstance(alg, str) or alg not in algorithms:
        raise Unsound("it is signed with an algorithm that is not accepted here")
    return Signed(text, alg, header)


def verified(signed: Signed, key: PublicKey) -> dict[str, Any]:
    """The claims, when the signature is this key's and made as this key's algorithm says. Raises `Unsound`."""
    if signed.alg != key.alg:
        raise Unsound("its algorithm is not that of its key")
    try:
        return jwt.decode(signed.text, key.verifier, algorithms=[key.alg], options=_SIGNATURE_ONLY)
    except (jwt.PyJWTError, RecursionError):
        raise Unsound("its signature is not the key's") from None


def seconds(claims: Mapping[str, Any], name: str) -> float:
    """A NumericDate (RFC 7519 §2). Raises `Unsound` when it is missing or no number of seconds."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Unsound(f"it lacks {name}, or {name} is not a number")
    return value


def text(claims: Mapping[str, Any], name: str) -> str:
    """A claim that must be a string with something in it. Raises `Unsound`."""
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise Unsound(f"it lacks {name}")
    return value
