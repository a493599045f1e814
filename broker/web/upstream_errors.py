"""What an app hears of what TikTok did, and the operator's line in the log, wherever a person signs in."""

from broker import log
from broker.oauth.errors import OAuthError, access_denied, server_error, temporarily_unavailable
from broker.upstream.connector import Misconfigured, Refused, Unavailable, UpstreamError

_log = log.get("upstream")


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
        return away()
    if isinstance(error, Misconfigured):
        _log.error("upstream.misconfigured", **facts)
        return server_error("The sign-in service is not set up correctly with TikTok; its operator must act.")
    _log.warning("upstream.rejected", **facts)
    return server_error("TikTok did not confirm this sign-in; start it again.")


def away() -> OAuthError:
    """What an app hears while TikTok does not answer."""
    return temporarily_unavailable("TikTok isn't answering; try again in a moment.")
