"""An access token that was verified, and the rules its claims are held to (RFC 9068 §4, RFC 7519 §4.1)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tiktok_broker_verifier.jws import Unsound, seconds, text
from tiktok_broker_verifier.policy import Policy

TYPES: Final = ("at+jwt", "application/at+jwt")
LONGEST: Final = 8192
"""Characters; a header field of a request is rarely allowed more."""


@dataclass(frozen=True, slots=True)
class Listed:
    """Where to learn whether the token was revoked: a place in one of the broker's lists."""

    uri: str
    index: int


@dataclass(frozen=True, slots=True)
class AccessToken:
    """Who sent the request, through which app, and what the app may do.

    `sub` is the person, or the app itself when `union_id` is None. `expires_at` in epoch seconds. `jkt` names the
    key that the token is bound to. `claims` has everything, for what is not told here.
    """

    sub: str
    client_id: str
    scopes: frozenset[str]
    expires_at: float
    union_id: str | None
    jkt: str | None
    listed: Listed | None = field(repr=False)
    claims: Mapping[str, Any] = field(repr=False)


def checked(claims: Mapping[str, Any], policy: Policy, now: float) -> AccessToken:
    """The token that these claims make, verified by the issuer's key already. Raises `Unsound`."""
    if claims.get("iss") != policy.issuer:
        raise Unsound("it was issued by somebody else")
    if policy.audience not in _audience(claims):
        raise Unsound("it is for another API")
    expires = seconds(claims, "exp")
    # RFC 7519 §4.1.4: on or after `exp` it must not be accepted.
    if now >= expires + policy.leeway:
        raise Unsound("it has expired, so refresh it")
    if "nbf" in claims and now < seconds(claims, "nbf") - policy.leeway:
        raise Unsound("its time has not come")
    # RFC 9068 §2.2: these are required of every access token.
    seconds(claims, "iat")
    text(claims, "jti")
    scope = claims.get("scope", "")
    # RFC 6749 §3.3: scopes are parted by the space and by nothing else.
    if not isinstance(scope, str):
        raise Unsound("its scope is not a string")
    union_id = claims.get("union_id")
    return AccessToken(
        sub=text(claims, "sub"),
        client_id=text(claims, "client_id"),
        scopes=frozenset(scope.split(" ")) - {""},
        expires_at=expires,
        union_id=union_id if isinstance(union_id, str) else None,
        jkt=_key_bound_to(claims),
        listed=_listed(claims, policy),
        claims=claims,
    )


def _audience(claims: Mapping[str, Any]) -> list[object]:
    named = claims.get("aud")
    return named if isinstance(named, list) else [named]


def _key_bound_to(claims: Mapping[str, Any]) -> str | None:
    """RFC 7800 §3.1. A binding that is not understood here is not passed over: somebody relied on it."""
    if "cnf" not in claims:
        return None
    bound = claims["cnf"]
    if not isinstance(bound, dict) or bound.keys() != {"jkt"} or not isinstance(bound["jkt"], str):
        raise Unsound("it is bound to its sender in a way that is not understood here")
    return bound["jkt"]


def _listed(claims: Mapping[str, Any], policy: Policy) -> Listed | None:
    """Token Status List, "Referenced Token": `status.status_list` with `idx` and `uri`."""
    if not policy.status_list or "status" not in claims:
        return None
    match claims["status"]:
        # A list of anybody but the issuer says nothing about its tokens, and must not be fetched.
        case {"status_list": {"idx": int(index), "uri": str(uri)}} if (
            not isinstance(index, bool) and index >= 0 and uri.startswith(f"{policy.issuer}/")
        ):
            return Listed(uri, index)
    raise Unsound("it does not say understandably where its status is to be found")
