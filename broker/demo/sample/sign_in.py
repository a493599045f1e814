"""Signing in, refreshing and signing out: everything an app does with its OpenID Connect library."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
from authlib.integrations.base_client.errors import MismatchingStateError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.integrations.starlette_client import OAuth, OAuthError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from broker.demo.sample.config import Config
from broker.demo.sample.sessions import renew

SCOPE = "openid profile offline_access"
TIMEOUT = 10.0


def oidc_client(config: Config) -> Any:
    """Authlib's Starlette client for the broker, told nothing but the issuer's discovery address."""
    return OAuth().register(
        "broker",
        client_id=config.client_id,
        client_secret=config.client_secret.reveal(),
        server_metadata_url=f"{config.issuer}/.well-known/openid-configuration",
        client_kwargs={"scope": SCOPE, "code_challenge_method": "S256", "timeout": TIMEOUT},
    )


class BrokerAway(Exception):
    """The broker does not answer, or not as the standards say."""


@contextmanager
def asking_the_broker() -> Iterator[None]:
    """Raises `BrokerAway` for every way in which HTTP or JSON can fail; refusals pass as `OAuthError`."""
    try:
        yield
    except (httpx2.HTTPError, ValueError, KeyError) as failure:
        raise BrokerAway from failure


@dataclass(frozen=True)
class SignIn:
    """The handlers behind the buttons.

    Raises `OAuthError` (the broker refused), `JoseError` (a token failed its verification) and `BrokerAway`,
    which `troubles` turns into pages.
    """

    config: Config
    client: Any

    def routes(self) -> list[Route]:
        return [
            Route("/login", self.begin),
            Route("/callback", self.finish),
            Route("/refresh", self.refresh, methods=["POST"]),
            Route("/sign-out", self.sign_out, methods=["POST"]),
            Route("/signed-out", self.signed_out),
        ]

    async def begin(self, request: Request) -> Response:
        """To the broker, with a fresh state, nonce and PKCE challenge that the session remembers."""
        with asking_the_broker():
            answer: Response = await self.client.authorize_redirect(request, self.config.redirect_uri)
        return answer

    async def finish(self, request: Request) -> Response:
        """Back from the broker: redeem the code, verify the ID token, sign in."""
        sent = request.query_params
        # Before anything in the answer is believed, an error included (RFC 6749 §10.12).
        if not await self.client.framework.get_state_data(request.session, sent.get("state")):
            raise MismatchingStateError()
        with asking_the_broker():
            metadata = await self.client.load_server_metadata()
        # RFC 9207 §2.4: a broker that announces `iss` always sends it.
        announced = metadata.get("authorization_response_iss_parameter_supported", False)
        if (announced or "iss" in sent) and sent.get("iss") != self.config.issuer:
            raise MismatchingStateError()
        with asking_the_broker():
            token = await self.client.authorize_access_token(request)
            user = dict(token["userinfo"])
        request.session.clear()
        request.session.update(token=dict(token), user=user)
        renew(request)
        return _home()

    async def refresh(self, request: Request) -> Response:
        """New tokens for the refresh token, which is spent by this and replaced."""
        held = request.session.get("token", {})
        if "refresh_token" not in held:
            return _home()
        try:
            with asking_the_broker():
                fresh = await self.client.fetch_access_token(
                    grant_type="refresh_token", refresh_token=held["refresh_token"]
                )
        except OAuthError as refusal:
            if refusal.error == "invalid_grant":
                request.session.clear()
            raise
        if "id_token" in fresh:
            with asking_the_broker():
                user = await self.client.parse_id_token(fresh, nonce=None)
            # OpenID Connect Core §12.2: a refresh never changes who is signed in.
            if user["sub"] != request.session["user"]["sub"]:
                request.session.clear()
                raise OAuthError("invalid_grant")
            request.session["user"] = dict(user)
        request.session["token"] = {**held, **fresh}
        request.session["notice"] = "New tokens arrived, and the old refresh token is spent."
        return _home()

    async def sign_out(self, request: Request) -> Response:
        """Forget the person here first, then tell the broker in the best way that it offers."""
        held = request.session.get("token", {})
        request.session.clear()
        renew(request)
        request.session["notice"] = "You are signed out of this app."
        try:
            with asking_the_broker():
                metadata = await self.client.load_server_metadata()
                if "end_session_endpoint" in metadata and "id_token" in held:
                    answer: Response = await self.client.logout_redirect(
                        request, self.config.signed_out_uri, id_token_hint=held["id_token"]
                    )
                    return answer
                if "revocation_endpoint" in metadata and "refresh_token" in held:
                    await self._revoke(metadata["revocation_endpoint"], held["refresh_token"])
        except BrokerAway:
            request.session["notice"] = "You are signed out of this app; the broker could not be told."
        return _home()

    async def _revoke(self, endpoint: str, refresh_token: str) -> None:
        async with AsyncOAuth2Client(
            self.config.client_id, self.config.client_secret.reveal(), timeout=TIMEOUT
        ) as client:
            answer = await client.revoke_token(endpoint, refresh_token)
            answer.raise_for_status()

    async def signed_out(self, request: Request) -> Response:
        """Back from the broker's own sign-out."""
        await self.client.validate_logout_response(request)
        request.session["notice"] = "You are signed out of this app and of the broker."
        return _home()


def _home() -> Response:
    return RedirectResponse("/", status_code=303)
