"""Registered apps: what they are bound to, and whether the addresses that the broker calls may be called."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from urllib.parse import urlsplit

from broker.cli.doctor.findings import Finding, fault, ok, warning
from broker.oauth import client_metadata
from broker.oauth.client_metadata import ClientMetadata
from broker.outbound import Reach
from broker.settings import Settings
from broker.store import clients
from broker.store.clients import ClientRow
from broker.store.database import Database


async def findings(database: Database, settings: Settings, *, resolve: bool) -> AsyncIterator[Finding]:
    """Raises `DatabaseUnavailable` and `SchemaMismatch`. `resolve`: ask where the names in addresses lead to."""
    enabled = [client for client in await database.read(clients.every) if client.disabled_at is None]
    if not enabled:
        yield warning("apps", "none is registered, or all are disabled", "Register one with `broker clients add`.")
        return
    private = settings.allow_private_callbacks
    reach = Reach(private=private, loopback=private or settings.loopback)
    wrong = 0
    for client in enabled:
        async for finding in _of(client, settings, reach, resolve=resolve):
            wrong += 1
            yield finding
    if not wrong:
        yield ok("apps", f"{len(enabled)} registered and enabled")


async def _of(client: ClientRow, settings: Settings, reach: Reach, *, resolve: bool) -> AsyncIterator[Finding]:
    metadata = client_metadata.read(client.metadata)
    for finding in bound(client.client_id, metadata, settings):
        yield finding
    for name, address in _addresses(metadata):
        trouble = _refused(client.client_id, name, reach.refuses(address))
        if trouble is None and resolve:
            trouble = await _unresolved(client.client_id, name, address, reach)
        if trouble is not None:
            yield trouble


def bound(client_id: str, metadata: ClientMetadata, settings: Settings) -> Iterator[Finding]:
    """What is wrong with the registration that an app signs people in through."""
    check = f"app {client_id}"
    registration = next((one for one in settings.registrations if one.name == metadata.registration), None)
    if registration is None:
        yield fault(
            check,
            f"it is bound to the registration {metadata.registration}, which is not configured",
            "Add that registration to BROKER_TIKTOK_REGISTRATIONS, or bind the app to another with "
            f"`broker clients update {client_id} --registration NAME`.",
        )
        return
    missing = [scope for scope in metadata.required_tiktok_scopes if scope not in registration.scopes]
    if missing:
        yield warning(
            check,
            f"it requires {', '.join(missing)}, which the registration {registration.name} does not ask for",
            "Add it to the registration's scopes once TikTok has approved it, or no longer require it.",
        )


def called(client_id: str, metadata: ClientMetadata, reach: Reach) -> Iterator[Finding]:
    """Which addresses of an app the broker may not call, as they are spelled."""
    for name, address in _addresses(metadata):
        trouble = _refused(client_id, name, reach.refuses(address))
        if trouble is not None:
            yield trouble


def _addresses(metadata: ClientMetadata) -> list[tuple[str, str]]:
    named = {"jwks_uri": metadata.jwks_uri, "backchannel_logout_uri": metadata.backchannel_logout_uri}
    return [(name, address) for name, address in named.items() if address is not None]


def _refused(client_id: str, name: str, refusal: str | None) -> Finding | None:
    if refusal is None:
        return None
    return fault(
        f"app {client_id}",
        f"the broker may not call its {name}: {refusal.removesuffix('.')}",
        f"Correct {name} with `broker clients update`, or set BROKER_ALLOW_PRIVATE_CALLBACKS=on if it is yours.",
    )


async def _unresolved(client_id: str, name: str, address: str, reach: Reach) -> Finding | None:
    """What is wrong with where the name leads to; nothing is called."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    try:
        addresses = await _resolved(host, parts.port)
    except OSError:
        return warning(
            f"app {client_id}",
            f"the host in its {name} has no address here: {host}",
            "Correct the address, or this machine's name server.",
        )
    if any(not reach.allows(each) for each in addresses):
        return _refused(client_id, name, f"{host} points into a private network.")
    return None


async def _resolved(host: str, port: int | None) -> Sequence[str]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for *_, sockaddr in found]
