"""The protocol's error codes, as one exception whose public words are safe to send out.

`OAuthError` carries what the client may read (`code`, `description`) apart from what only the operator may
(`detail`). Whether it is shown as a page, redirected or answered as JSON is decided where the request came in.
"""

from dataclasses import dataclass


@dataclass(eq=False)
class OAuthError(Exception):
    """A refusal in the protocol's own terms (RFC 6749 §4.1.2.1, §5.2).

    `description` is one sentence in printable ASCII without quotes or backslash, as §5.2 demands; `detail`
    goes to the log and the audit and nowhere else. `retry_after`: seconds after which the same request may be
    answered.
    """

    code: str
    description: str
    detail: str | None = None
    status: int = 400
    retry_after: int | None = None

    def __str__(self) -> str:
        return f"{self.code}: {self.description}"


def invalid_request(description: str) -> OAuthError:
    """The request is malformed: a parameter missing, repeated, or not what it must be."""
    return OAuthError("invalid_request", description)


def invalid_client(description: str = "Client authentication failed.", *, detail: str | None = None) -> OAuthError:
    """The client is unknown or did not prove who it is; 401 as RFC 6749 §5.2 has it."""
    return OAuthError("invalid_client", description, detail, status=401)


def invalid_grant(description: str, *, detail: str | None = None) -> OAuthError:
    """The code or refresh token is void: wrong, expired, used, or somebody else's."""
    return OAuthError("invalid_grant", description, detail)


def unauthorized_client(description: str) -> OAuthError:
    """The client is known but not registered for this."""
    return OAuthError("unauthorized_client", description)


def unsupported_grant_type(description: str) -> OAuthError:
    """The token endpoint knows no such grant type."""
    return OAuthError("unsupported_grant_type", description)


def unsupported_response_type(description: str) -> OAuthError:
    """The authorization endpoint answers with a code and with nothing else."""
    return OAuthError("unsupported_response_type", description)


def invalid_scope(description: str) -> OAuthError:
    """The scope is malformed, or a refresh asked for more than was granted (RFC 6749 §4.1.2.1, §5.2, §6)."""
    return OAuthError("invalid_scope", description)


def invalid_target(description: str) -> OAuthError:
    """The `resource` is not one this client may ask for (RFC 8707 §2)."""
    return OAuthError("invalid_target", description)


def invalid_dpop_proof(description: str) -> OAuthError:
    """The `DPoP` header proves nothing for this request (RFC 9449 §5; a resource answers 401, §7.1)."""
    return OAuthError("invalid_dpop_proof", description)


def access_denied(description: str) -> OAuthError:
    """The person, or the operator, said no."""
    return OAuthError("access_denied", description)


def login_required(description: str) -> OAuthError:
    """Nobody is signed in and the client forbade asking (OIDC Core §3.1.2.6)."""
    return OAuthError("login_required", description)


def consent_required(description: str) -> OAuthError:
    """The person has not agreed to what the client needs, and it forbade asking (OIDC Core §3.1.2.6)."""
    return OAuthError("consent_required", description)


def server_error(description: str, *, detail: str | None = None) -> OAuthError:
    """Something is wrong on our side, and trying again will not help."""
    return OAuthError("server_error", description, detail)


def temporarily_unavailable(description: str, *, detail: str | None = None) -> OAuthError:
    """Something we depend on does not answer; the same request may succeed later."""
    return OAuthError("temporarily_unavailable", description, detail, status=503)


def invalid_token(description: str) -> OAuthError:
    """The access token is expired, revoked, malformed or not ours (RFC 6750 §3.1)."""
    return OAuthError("invalid_token", description, status=401)


def insufficient_scope(description: str) -> OAuthError:
    """The access token is good but was not granted this (RFC 6750 §3.1)."""
    return OAuthError("insufficient_scope", description, status=403)
