"""`GET/POST /userinfo`: who the bearer of an access token is (OIDC Core §5.3).

The token must be meant for us, and its grant, person and app must still be welcome: that is asked of the
database at every call. It leaves introspection for backends to others.
"""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker.claims import AccessToken, Claims, InvalidToken, about, person_of
from broker.clock import Clock
from broker.oauth.errors import OAuthError, insufficient_scope, invalid_request, invalid_token
from broker.store import grants
from broker.store.database import Database
from broker.web.errors import Json, back_channel, no_credentials
from broker.web.requests import brings_form, read_form


@dataclass(frozen=True, slots=True)
class UserInfo:
    """Answers with `sub` and, with `profile`, the claims of the ID token."""

    issuer: str
    database: Database
    claims: Claims
    clock: Clock

    def routes(self) -> list[Route]:
        """`GET /userinfo` and `POST /userinfo`."""
        return [Route("/userinfo", back_channel(self.answer, scheme="Bearer"), methods=["GET", "POST"])]

    async def answer(self, request: Request) -> Response:
        """The claims. Raises `OAuthError` as RFC 6750 §3.1 has it."""
        encoded = await _bearer(request)
        if encoded is None:
            return no_credentials()
        token = self._verified(encoded)
        grant = await self.database.read(grants.find_live, token.grant_id)
        if grant is None:
            raise invalid_token("The access token has been revoked.")
        return Json({"sub": grant.user_id, **about(person_of(grant), tuple(token.scope))})

    def _verified(self, encoded: str) -> AccessToken:
        try:
            token = self.claims.verify_access_token(encoded, now=self.clock())
        except InvalidToken as error:
            raise OAuthError(
                "invalid_token", "The access token is expired or not ours.", str(error), status=401
            ) from None
        if "openid" not in token.scope:
            raise insufficient_scope("The access token was not granted openid.")
        if self.issuer not in token.audience:
            raise invalid_token("The access token is meant for somebody else.")
        return token


async def _bearer(request: Request) -> str | None:
    """RFC 6750 §2: in the header, or in a form body, and in one of them only."""
    header = request.headers.get("authorization")
    in_body = None
    if request.method == "POST" and brings_form(request):
        in_body = (await read_form(request)).get("access_token")
    if header is not None and in_body is not None:
        raise invalid_request("Send the access token once, in the header or in the body.")
    if in_body is not None:
        return in_body
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        # §3.1: who used another scheme is told what to use, and of no error.
        return None
    if not token.strip():
        raise invalid_request("The Authorization header has no access token.")
    return token.strip()
