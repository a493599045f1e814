"""The token response (RFC 6749 §5.1, OIDC Core §3.1.3.3)."""

from dataclasses import dataclass
from typing import Any

from broker.claims import Claims
from broker.claims_told import Occasion
from broker.client_auth.directory import Client
from broker.keys import refresh
from broker.keys.making import RefreshKey
from broker.opaque import Secret
from broker.store.grant_rows import Grant
from broker.tokens.token_types import ACCESS


@dataclass(frozen=True, slots=True)
class Issue:
    """What a grant that has just been spent entitles to. `refresh_key` is None for an app without refresh.

    `exchanged` when it was not a code or a refresh token of ours that entitled to it.
    """

    grant: Grant
    scope: tuple[str, ...]
    resources: tuple[str, ...]
    nonce: str | None
    refresh_key: RefreshKey | None
    exchanged: bool = False


@dataclass(frozen=True, slots=True)
class MachineIssue:
    """What a client may have in its own name."""

    scope: tuple[str, ...]
    resources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HandedOut:
    """A TikTok access token for the app; it is good for `expires_in` seconds more, as far as TikTok said."""

    access_token: Secret
    expires_in: int
    scopes: tuple[str, ...]


async def compose(
    claims: Claims, client: Client, issue: Issue | MachineIssue | HandedOut, *, jkt: str | None, now: int
) -> dict[str, Any]:
    """Sign what was earned, bound to the DPoP key `jkt` if one was proven. The granted `scope` is always told."""
    if isinstance(issue, HandedOut):
        # RFC 8693 §2.2.1. TikTok knows bearer tokens only.
        return {
            "access_token": issue.access_token.reveal(),
            "issued_token_type": ACCESS,
            "token_type": "Bearer",
            "expires_in": issue.expires_in,
            "scope": " ".join(issue.scopes),
        }
    answer: dict[str, Any] = {
        "token_type": "Bearer" if jkt is None else "DPoP",
        "expires_in": claims.access_token_ttl,
        "scope": " ".join(issue.scope),
    }
    if isinstance(issue, MachineIssue):
        answer["access_token"] = await claims.machine_token(
            client.client_id, scope=issue.scope, resources=issue.resources, jkt=jkt, now=now
        )
        return answer
    if issue.exchanged:
        answer["issued_token_type"] = ACCESS
    return answer | await _for_person(claims, client, issue, jkt=jkt, now=now)


async def _for_person(
    claims: Claims, client: Client, issue: Issue, *, jkt: str | None, now: int
) -> dict[str, Any]:
    grant = issue.grant
    person = claims.person_of(grant)
    occasion = Occasion(grant.id, grant.client_id, grant.session_id, grant.auth_time, grant.status_index)
    access_token = await claims.access_token(
        person, occasion, scope=issue.scope, resources=issue.resources, jkt=jkt, now=now
    )
    answer = {"access_token": access_token}
    if issue.refresh_key is not None:
        answer["refresh_token"] = refresh.mint(
            issue.refresh_key, grant_id=grant.id, generation=grant.generation, client_id=grant.client_id
        )
    if "openid" in issue.scope:
        answer["id_token"] = await claims.id_token(
            person,
            occasion,
            scope=issue.scope,
            access_token=access_token,
            nonce=issue.nonce,
            alg=client.metadata.id_token_signed_response_alg,
            now=now,
        )
    return answer
