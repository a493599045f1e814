"""The token response (RFC 6749 §5.1, OIDC Core §3.1.3.3)."""

from dataclasses import dataclass
from typing import Any

from broker.claims import Claims, Occasion, person_of
from broker.keys import refresh
from broker.keys.ring import RefreshKey
from broker.store.grant_rows import Grant


@dataclass(frozen=True, slots=True)
class Issue:
    """What a grant that has just been spent entitles to. `refresh_key` is None for an app without refresh."""

    grant: Grant
    scope: tuple[str, ...]
    resources: tuple[str, ...]
    nonce: str | None
    refresh_key: RefreshKey | None


async def compose(claims: Claims, issue: Issue, *, now: int) -> dict[str, Any]:
    """Sign what the grant entitles to. The granted `scope` is always told."""
    grant = issue.grant
    person = person_of(grant)
    occasion = Occasion(grant.id, grant.client_id, grant.session_id, grant.auth_time)
    access_token = await claims.access_token(
        person,
        occasion,
        scope=issue.scope,
        resources=issue.resources,
        now=now,
    )
    answer: dict[str, Any] = {
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": claims.access_token_ttl,
        "scope": " ".join(issue.scope),
    }
    if issue.refresh_key is not None:
        answer["refresh_token"] = refresh.mint(
            issue.refresh_key, grant_id=grant.id, generation=grant.generation, client_id=grant.client_id
        )
    if "openid" in issue.scope:
        answer["id_token"] = await claims.id_token(
            person, occasion, scope=issue.scope, access_token=access_token, nonce=issue.nonce, now=now
        )
    return answer
