"""Signed JWTs in compact form: what anybody may have written, and what a key has vouched for.

RFC 7515 §5.2, RFC 7519 §7.2, RFC 8725 §3. No claim is looked at here.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import jwt

from tiktok_broker_verifier.jwk import PublicKey, from_base64url

_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\Z")
_JWS: Final = jwt.PyJWS()
_LATEST: Final = 253_402_300_799
"""The last second of the year 9999: beyond it is no date."""


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
        # RFC 7515 §2: nothing else is base64url, and one signature must not have several spellings.
        header, _, _ = (from_base64url(part) for part in text.split("."))
    except ValueError:
        raise Unsound("it is not a signed JWT in compact form") from None
    members = _object(header, "header")
    # RFC 7515 §4.1.11: no extension is understood here, so every critical one is unknown.
    # RFC 7797 §7: a JWT has no `b64`.
    if "crit" in members or "b64" in members:
        raise Unsound("its header demands an extension that is not understood here")
    # RFC 8725 §3.11: one kind of JWT must not pass for another.
    typ = members.get("typ")
    if not isinstance(typ, str) or typ.lower() not in types:
        raise Unsound("it is a token of another kind")
    # RFC 8725 §3.1: the list is ours, not the token's.
    alg = members.get("alg")
    if not isinstance(alg, str) or alg not in algorithms:
        raise Unsound("it is signed with an algorithm that is not accepted here")
    return Signed(text, alg, members)


def verified(signed: Signed, key: PublicKey) -> dict[str, Any]:
    """The claims, when the signature is this key's and made as this key's algorithm says. Raises `Unsound`."""
    if signed.alg != key.alg:
        raise Unsound("its algorithm is not that of its key")
    try:
        # The signature alone: each claim is checked where its rule is cited.
        payload: bytes = _JWS.decode(signed.text, key.verifier, algorithms=[key.alg])
    except (jwt.PyJWTError, RecursionError):
        raise Unsound("its signature is not the key's") from None
    return _object(payload, "content")


def seconds(claims: Mapping[str, Any], name: str) -> float:
    """A NumericDate (RFC 7519 §2). Raises `Unsound` when it is missing or no number of seconds."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LATEST:
        raise Unsound(f"it lacks {name}, or {name} is no time")
    return value


def text(claims: Mapping[str, Any], name: str) -> str:
    """A claim that must be a string with something in it. Raises `Unsound`."""
    value = claims.get(name)
    # A lone surrogate is a string in JSON, and nothing that could be stored, logged or answered.
    if not isinstance(value, str) or not value or not _is_unicode(value):
        raise Unsound(f"it lacks {name}")
    return value


def _is_unicode(value: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _object(raw: bytes, what: str) -> dict[str, Any]:
    """A JSON object in UTF-8 that everybody reads alike (RFC 7519 §4 and §7.2). Raises `Unsound`."""
    try:
        content = json.loads(raw.decode(), object_pairs_hook=_with_each_name_once, parse_constant=_no_json)
    except (ValueError, RecursionError):
        raise Unsound(f"its {what} cannot be read") from None
    if not isinstance(content, dict):
        raise Unsound(f"its {what} is no object")
    return content


def _with_each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a name stands twice")
    return content


def _no_json(constant: str) -> NoReturn:
    """Python reads NaN and Infinity, which RFC 8259 §6 forbids."""
    raise ValueError(constant)
