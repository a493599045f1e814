"""Proof of possession at an endpoint: the DPoP header of a request, checked and used up (RFC 9449 §5)."""

from collections.abc import Sequence
from dataclasses import dataclass

from broker.client_auth import dpop
from broker.client_auth.dpop import Proof
from broker.clock import Clock
from broker.oauth.errors import invalid_dpop_proof
from broker.store import spent_ids
from broker.store.database import Database


@dataclass(frozen=True, slots=True)
class Possession:
    """Reads DPoP proofs."""

    issuer: str
    database: Database
    clock: Clock

    def shown(
        self, headers: Sequence[str], *, method: str, path: str, access_token: str | None = None
    ) -> Proof | None:
        """The proof in a request's DPoP headers, good for this request and the token with it; None without one.

        It is not used up. Raises `invalid_dpop_proof`.
        """
        if not headers:
            return None
        if len(headers) > 1:
            # RFC 9449 §4.3, first check.
            raise invalid_dpop_proof("The request has more than one DPoP header.")
        return dpop.verify(
            headers[0],
            method=method,
            url=f"{self.issuer}{path}",
            now=self.clock(),
            access_token=access_token,
        )

    async def use_up(self, proof: Proof) -> None:
        """Let the proof count once, across all replicas (RFC 9449 §11.1).

        Raises `invalid_dpop_proof`, `DatabaseUnavailable`.
        """
        if not await self.database.run(spent_ids.spend, proof.jti_digest, expires_at=proof.expires_at):
            raise invalid_dpop_proof("The DPoP proof was used before.")
