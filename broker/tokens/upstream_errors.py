"""What an app hears at the token endpoint of what TikTok did, and the operator's line in the log."""

from broker import log
from broker.oauth.errors import (
    OAuthError,
    access_denied,
    invalid_grant,
    server_error,
    temporarily_unavailable,
)
from broker.upstream.connector import Misconfigured, Refused, Rejected, Unavailable, UpstreamError

_log = log.get("tokens")


def told(error: UpstreamError, registration: str) -> OAuthError:
    """The refusal, after one log line with TikTok's own words for it."""
    facts = _facts(error, registration)
    if isinstance(error, Refused):
        _log.info("upstream.refused", **facts)
        return access_denied(error.description)
    if isinstance(error, Unavailable):
        _log.warning("upstream.unavailable", **facts)
        return temporarily_unavailable("TikTok is not answering; try again in a moment.")
    if isinstance(error, Misconfigured):
        _log.error("upstream.misconfigured", **facts)
        return server_error("The sign-in service is not set up correctly with TikTok; its operator must act.")
    _log.warning("upstream.rejected", **facts)
    return server_error("TikTok did not say in a way that can be trusted who this is.")


def told_of_code(error: UpstreamError, registration: str) -> OAuthError:
    """The same when the app brought code, verifier and redirect URI: what is wrong with them is the app's.

    RFC 6749 §5.2.
    """
    at_token = error.trace.endpoint == "token"
    if at_token and (isinstance(error, Rejected) or error.trace.error == "invalid_request"):
        _log.warning("upstream.rejected", **_facts(error, registration))
        return invalid_grant(
            "TikTok did not accept this code with this verifier and redirect URI; it is good once, for minutes."
        )
    return told(error, registration)


def _facts(error: UpstreamError, registration: str) -> dict[str, str | int]:
    return {"registration": registration, "reason": str(error), **error.trace.fields()}
