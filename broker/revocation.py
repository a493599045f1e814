"""`POST /revoke`: the app throws a token away (RFC 7009). Either kind ends its grant, and with it every token.

A client's token in its own name has no grant, and ends alone.

Unknown and foreign tokens are answered like known ones; a database that could not do it is not.
"""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker.claims import Claims
from broker.claims_told import InvalidToken
from broker.client_auth.authentication import Authentication
from broker.client_auth.refusals import Refusals
from broker.clock import Clock
from broker.keys import refresh
from broker.store import grants, machine_tokens
from broker.store.database import Database
from broker.web.errors import back_channel
from broker.web.requests import read_address, read_authorization, read_form


@dataclass(frozen=True, slots=True)
class Revocation:
    """Ends grants at the wish of their own client."""

    database: Database
    authentication: Authentication
    refusals: Refusals
    claims: Claims
    clock: Clock

    def routes(self) -> list[Route]:
        """`POST /revoke`."""
        return [Route("/revoke", back_channel(self.post), methods=["POST"])]

    async def post(self, request: Request) -> Response:
        """200 without a body (RFC 7009 §2.2). Raises `OAuthError`, `DatabaseUnavailable`."""
        form = await read_form(request)
        authorization, address = read_authorization(request), read_address(request)
        client = await self.authentication.client(authorization, form, address=address)
        async with self.refusals.kept(client, path="/revoke", request_id=request.scope["broker.request_id"]):
            token = form.required("token")
        await self._revoke(token, client.client_id, request.scope["broker.request_id"])
        return Response()

    async def _revoke(self, encoded: str, client_id: str, request_id: str) -> None:
        """End what this client's own token stands for; any other token is no error (RFC 7009 §2.2)."""
        presented = refresh.read(self.claims.signer.ring, encoded, client_id=client_id)
        if presented is not None:
            await self._end(presented.grant_id, request_id)
            return
        now = self.clock()
        try:
            token = self.claims.verify_access_token(encoded, now=now)
        except InvalidToken:
            return
        if token.client_id != client_id:
            return
        if token.grant_id is not None:
            await self._end(token.grant_id, request_id)
            return
        await self.database.transact(
            machine_tokens.revoke,
            token.digest,
            client_id=client_id,
            request_id=request_id,
            expires_at=token.expires_at,
            now=now,
        )

    async def _end(self, grant_id: str, request_id: str) -> None:
        await self.database.run(grants.revoke, grant_id, request_id=request_id, now=self.clock())
