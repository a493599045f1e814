"""What an app asks of the authorize page, checked in the order in which TikTok seems to complain.

Source: Login Kit for Web and Desktop for the parameters, field reports for `error`, `error_type` and `errCode`.
Not written down, chosen here: a missing `state` and a repeated parameter are refused, Desktop must name its
`code_challenge_method`, the native platforms and the web may leave it out, and unknown parameters are ignored.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from broker.simulator import requests
from broker.simulator.apps import App
from broker.simulator.switches import Switches

OLD_API = 10003
"""`errCode` of a request made as for the first API."""

_CHALLENGE_MISSING = 10007
_METHOD_REFUSED = 10008


@dataclass(frozen=True)
class AuthorizeRequest:
    """A request that was found good. `challenge` is kept as it came: only the token call will look at it."""

    app: App
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str
    challenge: str | None
    may_skip_page: bool


class PageError(Exception):
    """What TikTok shows on its own page, never at the redirect URI: the mistake is the app's."""

    def __init__(self, error: str, error_type: str, err_code: int | None = None) -> None:
        super().__init__(error, error_type)
        self.error = error
        self.error_type = error_type
        self.err_code = err_code

    def parameters(self) -> list[tuple[str, str]]:
        """What the page's own URL gains."""
        pairs = [("error", self.error), ("error_type", self.error_type)]
        return pairs if self.err_code is None else [*pairs, ("errCode", str(self.err_code))]


Parameters: TypeAlias = dict[str, str]


def error_shown(query: bytes) -> Parameters | None:
    """The parameters of a URL that carries an error already, for the error page."""
    try:
        parameters = dict(requests.fields(query))
    except requests.Malformed:
        return None
    return parameters if "error" in parameters else None


def read(apps: dict[str, App], switches: Switches, query: bytes) -> AuthorizeRequest:
    """The request that `query` makes. Raises `PageError`."""
    parameters = _parameters(query)
    app = _app(apps, parameters)
    for check in _CHECKS:
        check(app, parameters)
    _challenge_is_there(parameters, needed=switches.needs_challenge(app))
    _method_is_s256(app, parameters)
    return AuthorizeRequest(
        app=app,
        redirect_uri=parameters["redirect_uri"],
        scopes=tuple(parameters["scope"].split(",")),
        state=parameters["state"],
        challenge=None if switches.ignores_challenge(app) else parameters.get("code_challenge") or None,
        may_skip_page=parameters.get("disable_auto_auth") != "1",
    )


def _parameters(query: bytes) -> Parameters:
    try:
        pairs = requests.fields(query)
    except requests.Malformed:
        raise PageError("invalid_request", "query") from None
    name = requests.repeated(pairs)
    if name is not None:
        raise PageError("invalid_request", name[:64])
    return dict(pairs)


def _app(apps: dict[str, App], parameters: Parameters) -> App:
    client_key = parameters.get("client_key")
    if not client_key:
        raise PageError("param_error", "client_key", OLD_API)
    app = apps.get(client_key)
    if app is None:
        raise PageError("unauthorized_client", "client_key")
    return app


def _redirect_uri_is_registered(app: App, parameters: Parameters) -> None:
    if not app.has_redirect_uri(parameters.get("redirect_uri", "")):
        raise PageError("invalid_request", "redirect_uri")


def _response_type_is_code(_: App, parameters: Parameters) -> None:
    if parameters.get("response_type") != "code":
        raise PageError("unsupported_response_type", "response_type")


def _every_scope_is_approved(app: App, parameters: Parameters) -> None:
    # Scopes joined with spaces or `+` are one unknown scope: commas alone separate.
    scopes = parameters.get("scope", "").split(",")
    if not set(scopes) <= set(app.scopes) or len(set(scopes)) != len(scopes):
        raise PageError("invalid_scope", "scope")


def _state_is_there(_: App, parameters: Parameters) -> None:
    if not parameters.get("state"):
        raise PageError("invalid_request", "state")


def _challenge_is_there(parameters: Parameters, *, needed: bool) -> None:
    if needed and not parameters.get("code_challenge"):
        raise PageError("param_error", "code_challenge", _CHALLENGE_MISSING)


def _method_is_s256(app: App, parameters: Parameters) -> None:
    # The native SDKs send the bare challenge.
    method = parameters.get("code_challenge_method", "" if app.platform == "desktop" else "S256")
    if parameters.get("code_challenge") and method != "S256":
        raise PageError("param_error", "code_challenge_method", _METHOD_REFUSED)


_CHECKS: tuple[Callable[[App, Parameters], None], ...] = (
    _redirect_uri_is_registered,
    _response_type_is_code,
    _every_scope_is_approved,
    _state_is_there,
)
