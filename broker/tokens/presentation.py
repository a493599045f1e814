"""What every grant is handed: who presents what, with which key, and what it may be spent against."""

from dataclasses import dataclass

from broker.claims import Claims
from broker.client_auth.directory import Client
from broker.client_auth.dpop import Proof
from broker.client_auth.possession import Possession
from broker.indices import Indices
from broker.keys.ring import Ring
from broker.oauth.errors import invalid_dpop_proof
from broker.oauth.parameters import Parameters
from broker.store import proven
from broker.store.database import Database, P, StoreFunction
from broker.store.proven import Outcome, ProofUsed
from broker.tokens.lifetimes import Lifetimes
from broker.vault import Vault


@dataclass(frozen=True, slots=True)
class Presentation:
    """A token request of an authenticated client; `proof` is its DPoP proof, checked but not used up.

    `avatars` is what is to be done with pictures of people: `copy`, `link` or `off`.
    """

    form: Parameters
    client: Client
    proof: Proof | None
    possession: Possession
    database: Database
    claims: Claims
    vault: Vault
    indices: Indices
    lifetimes: Lifetimes
    avatars: str
    request_id: str
    now: int

    @property
    def ring(self) -> Ring:
        """The keys of refresh tokens."""
        return self.claims.signer.ring

    @property
    def jkt(self) -> str | None:
        """The thumbprint of the key that the proof showed."""
        return self.proof.jkt if self.proof else None

    @property
    def binding(self) -> str | None:
        """The key that its refresh tokens are bound to from now on.

        RFC 9449 §5: those of a public client; a confidential client's are bound to the client already.
        """
        return self.jkt if self.client.metadata.public else None

    async def spend(self, function: StoreFunction[P, Outcome], /, *args: P.args, **kwargs: P.kwargs) -> Outcome:
        """Spend a code or a refresh token, and with it the proof. Raises `invalid_dpop_proof`."""
        if self.proof is None:
            return await self.database.run(function, *args, **kwargs)
        name = (self.proof.jti_digest, self.proof.expires_at)
        try:
            return await self.database.transact(proven.together, name, function, *args, **kwargs)
        except ProofUsed:
            raise invalid_dpop_proof("The DPoP proof was used before.") from None
