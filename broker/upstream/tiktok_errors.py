"""What each of TikTok's errors means to us: one table, and the operator's trace of what was said.

TikTok reports in three places, in two shapes, often with status 200. What it says selects a row of
`VERDICTS`; the sentence is the row's, so that nothing TikTok or a browser wrote is ever passed on.
Sources: developers.tiktok.com /doc/oauth-error-handling (callback and token call),
/doc/tiktok-api-v2-error-handling (user info), and reports of what the live service answers.
"""

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias

from broker.upstream.connector import Misconfigured, Refused, Rejected, Trace, Unavailable, UpstreamError
from broker.upstream.http import Answer

Place: TypeAlias = Literal["callback", "token", "user_info", "refresh", "revoke", "client_credentials"]
"""Where TikTok spoke: `token` is the trade of a code; `refresh` and `client_credentials` have the same address."""

_DECLINED = "The sign-in at TikTok was declined, or this TikTok account may not be used to sign in to other apps."
_NOT_A_TESTER = (
    "This TikTok account is not one of this app's testers: ask the app's owner to add it, or use another."
)
_NOT_SHARED = "TikTok does not share what was asked for: sign in again and leave the permissions ticked."

_KEY = "TikTok does not accept this client key or secret: compare both with the portal (a sandbox has its own)"
_REQUEST = "TikTok calls our request malformed: compare scopes, redirect URI and PKCE style with the portal"
_REDIRECT = "TikTok issued the code for another redirect URI: compare it with the portal, slash and port included"
_SCOPE = "TikTok has not approved a scope that we ask for: compare the scopes with the portal"
_CODE = "TikTok refused the code: it is too old, was used before or belongs to another app"
_VERIFIER = "TikTok refused the code verifier: wrong login, code used before, or a PKCE style that the app refuses"
_MALFORMED = "TikTok calls our request malformed: this release may be too old for it"
_DEAD = "TikTok refused the refresh token: it has expired, was replaced, or was revoked by the person"
_GONE = "TikTok does not know this access token any more"
_STALE = "TikTok refuses the access token that it has just issued"
_DOWN = "TikTok says that it cannot answer at the moment"
_FAILED = "TikTok broke off the sign-in with an error of its own"
_UNKNOWN = "TikTok refused for a reason that this release does not know"


class Verdict(NamedTuple):
    """If TikTok says `error` at `place`, with `hint` somewhere in its details, then `outcome` it is."""

    place: Place
    error: str
    hint: str
    outcome: type[UpstreamError]
    sentence: str


# What calls apart from a sign-in can hear about ourselves, in each of their places.
_ABOUT_US: tuple[tuple[str, str, type[UpstreamError], str], ...] = (
    ("invalid_client", "", Misconfigured, _KEY),
    ("unauthorized_client", "", Misconfigured, _KEY),
    ("invalid_request", "secret", Misconfigured, _KEY),
    ("invalid_request", "", Misconfigured, _MALFORMED),
    ("unsupported_grant_type", "", Misconfigured, _MALFORMED),
    ("server_error", "", Unavailable, _DOWN),
    ("temporarily_unavailable", "", Unavailable, _DOWN),
)
_APART: tuple[Place, ...] = ("refresh", "revoke", "client_credentials")

