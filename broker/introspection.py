"""`POST /introspect`: is this token good now (RFC 7662).

Answered to the token's own client, and to confidential clients among whose audiences the token is meant. To
everybody else no token is active.
"""

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker.claims import Claims
from broker.claims_told import AccessToken, InvalidToken
from broker.client_auth.authentication import Authentication
from broker.client_auth.directory import Client
from broker.client_auth.refusals import Refusals
from broker.clock import Clock
from broker.keys import refresh
from broker.store import grants, machine_tokens, rotating
from broker.store.database import Database
from broker.web.errors import Json, back_channel
from broker.web.requests import read_address, read_authorization, read_form


@dataclass(frozen=True, slots=True)
class Introspection:
    """Tells clients about tokens."""

    database: Database
    authentication: Authentication
    refusals: Refusals
    claims: Claims
    clock: Clock

    def routes(self) -> list[Route]:
        """`POST /introspect`."""
        return [Route("/introspect", back_channel(self.post), methods=["POST"])]

    async def post(self, request: Request) -> Response:
        """The token's state. Raises `OAuthError`, `DatabaseUnavailable`."""
        form = await read_form(request)
        authorization, address = read_authorization(request), read_address(request)
        client = await self.authentication.client(authorization, form, address=address)
        async with self.refusals.kept(client, path="/introspect", request_id=request.scope["broker.request_id"]):
            token = form.required("token")
        return Json(await self._about(token, client) or {"active": False})

    async def _about(self, encoded: str, client: Client) -> dict[str, Any] | None:
        try:
            token = self.claims.verify_access_token(encoded, now=self.clock())
        except InvalidToken:
            return await self._about_refresh_token(encoded, client)
        if not _may_know(client, token) or not await self._is_live(token):
            return None
        kind = "DPoP" if "cnf" in token.claims else "Bearer"
        return {"active": True, "token_type": kind, **token.claims}

    async def _is_live(self, token: AccessToken) -> bool:
        if token.grant_id is None:
            return await self.database.read(machine_tokens.is_live, token.client_id, token.digest)
        return await self.database.read(grants.find_live, token.grant_id) is not None

    async def _about_refresh_token(self, encoded: str, client: Client) -> dict[str, Any] | None:
        presented = refresh.read(self.claims.signer.ring, encoded, client_id=client.client_id)
        if presented is None:
            return None
        found = await self.database.read(
            rotating.current, presented.grant_id, client_id=client.client_id, now=self.clock()
        )
        if found is None or found.grant.generation != presented.generation:
            return None
        grant = found.grant
        return {
            "active": True,
            "token_type": "refresh_token",
            "iss": self.claims.issuer,
            "sub": grant.user_id,
            "client_id": grant.client_id,
            "scope": grant.scope,
            "exp": found.expires_at,
            "union_id": grant.union_id,
        }


def _may_know(client: Client, token: AccessToken) -> bool:
    if client.client_id == token.client_id:
        return True
    named = {client.client_id, *client.metadata.audience}
    return not client.metadata.public and bool(named & token.audience)
