"""Spending a code or a refresh token together with the DPoP proof it was presented with, in one transaction.

The proof's name is written only when the presentation was good: a public client proves nothing else of itself,
and what anybody may send must leave no row. A proof used before undoes the presentation, which costs nothing.
"""

from broker.store import spent_ids
from broker.store.database import P, StoreFunction, Transaction
from broker.store.grant_rows import Refused, Spent, StaleClient

Outcome = Spent | Refused | StaleClient


class ProofUsed(Exception):
    """The proof was used before (RFC 9449 §11.1): everything is rolled back."""


async def together(
    tx: Transaction,
    proof: tuple[bytes, int],
    function: StoreFunction[P, Outcome],
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> Outcome:
    """What `function` answers. `proof`: the digest of its name, and when to forget it. Raises `ProofUsed`."""
    outcome = await function(tx, *args, **kwargs)
    wrote = isinstance(outcome, Spent) or (isinstance(outcome, Refused) and outcome.ended)
    digest, expires_at = proof
    if wrote and not await spent_ids.spend(tx, digest, expires_at=expires_at):
        raise ProofUsed
    return outcome
