"""`POST /v2/oauth/token/`: code, refresh token or client credentials for tokens.

Source: pages "Manage User Access Tokens", "Refresh a User Access Token", "Client Access Token Management" and
field reports for the texts of the errors. Not written down anywhere, chosen here: the first presentation of a
code by its own app spends it, right or wrong; a code that was sent with a challenge needs its verifier on every
platform, and a verifier without a challenge is refused. `switches.py` has what else nobody knows.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from broker.simulator import opaque
from broker.simulator.answers import OAuthRefusal
from broker.simulator.apps import App
from broker.simulator.grants import Pair
from broker.simulator.oauth_form import required
from broker.simulator.world import World

_BAD_VERIFIER = "Code verifier or code challenge is invalid."
_BAD_CODE = "Authorization code is expired."
_BAD_REDIRECT_URI = "Redirect_uri is not matched with the uri when requesting code."
_BAD_REFRESH = "Refresh token is invalid or expired."

_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{32,128}")
_CLIENT_TOKEN_LIFETIME = 7_200


@dataclass(frozen=True)
class Token:
    """The token endpoint."""

    world: World

    def trade(self, app: App, form: dict[str, str]) -> dict[str, Any]:
        """The tokens for what the form presents. Raises `OAuthRefusal`."""
        grant_type = required(form, "grant_type")
        grant = self._grants().get(grant_type)
        if grant is None:
            raise OAuthRefusal("unsupported_grant_type", "Grant type is not supported.")
        self.world.count("token", grant_type)
        return grant(app, form)

    def _grants(self) -> dict[str, Callable[[App, dict[str, str]], dict[str, Any]]]:
        return {
            "authorization_code": self._authorization_code,
            "refresh_token": self._refresh_token,
            "client_credentials": self._client_credentials,
        }

    def _authorization_code(self, app: App, form: dict[str, str]) -> dict[str, Any]:
        text = required(form, "code")
        redirect_uri = required(form, "redirect_uri")
        now = self.world.clock()
        spent = self.world.grants.spent_code(text, app.client_key)
        if spent is not None and spent.challenge is not None:
            raise OAuthRefusal("invalid_request", _BAD_VERIFIER)
        code = self.world.grants.spend_code(text, app.client_key)
        if code is None or now >= code.expires_at:
            raise OAuthRefusal("invalid_grant", _BAD_CODE)
        if redirect_uri != code.redirect_uri:
            raise OAuthRefusal("invalid_request", _BAD_REDIRECT_URI)
        switches = self.world.switches
        verifier = form.get("code_verifier", "")
        if not switches.ignores_challenge(app) and not proves(verifier, code.challenge, code.shortest_verifier):
            raise OAuthRefusal("invalid_request", _BAD_VERIFIER)
        if switches.one_pair_per_grant:
            self.world.grants.end_tokens(code.person_id, code.client_key)
        pair = self.world.grants.issue(
            code,
            now=now,
            access_lifetime=switches.access_token_lifetime,
            refresh_lifetime=switches.refresh_token_lifetime,
        )
        return self._body(pair, now)

    def _refresh_token(self, app: App, form: dict[str, str]) -> dict[str, Any]:
        text = required(form, "refresh_token")
        now = self.world.clock()
        switches, grants = self.world.switches, self.world.grants
        old = grants.by_refresh_token(text, app.client_key, now)
        if old is None:
            self._notice_reuse(text, app)
            raise OAuthRefusal("invalid_grant", _BAD_REFRESH)
        if switches.refresh_kills_access_token:
            grants.end_access(old)
        if not switches.rotation:
            return self._body(grants.renew(old, now=now, access_lifetime=switches.access_token_lifetime), now)
        slides = switches.refresh_lifetime_slides
        pair = grants.rotate(
            old,
            now=now,
            access_lifetime=switches.access_token_lifetime,
            refresh_lifetime=switches.refresh_token_lifetime if slides else old.refresh_expires_at - now,
        )
        return self._body(pair, now)

    def _notice_reuse(self, text: str, app: App) -> None:
        reused = self.world.grants.rotated(text, app.client_key)
        if reused is not None and self.world.switches.refresh_reuse_ends_tokens:
            self.world.grants.end_tokens(reused.person_id, reused.client_key)

    def _client_credentials(self, _: App, __: dict[str, str]) -> dict[str, Any]:
        token = opaque.client_token()
        return {"access_token": token, "expires_in": _CLIENT_TOKEN_LIFETIME, "token_type": "Bearer"}

    def _body(self, pair: Pair, now: int) -> dict[str, Any]:
        return {
            "access_token": pair.access_token,
            "expires_in": pair.access_expires_at - now,
            "open_id": self.world.people[pair.person_id].open_id(pair.client_key),
            "refresh_expires_in": pair.refresh_expires_at - now,
            "refresh_token": pair.refresh_token,
            "scope": ",".join(pair.scopes),
            "token_type": "Bearer",
        }


def proves(verifier: str, challenge: str | None, shortest: int) -> bool:
    """Whether `challenge` is the lower-case hexadecimal SHA-256 of `verifier`; RFC 7636's base64url is not.

    Source: Login Kit for Desktop. Without a challenge there must be no verifier.
    """
    if challenge is None:
        return not verifier
    if len(verifier) < shortest or not _VERIFIER.fullmatch(verifier):
        return False
    return opaque.equal(hashlib.sha256(verifier.encode()).hexdigest(), challenge)
