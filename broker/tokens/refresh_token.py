"""`grant_type=refresh_token` (RFC 6749 §6): rotation at every use (RFC 9700 §4.14.2)."""

from broker import telemetry
from broker.client_auth.directory import Client
from broker.keys import refresh
from broker.oauth import scopes
from broker.oauth.errors import invalid_grant
from broker.oauth.parameters import Parameters
from broker.store import grants, rotating
from broker.store.grant_rows import Grant, Refused, Spent, StaleClient
from broker.tokens.answer import Issue
from broker.tokens.presentation import Presentation
from broker.tokens.resources import narrowed

_VOID = "The refresh token is expired, revoked, or was not issued to this app."


async def spend(presented: Presentation) -> Issue | StaleClient:
    """Spend the refresh token that was presented.

    Raises `invalid_request`, `invalid_grant`, and `invalid_scope` or `invalid_target` for more than was granted.
    """
    form, client, now, lifetimes = presented.form, presented.client, presented.now, presented.lifetimes
    named = refresh.read(presented.ring, form.required("refresh_token"), client_id=client.client_id)
    if named is None:
        raise invalid_grant(_VOID, detail="not a refresh token of this broker and client")
    if "scope" in form or "resource" in form:
        # Asking for too much must not cost the token, so what was granted (it never changes) is read first.
        granted = await presented.database.read(grants.find_live, named.grant_id)
        if granted is not None:
            _wished(form, granted, client)
    key = presented.ring.refresher(now=now)

    async def rotated(fresh_index: int | None) -> Spent | Refused | StaleClient:
        outcome = await presented.spend(
            rotating.rotate,
            grant_id=named.grant_id,
            client_id=client.client_id,
            client_version=client.version,
            generation=named.generation,
            refresh_jkt=presented.binding,
            refresh_kid=key.kid,
            refresh_expires_at=now + lifetimes.refresh_token,
            # A repeat may issue one more access token until the grace is over.
            access_expires_at=now + lifetimes.grace + lifetimes.access_token,
            status_index=fresh_index,
            grace=lifetimes.grace,
            request_id=presented.request_id,
            now=now,
        )
        if not isinstance(outcome, Spent) or outcome.grant.status_index != fresh_index:
            presented.indices.put_back(fresh_index)
        return outcome

    outcome = await presented.indices.placing(rotated)
    if isinstance(outcome, StaleClient):
        return outcome
    _count_reuse(outcome, client.client_id)
    if not isinstance(outcome, Spent):
        raise invalid_grant(_VOID, detail=outcome.reason)
    grant = outcome.grant
    # A repeat gets the successor under the key that made it, whatever key makes new ones by now.
    its_key = presented.ring.refresh_key(grant.refresh_kid or "")
    if its_key is None:
        raise invalid_grant(_VOID, detail="the key of the current refresh token is gone")
    scope, resources = _wished(form, grant, client)
    return Issue(grant=grant, scope=scope, resources=resources, nonce=None, refresh_key=its_key)


def _count_reuse(outcome: Spent | Refused, client_id: str) -> None:
    came_again = outcome.repeated if isinstance(outcome, Spent) else outcome.ended
    if came_again:
        what = "repeated" if isinstance(outcome, Spent) else "ended"
        telemetry.TOKEN_REUSE.labels("refresh_token", telemetry.app(client_id), what).inc()


def _wished(form: Parameters, grant: Grant, client: Client) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Scope and resources of this access token: narrower than granted, never wider; the grant keeps its own."""
    return (
        scopes.narrowed(form.get("scope"), grant.scope),
        narrowed(form.several("resource"), grant.resources, client.metadata.audience),
    )
