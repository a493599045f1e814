"""`grant_type=authorization_code` (RFC 6749 §4.1.3, RFC 7636 §4.5, RFC 9449 §10)."""

from broker import opaque, telemetry
from broker.oauth import pkce
from broker.oauth.errors import invalid_grant
from broker.store import redeeming
from broker.store.grant_rows import Spent, StaleClient
from broker.tokens.answer import Issue
from broker.tokens.presentation import Presentation
from broker.tokens.resources import narrowed


async def spend(presented: Presentation) -> Issue | StaleClient:
    """Spend the code that was presented. Raises `invalid_request`, `invalid_grant`, `invalid_target`."""
    form, client, now, lifetimes = presented.form, presented.client, presented.now, presented.lifetimes
    code, redirect_uri = form.required("code"), form.required("redirect_uri")
    code_digest = opaque.digest(code)
    if "resource" in form:
        # Asking for too much must not cost the code, so what was granted (it never changes) is read first.
        granted = await presented.database.read(redeeming.resources_behind, code_digest)
        narrowed(form.several("resource"), granted or "", client.metadata.audience)
    refreshes = "refresh_token" in client.metadata.grant_types
    refresh_key = presented.ring.refresher(now=now) if refreshes else None
    outcome = await presented.spend(
        redeeming.redeem,
        code_digest=code_digest,
        client_id=client.client_id,
        client_version=client.version,
        redirect_uri=redirect_uri,
        code_challenge=pkce.challenge_of(form.get("code_verifier")),
        jkt=presented.jkt,
        refresh_jkt=presented.binding,
        refresh_kid=refresh_key.kid if refresh_key else None,
        refresh_expires_at=now + lifetimes.refresh_token if refreshes else None,
        access_expires_at=now + lifetimes.access_token,
        request_id=presented.request_id,
        now=now,
    )
    if isinstance(outcome, StaleClient):
        return outcome
    if not isinstance(outcome, Spent):
        if outcome.ended:
            telemetry.TOKEN_REUSE.labels("code", telemetry.app(client.client_id), "ended").inc()
        raise invalid_grant("The code is expired, used, or was not issued to this request.", detail=outcome.reason)
    grant = outcome.grant
    return Issue(
        grant=grant,
        scope=tuple(grant.scope.split()),
        resources=narrowed(form.several("resource"), grant.resources, client.metadata.audience),
        nonce=grant.nonce,
        refresh_key=refresh_key,
    )