# The first row that fits decides. A hint is a word of `error_type` or of the description, in lower case; an
# empty one always fits.
# fmt: off
VERDICTS = (
    Verdict("callback",  "access_denied",             "non_sandbox_target", Refused,       _NOT_A_TESTER),
    Verdict("callback",  "access_denied",             "",                   Refused,       _DECLINED),
    Verdict("callback",  "temporarily_unavailable",   "",                   Unavailable,   _DOWN),
    Verdict("callback",  "server_error",              "",                   Rejected,      _FAILED),
    Verdict("callback",  "unauthorized_client",       "",                   Misconfigured, _KEY),
    Verdict("callback",  "invalid_client",            "",                   Misconfigured, _KEY),
    Verdict("callback",  "param_error",               "",                   Misconfigured, _REQUEST),
    Verdict("callback",  "invalid_request",           "",                   Misconfigured, _REQUEST),
    Verdict("callback",  "unsupported_response_type", "",                   Misconfigured, _REQUEST),
    Verdict("callback",  "invalid_scope",             "",                   Misconfigured, _SCOPE),

    Verdict("token",     "invalid_grant",             "",                   Rejected,      _CODE),
    Verdict("token",     "invalid_request",           "verifier",           Rejected,      _VERIFIER),
    Verdict("token",     "invalid_request",           "redirect_uri",       Misconfigured, _REDIRECT),
    Verdict("token",     "invalid_request",           "secret",             Misconfigured, _KEY),
    Verdict("token",     "invalid_request",           "",                   Misconfigured, _REQUEST),
    Verdict("token",     "unsupported_grant_type",    "",                   Misconfigured, _REQUEST),
    Verdict("token",     "invalid_client",            "",                   Misconfigured, _KEY),
    Verdict("token",     "unauthorized_client",       "",                   Misconfigured, _KEY),
    Verdict("token",     "invalid_scope",             "",                   Misconfigured, _SCOPE),
    Verdict("token",     "access_denied",             "non_sandbox_target", Refused,       _NOT_A_TESTER),
    Verdict("token",     "access_denied",             "",                   Refused,       _DECLINED),
    Verdict("token",     "server_error",              "",                   Unavailable,   _DOWN),
    Verdict("token",     "temporarily_unavailable",   "",                   Unavailable,   _DOWN),

    # Both of the next two come with status 401; neither is ever answered by refreshing, since the token is
    # seconds old and a refreshed one has the same scopes.
    Verdict("user_info", "access_token_invalid",      "",                   Rejected,      _STALE),
    Verdict("user_info", "scope_not_authorized",      "",                   Refused,       _NOT_SHARED),
    Verdict("user_info", "scope_permission_missed",   "",                   Misconfigured, _SCOPE),
    Verdict("user_info", "invalid_params",            "",                   Misconfigured, _REQUEST),
    Verdict("user_info", "rate_limit_exceeded",       "",                   Unavailable,   _DOWN),
    Verdict("user_info", "internal_error",            "",                   Unavailable,   _DOWN),

    Verdict("refresh",   "invalid_grant",             "",                   Rejected,      _DEAD),
    Verdict("revoke",    "invalid_grant",             "",                   Rejected,      _GONE),
    Verdict("revoke",    "access_token_invalid",      "",                   Rejected,      _GONE),
    *(Verdict(place, *row) for place in _APART for row in _ABOUT_US),
)
# fmt: on


def verdict(error: str, hints: str, trace: Trace) -> UpstreamError:
    """The exception for `error` at the trace's endpoint, given everything else TikTok said about it.

    An error without a row is `Rejected` within a sign-in: nobody is signed in on what we do not know. Apart from
    one it is `Misconfigured`, since `Rejected` would say that a token is dead, and that is not known either.
    """
    for row in VERDICTS:
        if row.place == trace.endpoint and row.error == error and row.hint in hints.lower():
            return row.outcome(row.sentence, trace)
    return (Misconfigured if trace.endpoint in _APART else Rejected)(_UNKNOWN, trace)


def callback_error(parameters: Mapping[str, str]) -> UpstreamError | None:
    """What an error callback means, None when it brings no error (/doc/login-kit-web)."""
    error = parameters.get("error")
    if error is None:
        return None
    error_type = parameters.get("error_type", "")
    trace = Trace(
        endpoint="callback",
        error=_word(error),
        error_type=_word(error_type),
        err_code=_number(parameters.get("errCode", parameters.get("error_code"))),
        log_id=_log_id(parameters.get("logid")),
    )
    return verdict(error, f"{error_type} {parameters.get('error_description', '')}", trace)


class Complaint(NamedTuple):
    """The error part of a JSON answer; code and log id are of any type, as they stand there."""

    code: object
    hints: str
    log_id: object


def complaint(body: Mapping[str, object]) -> Complaint:
    """The error in either shape: `{"error": "…"}` of OAuth calls, `{"error": {"code": "…"}}` of the API."""
    error = body.get("error")
    if isinstance(error, dict):
        code, hints, log_id = error.get("code"), error.get("message"), error.get("log_id")
    else:
        code, hints, log_id = error, body.get("error_description"), body.get("log_id")
    return Complaint(code, hints if isinstance(hints, str) else "", log_id)


def answer_trace(place: Place, answer: Answer, said: Complaint) -> Trace:
    """What the log shall know about an answer; its header has the log id when its body has none."""
    return Trace(
        endpoint=place,
        status=answer.status,
        error=_word(said.code),
        log_id=_log_id(said.log_id) or _log_id(answer.headers.get("x-tt-logid")),
        retry_after=_delay(answer.headers.get("retry-after")),
    )


def _word(value: object) -> str | None:
    """An error code, or None for anything that is not plainly one and could carry something else."""
    return value if isinstance(value, str) and re.fullmatch(r"[a-z_]{1,40}", value) else None


def _number(value: str | None) -> int | None:
    return int(value) if value is not None and re.fullmatch(r"-?[0-9]{1,9}", value) else None


def _delay(value: str | None) -> int | None:
    """Retry-After in seconds (RFC 9110 §10.2.3). TikTok was never seen to send the date form: ignored."""
    return int(value) if value is not None and re.fullmatch(r"[0-9]{1,6}", value) else None


def _log_id(value: object) -> str | None:
    """A date and time in 14 digits and a random rest, usually 34 characters."""
    fits = isinstance(value, str) and re.fullmatch(r"[0-9]{14}[0-9A-Za-z]{6,50}", value)
    return str(value) if fits else None
