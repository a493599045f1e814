"""`POST /v2/oauth/revoke/`: the app removes itself from a person's connected apps.

Source: page "Revoke Access". The token is the access token, and with it the whole grant ends: every token of this
person in this app; the webhook then says reason 5. What TikTok says about a token it does not know is not written
down; here it is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from broker.simulator.answers import OAuthRefusal
from broker.simulator.apps import App
from broker.simulator.oauth_form import required
from broker.simulator.webhook_events import DEVELOPER_REVOKED
from broker.simulator.world import World


@dataclass(frozen=True)
class Revoke:
    """The revoke endpoint."""

    world: World

    def revoke(self, app: App, form: dict[str, str]) -> Mapping[str, Any]:
        """`{}`. Raises `OAuthRefusal`, which has the shape of the token endpoint's."""
        pair = self.world.grants.by_access_token(required(form, "token"), self.world.clock())
        if pair is None or pair.client_key != app.client_key:
            raise OAuthRefusal("invalid_grant", "Access token is invalid or expired.")
        self.world.remove_grant(pair.person_id, pair.client_key, reason=DEVELOPER_REVOKED)
        return {}
