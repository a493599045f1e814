"""What an app that has proved itself is refused, kept as audit events.

Anybody can name a public client, and whoever fails to authenticate is nobody: of those there is a log line only,
or else a stranger could fill the table.
"""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from broker.client_auth.directory import Client
from broker.clock import Clock
from broker.log_masking import scrubbed
from broker.oauth.errors import OAuthError
from broker.store import refused_requests
from broker.store.database import Database


@dataclass(frozen=True, slots=True)
class Refusals:
    """Keeps them."""

    database: Database
    clock: Clock

    @contextlib.asynccontextmanager
    async def kept(self, client: Client, *, path: str, request_id: str) -> AsyncIterator[None]:
        """Keep the refusal that the block raises as `OAuthError`, and let it go on.

        An outage is no refusal, nor is a client that changed meanwhile and did not prove itself anew. Raises
        `DatabaseUnavailable` in place of a refusal that could not be kept.
        """
        try:
            yield
        except OAuthError as error:
            if not client.metadata.public and error.status < 500 and error.code != "invalid_client":
                await self.database.transact(
                    refused_requests.record,
                    client.client_id,
                    # What a library says may quote what it was given.
                    reason=scrubbed(f"{path} {error.code}: {error.detail or error.description}"),
                    request_id=request_id,
                    now=self.clock(),
                )
            raise
