"""What tokens tell, before they are signed and after they have been checked: data, and no key."""

from dataclasses import dataclass
from typing import Any

from broker import opaque


@dataclass(frozen=True, slots=True)
class Person:
    """What a token may tell of the person signed in."""

    sub: str
    union_id: str
    open_id: str
    display_name: str | None
    username: str | None
    picture: str | None
    tiktok_scope: str


@dataclass(frozen=True, slots=True)
class Occasion:
    """To which app, and by which sign-in, a token belongs; `auth_time` in epoch seconds.

    `status_index` is where the status lists tell of it, if they do.
    """

    grant_id: str
    client_id: str
    sid: str | None
    auth_time: int
    status_index: int | None = None


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An access token whose signature, kind, issuer and time have been checked.

    `grant_id` is None for a machine's own token (client credentials), `jkt` the DPoP key that it is bound to,
    `expires_at` in epoch seconds.
    """

    grant_id: str | None
    client_id: str
    scope: frozenset[str]
    audience: frozenset[str]
    jkt: str | None
    expires_at: int
    claims: dict[str, Any]

    @property
    def digest(self) -> bytes:
        """What names the token among those thrown away."""
        return opaque.digest(f"access token\n{self.claims['jti']}")


@dataclass(frozen=True, slots=True)
class Hint:
    """What an ID token of ours says, expired or not: a hint at somebody, never a proof."""

    sub: str
    sid: str | None
    client_id: str


class InvalidToken(Exception):
    """Not an access token of ours, or not any more. The words are for the log."""


def about(person: Person, scope: tuple[str, ...]) -> dict[str, Any]:
    """The claims about a person that `scope` opens, the same in the ID token and at /userinfo (OIDC Core §5.4)."""
    if "profile" not in scope:
        return {}
    told = {
        "name": person.display_name,
        "picture": person.picture,
        "preferred_username": person.username,
        "union_id": person.union_id,
        "open_id": person.open_id,
        "tiktok_scopes": person.tiktok_scope.split(),
    }
    return {name: value for name, value in told.items() if value is not None}
