"""`POST /token` in five steps: read, authenticate the client, choose the grant, let it spend, answer.

Checks that every grant needs stand here, so that no grant can forget one.
"""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker.claims import Claims
from broker.client_auth import Client, ClientDirectory, authenticate
from broker.clock import Clock
from broker.keys.ring import Ring
from broker.oauth.errors import invalid_client, invalid_request, unauthorized_client, unsupported_grant_type
from broker.oauth.parameters import Parameters
from broker.store.database import Database
from broker.store.grant_rows import StaleClient
from broker.tokens import answer, authorization_code, refresh_token
from broker.tokens.answer import Issue
from broker.tokens.lifetimes import Lifetimes
from broker.web.errors import Json, back_channel
from broker.web.requests import read_form


class _Grant(Protocol):
    def __call__(
        self, form: Parameters, client: Client, *, database: Database, ring: Ring, lifetimes: Lifetimes, now: int
    ) -> Awaitable[Issue | StaleClient]: ...


_GRANTS: Final[Mapping[str, _Grant]] = {
    "authorization_code": authorization_code.spend,
    "refresh_token": refresh_token.spend,
}


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """Trades codes and refresh tokens for tokens."""

    database: Database
    directory: ClientDirectory
    claims: Claims
    lifetimes: Lifetimes
    clock: Clock

    def routes(self) -> list[Route]:
        """`POST /token`."""
        return [Route("/token", back_channel(self.post), methods=["POST"])]

    async def post(self, request: Request) -> Response:
        """The token response. Raises `OAuthError`, `DatabaseUnavailable`."""
        form = await read_form(request)
        authorization = request.headers.get("authorization")
        client = await authenticate(self.directory, authorization, form)
        issue = await self._spend(form, client)
        if isinstance(issue, StaleClient):
            # The client changed since it was kept: whoever still proves to be it starts over.
            client = await authenticate(self.directory, authorization, form, fresh=True)
            issue = await self._spend(form, client)
        if isinstance(issue, StaleClient):
            raise invalid_client(detail="the client changed twice while it was asking")
        return Json(await answer.compose(self.claims, issue, now=self.clock()))

    async def _spend(self, form: Parameters, client: Client) -> Issue | StaleClient:
        name = form.get("grant_type")
        if name is None:
            raise invalid_request("The request has no grant_type.")
        grant = _GRANTS.get(name)
        if grant is None:
            raise unsupported_grant_type("This grant_type is not offered.")
        if name not in client.metadata.grant_types:
            raise unauthorized_client("The app is not registered for this grant_type.")
        return await grant(
            form,
            client,
            database=self.database,
            ring=self.claims.signer.ring,
            lifetimes=self.lifetimes,
            now=self.clock(),
        )
