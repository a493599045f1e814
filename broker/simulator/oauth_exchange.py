"""One exchange with the token or the revoke endpoint: who asks is found first, and what cannot be done is refused.

Source: pages "Manage User Access Tokens" and "OAuth Error Handling".
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from broker.simulator.answers import OAuthRefusal, answer, oauth_error
from broker.simulator.apps import App
from broker.simulator.oauth_form import app_of, read_form
from broker.simulator.spoiling import Handler, faulty
from broker.simulator.world import World

Work: TypeAlias = Callable[[App, dict[str, str]], Mapping[str, Any]]
"""What an app's form leads to. Raises `OAuthRefusal`."""


def exchanging(world: World, endpoint: str, work: Work) -> Handler:
    """`work` as an endpoint that can be made to go wrong.

    Flat JSON for a good request; TikTok's refusal, by default with status 200, for any other.
    """

    async def respond(request: Request) -> Response:
        log_id = world.log_id()
        try:
            form = await read_form(request)
            return answer(work(app_of(world, form), form), log_id=log_id)
        except OAuthRefusal as refusal:
            world.count(endpoint, "errors")
            status = world.switches.oauth_error_status
            return oauth_error(refusal.error, refusal.description, log_id=log_id, status=status)

    return faulty(world, endpoint, respond)
