"""Sending a browser to TikTok with a login of its own."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from broker import log, telemetry
from broker.login import answers
from broker.login.browser import Browser
from broker.login.started import Login
from broker.oauth.errors import server_error
from broker.upstream.tiktok import TikTok
from broker.web import upstream_errors

_log = log.get("login")


@dataclass(frozen=True, slots=True)
class Departure:
    """Knows the way to TikTok for each registration. `callbacks` are our redirect URIs there."""

    browser: Browser
    tiktok: Mapping[str, TikTok]
    callbacks: Mapping[str, str]

    def demand(self, registration: str, scopes: Collection[str]) -> None:
        """Raise `OAuthError` when a login through this registration could not bring all these scopes."""
        missing = sorted(set(scopes).difference(self._way(registration).scopes))
        if missing:
            _log.error("registration.scope_not_asked_for", registration=registration, scopes=missing)
            raise server_error("This app requires a TikTok permission that the operator has not set up.")

    def begin(
        self, request: Request, login: Login, *, force_consent: bool, in_place_of: Login | None = None
    ) -> Response:
        """302 to TikTok, the login in a cookie of the browser. Raises `OAuthError`, to be sent to the app."""
        tiktok = self._way(login.registration)
        if not tiktok.admits_login():
            # Nobody is sent on a way that ends, minutes later, with what can be said at once.
            raise upstream_errors.away()
        address = tiktok.authorization_url(
            state=self.browser.state_for(login),
            redirect_uri=self.callbacks[login.registration],
            verifier=login.verifier,
            force_consent=force_consent,
        )
        response = answers.redirect(request, address)
        self.browser.keep(response, login, request.cookies, in_place_of=in_place_of)
        telemetry.LOGINS_STARTED.labels(login.registration).inc()
        return response

    def _way(self, registration: str) -> TikTok:
        tiktok = self.tiktok.get(registration)
        if tiktok is None:
            raise upstream_errors.no_such_registration(registration)
        return tiktok
