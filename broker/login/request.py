"""Who asks at the authorization endpoint, and with which parameters: those at hand, or those pushed before."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from broker import log_request, opaque
from broker.client_auth.directory import Client, ClientDirectory
from broker.oauth import authorization_request, parameters
from broker.oauth.errors import OAuthError
from broker.oauth.parameters import Parameters
from broker.store import pushed
from broker.store.database import Database

_PUSHED: Final = "urn:ietf:params:oauth:request_uri:"

FindClient = Callable[[str], Awaitable[Client | None]]
"""Looks a client up by its id: the copy that is kept, or a younger one."""


@dataclass(frozen=True, slots=True)
class ReplyTo:
    """A client and a redirect URI known to be its own: from here on refusals may be sent there."""

    client_id: str
    redirect_uri: str
    response_mode: str
    state: str | None


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of a known client, its parameters not yet checked; `pushed` names the row of a pushed one."""

    client: Client
    reply_to: ReplyTo
    parameters: Parameters
    pushed: bytes | None


async def read(given: Parameters, directory: ClientDirectory, database: Database, *, now: int) -> Asked:
    """Who asks, and where the answer goes (RFC 6749 §4.1.2.1: before this is known, nothing is redirected).

    Raises `OAuthError`, to be shown as a page, and `DatabaseUnavailable`.
    """
    try:
        return await _read(given, directory.find, database, now=now)
    except OAuthError:
        # The copy that was kept may be older than what has been registered since.
        return await _read(given, directory.recent, database, now=now)


async def _read(given: Parameters, find: FindClient, database: Database, *, now: int) -> Asked:
    client = await _client(given, find)
    digest = None
    request_uri = given.get("request_uri")
    if request_uri is not None and request_uri.startswith(_PUSHED):
        digest = opaque.digest(request_uri)
        # RFC 9126 §4: what was pushed is the request; the rest of the query is ignored.
        given = await _pushed(digest, client, database, now=now)
    redirect_uri = authorization_request.redirect_uri(given, client.metadata)
    mode = authorization_request.response_mode(given)
    reply_to = ReplyTo(client.client_id, redirect_uri, mode, authorization_request.echoed_state(given))
    return Asked(client, reply_to, given, digest)


async def _client(given: Parameters, find: FindClient) -> Client:
    client = await find(given.required("client_id"))
    if client is None or client.disabled:
        raise OAuthError("invalid_client", "No app is registered under this client_id.")
    log_request.note_client(client.client_id)
    return client


async def _pushed(digest: bytes, client: Client, database: Database, *, now: int) -> Parameters:
    found = await database.read(pushed.find, digest, client_id=client.client_id, now=now)
    if found is None:
        raise OAuthError("invalid_request_uri", "The pushed request is unknown, expired, or was used before.")
    return parameters.parse(found.encode())
