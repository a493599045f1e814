"""What an app hears at the token endpoint of what TikTok did, and the operator's line in the log."""

from broker import log
from broker.oauth.errors import (
    OAuthError,
    access_denied,
    invalid_grant,
    server_error,
    temporarily_unavailable,
)
from broker.upstream.connector import Misconfigured, Refused, Unavailable, UpstreamError

_log = log.get("tokens")


def no_such_registration(registration: str) -> OAuthError:
    """The refusal to an app whose TikTok registration is not among the settings, after a line for the operator."""
    _log.error("registration.not_configured", registration=registration)
    return server_error("This app is bound to a TikTok registration that is not configured.")


def told(error: UpstreamError, registration: str) -> OAuthError:
    """The refusal, after one log line with TikTok's own words for it."""
    facts = {"registration": registration, "reason": str(error), **error.trace.fields()}
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
    return invalid_grant("TikTok did not accept this.")
