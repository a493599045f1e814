"""Client authentication at the back-channel endpoints, by the method the client is registered for and no other.

RFC 6749 §2.3; a second method in one request is refused.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote_plus

from broker import log_request, opaque
from broker.client_auth import assertion
from broker.client_auth.directory import Client, ClientDirectory
from broker.client_auth.jwks import KeySource
from broker.clock import Clock
from broker.oauth.errors import OAuthError, invalid_client, invalid_request
from broker.oauth.parameters import is_visible_ascii
from broker.rates.allowance import Allowance
from broker.store import spent_ids
from broker.store.database import Database


@dataclass(frozen=True, slots=True)
class _Presented:
    method: str
    client_id: str
    secret: str | None = None
    assertion: str | None = None

    def __repr__(self) -> str:
        return f"_Presented({self.method}, {self.client_id})"


@dataclass(frozen=True, slots=True)
class _Proof:
    """A client that proved itself, and the assertion by which it did, which is still to be used up."""

    client: Client
    assertion: assertion.Assertion | None


@dataclass(frozen=True, slots=True)
class Authentication:
    """Tells which client sent a request."""

    issuer: str
    directory: ClientDirectory
    keys: KeySource
    database: Database
    allowance: Allowance
    clock: Clock

    async def client(self, authorization: str | None, form: Mapping[str, str], *, address: str | None) -> Client:
        """The client that proves itself in the Authorization header or in the form, from `address`.

        Raises `invalid_client`, `invalid_request` when two methods are used at once, status 429 when too much has
        failed from there, `DatabaseUnavailable`.
        """
        presented = _presented(authorization, form)
        self.allowance.try_proof(presented.client_id, address)
        try:
            return await self._proven(presented)
        except OAuthError:
            self.allowance.failed(presented.client_id, address)
            raise

    async def _proven(self, presented: _Presented) -> Client:
        client = await self.directory.find(presented.client_id)
        try:
            proof = await self._proof(client, presented)
        except OAuthError:
            # The copy may be older than a new secret or key.
            client = await self.directory.reread(presented.client_id)
            proof = await self._proof(client, presented)
        # RFC 7523 §3: one statement decides, so that no replica takes it a second time.
        if proof.assertion is not None and not await self.database.run(
            spent_ids.spend, proof.assertion.jti_digest, expires_at=proof.assertion.expires_at
        ):
            raise invalid_client(detail="the assertion was used before")
        log_request.note_client(proof.client.client_id)
        return proof.client

    async def again(self, authorization: str | None, form: Mapping[str, str]) -> Client:
        """The same client as the database has it now, if its proof still holds; no assertion is spent again."""
        presented = _presented(authorization, form)
        return (await self._proof(await self.directory.reread(presented.client_id), presented)).client

    async def _proof(self, client: Client | None, presented: _Presented) -> _Proof:
        refusal = "no such client" if client is None else self._refusal(client, presented)
        if client is None or refusal is not None:
            raise invalid_client(detail=refusal)
        if presented.assertion is None:
            return _Proof(client, None)
        verified = await assertion.verify(
            presented.assertion, client, issuer=self.issuer, keys=self.keys, now=self.clock()
        )
        return _Proof(client, verified)

    def _refusal(self, client: Client, presented: _Presented) -> str | None:
        """Why not, for the log; the client hears one sentence whatever it was."""
        if client.disabled:
            return "the client is disabled"
        registered = client.metadata.token_endpoint_auth_method
        if registered != presented.method:
            return f"it is registered for {registered}, not {presented.method}"
        if presented.secret is not None and not self._is_secret(presented.secret, client):
            return "wrong secret"
        return None

    def _is_secret(self, secret: str, client: Client) -> bool:
        digest = opaque.digest(secret)
        good = [client.secret_digest]
        if self.clock() < client.previous_secret_until:
            good.append(client.previous_secret_digest)
        return any(one is not None and opaque.equal(digest, one) for one in good)


def _presented(authorization: str | None, form: Mapping[str, str]) -> _Presented:
    client_id, secret, signed = form.get("client_id"), form.get("client_secret"), form.get("client_assertion")
    if sum(one is not None for one in (authorization, secret, signed)) > 1:
        raise invalid_request("Use one way of client authentication, not two.")
    if signed is None and "client_assertion_type" in form:
        raise invalid_request("The request has a client_assertion_type and no client_assertion.")
    if authorization is not None:
        presented = _basic(authorization)
    elif signed is not None:
        presented = _Presented("private_key_jwt", assertion.claimed_client(form), assertion=signed)
    elif client_id is None:
        raise invalid_client("No client authentication was sent.")
    elif secret is not None:
        presented = _Presented("client_secret_post", client_id, secret)
    else:
        presented = _Presented("none", client_id)
    if client_id is not None and client_id != presented.client_id:
        raise invalid_request("The client_id differs from the one in the client authentication.")
    return presented


def _basic(authorization: str) -> _Presented:
    """RFC 6749 §2.3.1: both halves are form-encoded before they are joined and put into base64."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise invalid_client("The Authorization header must use the Basic scheme.")
    try:
        pair = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
        halves = [unquote_plus(half, errors="strict") for half in pair.split(":", 1)]
    except (binascii.Error, ValueError):
        raise invalid_client("The Authorization header is not readable as Basic credentials.") from None
    if len(halves) != 2 or not is_visible_ascii(halves[0]):
        raise invalid_client("The Authorization header is not readable as Basic credentials.")
    return _Presented("client_secret_basic", halves[0], halves[1])
