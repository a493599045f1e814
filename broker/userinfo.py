"""`GET/POST /userinfo`: who the bearer of an access token is (OIDC Core §5.3).

The token must be meant for us, and its grant, person and app must still be welcome: that is asked of the
database at every call. A token bound to a key is good only with a proof of that key (RFC 9449 §7). It leaves
introspection for backends to others.
"""

from dataclasses import dataclass, replace
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker import log_request
from broker.claims import Claims
from broker.claims_told import AccessToken, InvalidToken, about
from broker.client_auth import public_key
from broker.client_auth.possession import Possession
from broker.clock import Clock
from broker.oauth.errors import OAuthError, insufficient_scope, invalid_request, invalid_token
from broker.store import grants
from broker.store.database import Database
from broker.store.grant_rows import Grant
from broker.web.errors import Json, back_channel
from broker.web.requests import brings_form, read_authorization, read_form

_BEARER: Final = 'Bearer realm="broker"'
_DPOP: Final = f'DPoP realm="broker", algs="{" ".join(public_key.ALGORITHMS)}"'


@dataclass(frozen=True, slots=True)
class _Presented:
    scheme: str
    token: str

    def __repr__(self) -> str:
        return f"_Presented({self.scheme})"


@dataclass(frozen=True, slots=True)
class UserInfo:
    """Answers with `sub` and, with `profile`, the claims of the ID token."""

    issuer: str
    database: Database
    claims: Claims
    possession: Possession
    clock: Clock

    def routes(self) -> list[Route]:
        """`GET /userinfo` and `POST /userinfo`."""
        return [Route("/userinfo", back_channel(self.answer, challenge=_challenge), methods=["GET", "POST"])]

    async def answer(self, request: Request) -> Response:
        """The claims. Raises `OAuthError` as RFC 6750 §3.1 has it."""
        presented = await _presented(request)
        if presented is None:
            # RFC 6750 §3.1: who brings no token is told how to authenticate, and of no error.
            return Response(status_code=401, headers={"WWW-Authenticate": f"{_BEARER}, {_DPOP}"})
        token = self._verified(presented.token)
        log_request.note_client(token.client_id)
        self._require_possession(request, presented, token)
        if "openid" not in token.scope:
            raise insufficient_scope("The access token was not granted openid.")
        if self.issuer not in token.audience:
            raise invalid_token("The access token is meant for somebody else.")
        grant = await self._grant(token)
        return Json({"sub": grant.user_id, **about(self.claims.person_of(grant), tuple(token.scope))})

    def _verified(self, encoded: str) -> AccessToken:
        try:
            return self.claims.verify_access_token(encoded, now=self.clock())
        except InvalidToken as error:
            raise OAuthError(
                "invalid_token", "The access token is expired or not ours.", str(error), status=401
            ) from None

    def _require_possession(self, request: Request, presented: _Presented, token: AccessToken) -> None:
        """RFC 9449 §7.1, §7.2: a bound token is no bearer token, and a bearer token no bound one."""
        if presented.scheme == "bearer":
            if token.jkt is not None:
                raise invalid_token("The access token is bound to a key and needs a DPoP proof.")
            return
        try:
            proof = self.possession.shown(
                request.headers.getlist("dpop"),
                method=request.method,
                path="/userinfo",
                access_token=presented.token,
            )
        except OAuthError as error:
            raise replace(error, status=401) from None
        if token.jkt is None or proof is None or proof.jkt != token.jkt:
            raise invalid_token("The access token is not bound to the key of the DPoP proof.")

    async def _grant(self, token: AccessToken) -> Grant:
        grant = None
        if token.grant_id is not None:
            grant = await self.database.read(grants.find_live, token.grant_id)
        if grant is None:
            raise invalid_token("The access token has been revoked.")
        return grant


def _challenge(request: Request, error: OAuthError) -> str:
    """RFC 6750 §3 and RFC 9449 §7.1: the error at the scheme used; to a bearer, DPoP is offered too."""
    said = f'error="{error.code}", error_description="{error.description}"'
    if _scheme(request) == "dpop":
        return f"{_DPOP}, {said}"
    bearer = f"{_BEARER}, {said}"
    return f"{bearer}, {_DPOP}" if error.status == 401 else bearer


def _scheme(request: Request) -> str:
    return request.headers.get("authorization", "").partition(" ")[0].lower()


async def _presented(request: Request) -> _Presented | None:
    """RFC 6750 §2: in the header, or in a form body, and in one of them only."""
    header = read_authorization(request)
    in_body = None
    if request.method == "POST" and brings_form(request):
        in_body = (await read_form(request)).get("access_token")
    if header is not None and in_body is not None:
        raise invalid_request("Send the access token once, in the header or in the body.")
    if in_body is not None:
        return _Presented("bearer", in_body)
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() not in ("bearer", "dpop"):
        return None
    if not token.strip():
        raise invalid_request("The Authorization header has no access token.")
    return _Presented(scheme.lower(), token.strip())
