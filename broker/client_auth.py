"""Which client is speaking, and can it prove it (RFC 6749 §2.3).

Routes: none. Clients are read once and kept for a few seconds; whoever spends something for a client requires,
in the statement that spends, the `version` that was kept, so a stale copy harms nobody.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

from broker import opaque
from broker.clock import Clock
from broker.oauth import client_metadata
from broker.oauth.client_metadata import ClientMetadata
from broker.oauth.errors import invalid_client, invalid_request
from broker.oauth.parameters import is_visible_ascii
from broker.store import clients
from broker.store.database import Database

_KEPT_SECONDS = 5
_MOST_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Client:
    """A registered app as of `read_at`, epoch seconds."""

    client_id: str
    metadata: ClientMetadata
    secret_digest: bytes | None
    version: int
    disabled: bool
    read_at: int


@dataclass(frozen=True, slots=True)
class ClientDirectory:
    """Finds clients, keeping each for a few seconds."""

    database: Database
    clock: Clock
    _kept: dict[str, Client] = field(default_factory=dict)

    async def find(self, client_id: str) -> Client | None:
        """The client, disabled or not; None when there is none. Raises `DatabaseUnavailable`."""
        kept = self._kept.get(client_id)
        if kept is not None and self.clock() - kept.read_at < _KEPT_SECONDS:
            return kept
        return await self.reread(client_id)

    async def reread(self, client_id: str) -> Client | None:
        """The client as the database has it now."""
        now = self.clock()
        row = await self.database.read(clients.find, client_id)
        if row is None:
            self._kept.pop(client_id, None)
            return None
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        client = Client(
            client_id=row.client_id,
            metadata=client_metadata.read(row.metadata),
            secret_digest=row.secret_digest,
            version=row.version,
            disabled=row.disabled_at is not None,
            read_at=now,
        )
        self._kept[client_id] = client
        return client


@dataclass(frozen=True, slots=True)
class _Presented:
    method: str
    client_id: str
    secret: str | None = field(repr=False)


async def authenticate(
    directory: ClientDirectory, authorization: str | None, form: Mapping[str, str], *, fresh: bool = False
) -> Client:
    """The client that sent this request, by its registered method only.

    `authorization` is the header's value; `fresh` asks the database even when a copy is at hand. Raises
    `invalid_client`, and `invalid_request` when two methods are used at once (RFC 6749 §2.3).
    """
    presented = _presented(authorization, form)
    client = await (directory.reread if fresh else directory.find)(presented.client_id)
    refusal = _refusal(client, presented)
    if client is not None and refusal is not None and not fresh:
        # The copy may be older than a new secret; that there is no such client was read just now.
        client = await directory.reread(presented.client_id)
        refusal = _refusal(client, presented)
    if client is None or refusal is not None:
        raise invalid_client(detail=refusal)
    return client


def _presented(authorization: str | None, form: Mapping[str, str]) -> _Presented:
    client_id, secret = form.get("client_id"), form.get("client_secret")
    if authorization is not None:
        if secret is not None:
            raise invalid_request("Use one way of client authentication, not two.")
        basic = _basic(authorization)
        if client_id is not None and client_id != basic.client_id:
            raise invalid_request("The client_id differs from the one in the Authorization header.")
        return basic
    if client_id is None:
        raise invalid_client("No client authentication was sent.")
    if secret is None:
        return _Presented("none", client_id, None)
    return _Presented("client_secret_post", client_id, secret)


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


def _refusal(client: Client | None, presented: _Presented) -> str | None:
    """Why not, for the log; the client hears one sentence whatever it was."""
    if client is None:
        return "no such client"
    if client.disabled:
        return "the client is disabled"
    if client.metadata.token_endpoint_auth_method != presented.method:
        return f"it is registered for {client.metadata.token_endpoint_auth_method}, not {presented.method}"
    if client.metadata.public:
        return None
    if client.secret_digest is None or presented.secret is None:
        return "no secret"
    if not opaque.equal(opaque.digest(presented.secret), client.secret_digest):
        return "wrong secret"
    return None
