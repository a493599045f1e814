"""`grant_type=client_credentials` (RFC 6749 §4.4): a token for the client itself. Nothing is spent but a proof."""

from typing import Final

from broker.oauth import scopes
from broker.oauth.errors import unauthorized_client
from broker.store import clients
from broker.store.grant_rows import StaleClient
from broker.tokens.answer import MachineIssue
from broker.tokens.presentation import Presentation
from broker.tokens.resources import narrowed

_ABOUT_PEOPLE: Final = frozenset(scopes.SUPPORTED)


async def spend(presented: Presentation) -> MachineIssue | StaleClient:
    """What the client may have in its own name.

    Raises `invalid_request`, `invalid_target`, `unauthorized_client`, `invalid_dpop_proof`.
    """
    client, metadata = presented.client, presented.client.metadata
    if metadata.public:
        # RFC 6749 §4.4: confidential clients only.
        raise unauthorized_client("The app is not registered for this grant_type.")
    asked = scopes.granted(presented.form.get("scope"), metadata.scope)
    resources = narrowed(presented.form.several("resource"), "", metadata.audience)
    # No statement spends anything here that could require the version that was kept.
    if not await presented.database.read(clients.is_current, client.client_id, client.version):
        return StaleClient()
    if presented.proof is not None:
        await presented.possession.use_up(presented.proof)
    return MachineIssue(scope=tuple(scope for scope in asked if scope not in _ABOUT_PEOPLE), resources=resources)
