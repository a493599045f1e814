"""`private_key_jwt`: a client proves who it is with a JWT it signed (RFC 7523 §3, OIDC Core §9).

Pure but for fetching keys: whoever calls `verify` also spends `jti_digest`, in one conditional insert, and lets
the client in only when that insert made a row.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from broker import opaque
from broker.client_auth import signed
from broker.client_auth.directory import Client
from broker.client_auth.jwks import KeySource
from broker.client_auth.public_key import Unacceptable
from broker.client_auth.signed import CLOCK_SKEW
from broker.oauth.errors import OAuthError, invalid_client
from broker.oauth.parameters import is_visible_ascii

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

LONGEST_USE: Final = 5 * 60
"""Seconds for which an assertion can be used: from its `iat`, or without one, from now to its `exp`."""

_LONGEST_CLIENT_ID: Final = 256
# RFC 8725 §3.11, and draft-ietf-oauth-rfc7523bis for the second.
_TYPES: Final = (None, "JWT", "client-authentication+jwt")


@dataclass(frozen=True, slots=True)
class Assertion:
    """A client's proof of who it is, good once. From `expires_at`, epoch seconds, its `jti` may be forgotten."""

    client_id: str
    jti_digest: bytes
    expires_at: int


def claimed_client(form: Mapping[str, str]) -> str:
    """Who the assertion in this form says its author is. Nothing is verified: it says where to look for keys.

    Whether a `client_id` beside it agrees is the caller's to compare (RFC 7521 §4.2). Raises `invalid_client`.
    """
    if form.get("client_assertion_type") != ASSERTION_TYPE:
        raise invalid_client(f"The client_assertion_type must be {ASSERTION_TYPE}.")
    try:
        return _subject(signed.read(form.get("client_assertion", "")).unverified_claims)
    except Unacceptable as fault:
        raise _refused(fault) from None


async def verify(assertion: str, client: Client, *, issuer: str, keys: KeySource, now: int) -> Assertion:
    """The proof, when this client signed it for us and it can still be used. `now` in epoch seconds.

    Raises `invalid_client`; why is told to the log alone. The `jti` is left to be spent.
    """
    try:
        unverified = signed.read(assertion)
        if unverified.unverified_header.get("typ") not in _TYPES:
            raise Unacceptable("its typ is that of another kind of JWT")
        kid = unverified.unverified_header.get("kid")
        key = await keys.choose(client.metadata, unverified.alg, kid, now=now)
        return _checked(signed.verified_claims(unverified, key), client.client_id, issuer, now)
    except Unacceptable as fault:
        raise _refused(fault) from None


def _checked(claims: dict[str, Any], client_id: str, issuer: str, now: int) -> Assertion:
    if _subject(claims) != client_id:
        raise Unacceptable("it speaks for another client")
    # One string: a list, or the address of an endpoint, would let another server we share a client with, or one
    # that lies about its endpoints, pass the assertion on to us (draft-ietf-oauth-rfc7523bis, Audience).
    if claims.get("aud") != issuer:
        raise Unacceptable("its aud is not the issuer as a single string")
    jti = signed.jti(claims)
    return Assertion(
        client_id=client_id,
        # What a client calls its assertions is its own affair: two clients may use the same name.
        jti_digest=opaque.digest(f"client assertion\n{client_id}\n{jti}"),
        # The clocks of two replicas differ; the one that is behind must still find the name used.
        expires_at=_unusable_from(claims, now) + CLOCK_SKEW,
    )


def _subject(claims: dict[str, Any]) -> str:
    """RFC 7523 §3 points 1 and 2B, OIDC Core §9: issuer and subject are both the client."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or len(subject) > _LONGEST_CLIENT_ID or not is_visible_ascii(subject):
        raise Unacceptable("its sub is not a client_id")
    if claims.get("iss") != subject:
        raise Unacceptable("its iss and its sub differ")
    return subject


def _unusable_from(claims: dict[str, Any], now: int) -> int:
    """When it ends (RFC 7523 §3 points 4 to 6). Raises `Unacceptable` when that is over, or too far away."""
    expires, issued, not_before = (signed.seconds(claims, name) for name in ("exp", "iat", "nbf"))
    if expires is None:
        raise Unacceptable("it has no exp")
    # RFC 7519 §4.1.4: on or after `exp` it must not be accepted.
    if now >= expires:
        raise Unacceptable("it has expired")
    if max(issued or 0, not_before or 0) > now + CLOCK_SKEW:
        raise Unacceptable("its iat or nbf is in the future")
    if issued is None:
        if expires > now + LONGEST_USE + CLOCK_SKEW:
            raise Unacceptable(f"its exp is more than {LONGEST_USE} seconds away and it has no iat")
        return expires
    # Some libraries always sign for an hour; from such a one we take the first minutes only.
    end = min(expires, issued + LONGEST_USE)
    if now >= end:
        raise Unacceptable(f"it was made more than {LONGEST_USE} seconds ago")
    return end


def _refused(fault: Unacceptable) -> OAuthError:
    return invalid_client(detail=f"client assertion: {fault}")
