"""Telling an app that a session is over (OIDC Back-Channel Logout 1.0 §2.5): one delivery of the outbox."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from broker import log
from broker.claims import Claims
from broker.client_auth.directory import ClientDirectory
from broker.clock import Clock
from broker.outbound import Outbound, Unreachable
from broker.store.outbox import Outcome

_log = log.get("logout")


@dataclass(frozen=True, slots=True)
class LogoutNotice:
    """Posts logout tokens."""

    directory: ClientDirectory
    claims: Claims
    outbound: Outbound
    clock: Clock

    async def deliver(self, payload: Mapping[str, Any]) -> Outcome:
        """Until the app has heard it, or has nothing left to hear with."""
        client = await self.directory.find(payload["client_id"])
        if client is None or client.disabled or client.metadata.backchannel_logout_uri is None:
            return Outcome.DONE
        address = client.metadata.backchannel_logout_uri
        token = await self.claims.logout_token(
            client_id=client.client_id,
            sub=payload["sub"],
            sid=payload["sid"],
            now=self.clock(),
            alg=client.metadata.id_token_signed_response_alg,
        )
        try:
            status = await self.outbound.post_form(address, urlencode({"logout_token": token}).encode())
        except Unreachable as error:
            _log.warning("backchannel_logout.unheard", client_id=payload["client_id"], reason=str(error))
            return Outcome.AGAIN
        # §2.8: 200, and 204 from frameworks that answer an empty body so. 400 is also what an app says whose own
        # sign-out failed, so it may yet succeed.
        heard = status in (200, 204)
        if not heard:
            _log.warning("backchannel_logout.refused", client_id=payload["client_id"], status=status)
        return Outcome.DONE if heard else Outcome.AGAIN
