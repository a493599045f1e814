"""`POST /token` in five steps: read, authenticate the client, choose the grant, let it spend, answer.

Checks that every grant needs stand here, so that no grant can forget one.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker import telemetry
from broker.claims import Claims
from broker.client_auth.authentication import Authentication
from broker.client_auth.directory import Client
from broker.client_auth.dpop import Proof
from broker.client_auth.possession import Possession
from broker.client_auth.refusals import Refusals
from broker.clock import Clock
from broker.indices import Indices
from broker.oauth.errors import (
    OAuthError,
    invalid_client,
    invalid_dpop_proof,
    unauthorized_client,
    unsupported_grant_type,
)
from broker.oauth.parameters import Parameters
from broker.oauth.registration import EXCHANGE
from broker.rates.allowance import Allowance
from broker.store.database import Database
from broker.store.grant_rows import StaleClient
from broker.tokens import answer, authorization_code, client_credentials, exchange, refresh_token
from broker.tokens.answer import HandedOut, Issue, MachineIssue
from broker.tokens.lifetimes import Lifetimes
from broker.tokens.presentation import Presentation
from broker.vault import Vault
from broker.web.errors import Json, back_channel
from broker.web.requests import read_address, read_authorization, read_form

Outcome = Issue | MachineIssue | HandedOut | StaleClient
_GRANTS: Final[Mapping[str, Callable[[Presentation], Awaitable[Outcome]]]] = {
    "authorization_code": authorization_code.spend,
    "refresh_token": refresh_token.spend,
    "client_credentials": client_credentials.spend,
    EXCHANGE: exchange.spend,
}
_GRANT_LABELS: Final = {name: name.rpartition(":")[2] for name in _GRANTS}


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """Trades codes and refresh tokens for tokens."""

    database: Database
    authentication: Authentication
    possession: Possession
    refusals: Refusals
    claims: Claims
    vault: Vault
    indices: Indices
    lifetimes: Lifetimes
    avatars: str
    allowance: Allowance
    clock: Clock

    def routes(self) -> list[Route]:
        """`POST /token`."""
        return [Route("/token", back_channel(self.post), methods=["POST"])]

    async def post(self, request: Request) -> Response:
        """The token response. Raises `OAuthError`, `DatabaseUnavailable`."""
        form = await read_form(request)
        grant = _GRANT_LABELS.get(form.get("grant_type", ""), "other")
        try:
            answered = await self._answer(request, form)
        except OAuthError as error:
            telemetry.TOKEN_REQUESTS.labels(grant, error.code).inc()
            raise
        telemetry.TOKEN_REQUESTS.labels(grant, telemetry.OK).inc()
        return answered

    async def _answer(self, request: Request, form: Parameters) -> Response:
        authorization = read_authorization(request)
        address = read_address(request)
        client = await self.authentication.client(authorization, form, address=address)
        self.allowance.ask(client.client_id, "/token", address, proven=not client.metadata.public)
        request_id = request.scope["broker.request_id"]
        async with self.refusals.kept(client, path="/token", request_id=request_id):
            self._refuse_grant(form, client)
            proof = self.possession.shown(request.headers.getlist("dpop"), method="POST", path="/token")
            issue = await self._spend(form, client, proof, request_id)
            if isinstance(issue, StaleClient):
                # The client changed since it was kept: whoever still proves to be it starts over.
                client = await self.authentication.again(authorization, form)
                issue = await self._spend(form, client, proof, request_id)
            if isinstance(issue, StaleClient):
                raise invalid_client(detail="the client changed twice while it was asking")
        jkt = proof.jkt if proof else None
        tokens = await answer.compose(self.claims, client, issue, jkt=jkt, now=self.clock())
        # RFC 6749 §5.1 asks for both, the other being on every answer of ours.
        return Json(tokens, headers={"Pragma": "no-cache"})

    async def _spend(self, form: Parameters, client: Client, proof: Proof | None, request_id: str) -> Outcome:
        self._refuse_grant(form, client)
        if proof is None and client.metadata.dpop_bound_access_tokens:
            # RFC 9449 §5.2.
            raise invalid_dpop_proof("This app must send a DPoP proof.")
        presented = Presentation(
            form=form,
            client=client,
            proof=proof,
            possession=self.possession,
            database=self.database,
            claims=self.claims,
            vault=self.vault,
            indices=self.indices,
            lifetimes=self.lifetimes,
            avatars=self.avatars,
            request_id=request_id,
            now=self.clock(),
        )
        return await _GRANTS[form["grant_type"]](presented)

    def _refuse_grant(self, form: Parameters, client: Client) -> None:
        name = form.required("grant_type")
        if name not in _GRANTS:
            raise unsupported_grant_type("This grant_type is not offered.")
        if name not in client.metadata.grant_types and name != EXCHANGE:
            # Who may exchange what is decided by what is exchanged.
            raise unauthorized_client("The app is not registered for this grant_type.")
