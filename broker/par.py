"""`POST /par`: an app hands over its authorization request beforehand, authenticated (RFC 9126).

The answer names it by a `request_uri` that may be visited for a minute and is spent when its code is issued.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker import opaque
from broker.client_auth.authentication import Authentication
from broker.client_auth.directory import Client
from broker.client_auth.dpop import Proof
from broker.client_auth.possession import Possession
from broker.client_auth.refusals import Refusals
from broker.clock import Clock
from broker.oauth import authorization_request
from broker.oauth.errors import invalid_request, unauthorized_client
from broker.oauth.parameters import Parameters
from broker.rates.allowance import Allowance
from broker.store import pushed
from broker.store.database import Database
from broker.web.errors import Json, back_channel
from broker.web.requests import read_address, read_authorization, read_form

_PREFIX: Final = "urn:ietf:params:oauth:request_uri:"
_VISIT_SECONDS: Final = 60
_CREDENTIALS: Final = frozenset({"client_secret", "client_assertion", "client_assertion_type"})


@dataclass(frozen=True, slots=True)
class PushedRequests:
    """Keeps authorization requests for authenticated clients."""

    database: Database
    authentication: Authentication
    possession: Possession
    refusals: Refusals
    allowance: Allowance
    clock: Clock

    def routes(self) -> list[Route]:
        """`POST /par`."""
        return [Route("/par", back_channel(self.post), methods=["POST"])]

    async def post(self, request: Request) -> Response:
        """201 with the `request_uri`. Raises `OAuthError`, `DatabaseUnavailable`."""
        form = await read_form(request)
        authorization, address = read_authorization(request), read_address(request)
        client = await self.authentication.client(authorization, form, address=address)
        self.allowance.ask(client.client_id, "/par", address, proven=not client.metadata.public)
        async with self.refusals.kept(client, path="/par", request_id=request.scope["broker.request_id"]):
            proof = await self._checked(request, form, client)
        request_uri = opaque.secret(_PREFIX)
        await self.database.run(
            pushed.keep,
            opaque.digest(request_uri),
            client_id=client.client_id,
            parameters=_encoded(form, client.client_id, proof.jkt if proof else None),
            expires_at=self.clock() + _VISIT_SECONDS,
        )
        return Json({"request_uri": request_uri, "expires_in": _VISIT_SECONDS}, 201)

    async def _checked(self, request: Request, form: Parameters, client: Client) -> Proof | None:
        """The DPoP proof that came along, used up. Raises `OAuthError` for what may not be pushed."""
        if client.metadata.public:
            # Nobody has proved anything, and what anybody may send must leave no row.
            raise unauthorized_client("Only an app that authenticates can push its requests.")
        if "request_uri" in form:
            # RFC 9126 §2.1.
            raise invalid_request("A pushed request cannot itself name a request_uri.")
        authorization_request.redirect_uri(form, client.metadata)
        asked = authorization_request.read(form, client.metadata)
        proof = self.possession.shown(request.headers.getlist("dpop"), method="POST", path="/par")
        if proof is not None:
            if asked.code_jkt not in (None, proof.jkt):
                raise invalid_request("The dpop_jkt differs from the key of the DPoP proof.")
            await self.possession.use_up(proof)
        return proof


def _encoded(form: Parameters, client_id: str, proven: str | None) -> str:
    """The request without the client's credentials; RFC 9449 §10.1: a proof counts as its `dpop_jkt`."""
    pairs = [
        (name, value)
        for name in form
        if name not in _CREDENTIALS and name not in ("client_id", "dpop_jkt", "resource")
        for value in [form[name]]
    ]
    pairs += [("resource", value) for value in form.several("resource")]
    jkt = proven or form.get("dpop_jkt")
    if jkt is not None:
        pairs.append(("dpop_jkt", jkt))
    return urlencode([("client_id", client_id), *pairs])
