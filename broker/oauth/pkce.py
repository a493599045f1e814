"""Proof Key for Code Exchange, S256 only (RFC 7636; RFC 9700 §2.1.1)."""

import re
from typing import Final

from broker import opaque
from broker.oauth.errors import invalid_grant, invalid_request

_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}\Z", re.ASCII)
_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}\Z", re.ASCII)


def read_challenge(challenge: str | None, method: str | None, *, required: bool) -> str | None:
    """The challenge of an authorization request, or None when the client may do without and did.

    Raises `invalid_request` for a missing, malformed or `plain` one (RFC 7636 §4.4.1). A method left out means
    `plain` (§4.3) and is refused with it.
    """
    if challenge is None:
        if required:
            raise invalid_request("PKCE is required: send code_challenge with code_challenge_method=S256.")
        if method is not None:
            raise invalid_request("code_challenge_method was sent without a code_challenge.")
        return None
    if method != "S256":
        raise invalid_request("The code_challenge_method must be S256.")
    if not _CHALLENGE.match(challenge):
        raise invalid_request("The code_challenge must be 43 characters of base64url (SHA-256).")
    return challenge


def challenge_of(verifier: str | None) -> str | None:
    """What the verifier must have been announced as; None when none was sent (RFC 7636 §4.6).

    Raises `invalid_grant` for a verifier that no challenge can belong to (§4.1).
    """
    if verifier is None:
        return None
    if not _VERIFIER.match(verifier):
        raise invalid_grant("The code_verifier must be 43 to 128 unreserved characters.")
    return opaque.sha256_base64url(verifier)
