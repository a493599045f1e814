"""`POST /v2/oauth/revoke/`: the app removes itself from a person's connected apps.

Source: page "Revoke Access". The token is the access token, and with it the whole grant ends: every token of this
person in this app; the webhook then says reason 5. What TikTok says about a token it does not know is not written
down; here it is refused.
"""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from broker.simulator.answers import OAuthRefusal, answer, oauth_error
from broker.simulator.oauth_form import app_of, read_form, required
from broker.simulator.webhook_events import DEVELOPER_REVOKED
from broker.simulator.world import World


@dataclass(frozen=True)
class Revoke:
    """The revoke endpoint."""

    world: World

    async def respond(self, request: Request) -> Response:
        """`{}`, or a refusal in the shape of the token endpoint."""
        log_id = self.world.log_id()
        try:
            form = await read_form(request)
            app = app_of(self.world, form)
            pair = self.world.grants.by_access_token(required(form, "token"), self.world.clock())
            if pair is None or pair.client_key != app.client_key:
                raise OAuthRefusal("invalid_grant", "Access token is invalid or expired.")
            self.world.remove_grant(pair.person_id, pair.client_key, reason=DEVELOPER_REVOKED)
            return answer({}, log_id=log_id)
        except OAuthRefusal as refusal:
            self.world.count("revoke", "errors")
            status = self.world.switches.oauth_error_status
            return oauth_error(refusal.error, refusal.description, log_id=log_id, status=status)
