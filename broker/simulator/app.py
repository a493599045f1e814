"""The simulator's routes, as one list.

```python
world = World()
world.add_app(App("aw0example0key01", "secret", ["http://localhost:8001/callback/tiktok"]))
app = create_app(world)
```
"""

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from broker.simulator import authorize, avatars
from broker.simulator.authorize import Authorize
from broker.simulator.avatars import Avatars
from broker.simulator.control import Control
from broker.simulator.control_exchange import HOME
from broker.simulator.native_control import NativeControl
from broker.simulator.oauth_exchange import exchanging
from broker.simulator.pages import render
from broker.simulator.person_control import PersonControl
from broker.simulator.revoke import Revoke
from broker.simulator.spoiling import faulty
from broker.simulator.token import Token
from broker.simulator.userinfo import UserInfo
from broker.simulator.webhook_control import WebhookControl
from broker.simulator.world import World


def create_app(world: World) -> Starlette:
    """An ASGI application that is TikTok for the apps and people of `world`."""
    page = Authorize(world)
    show = faulty(world, "authorize", page.show)
    decide = faulty(world, "authorize", page.decide)
    room = Control(world)
    person = PersonControl(world)
    webhooks = WebhookControl(world)
    app = Starlette(
        routes=[
            Route(authorize.PATH, show, methods=["GET"]),
            Route(authorize.PATH, decide, methods=["POST"]),
            Route(authorize.PATH.rstrip("/"), show, methods=["GET"]),
            Route(authorize.PATH.rstrip("/"), decide, methods=["POST"]),
            Route("/auth/authorize/", page.old_path, methods=["GET"]),
            Route("/v2/oauth/token/", exchanging(world, "token", Token(world).trade), methods=["POST"]),
            Route("/v2/oauth/revoke/", exchanging(world, "revoke", Revoke(world).revoke), methods=["POST"]),
            Route("/v2/user/info/", faulty(world, "user_info", UserInfo(world).respond), methods=["GET"]),
            Route(avatars.FOLDER + "{file}", faulty(world, "avatars", Avatars(world).respond), methods=["GET"]),
            Route("/", _to_control, methods=["GET"]),
            Route(HOME, room.home, methods=["GET"]),
            Route(HOME + "style.css", render.style, methods=["GET"]),
            Route(HOME + "state", room.state, methods=["GET"]),
            Route(HOME + "faults", room.add_fault, methods=["POST"]),
            Route(HOME + "faults", room.clear_faults, methods=["DELETE"]),
            Route(HOME + "faults/clear", room.clear_faults, methods=["POST"]),
            Route(HOME + "settings", room.change_settings, methods=["POST"]),
            Route(HOME + "people/{id}", person.change, methods=["POST"]),
            Route(HOME + "people/{id}/remove", person.remove, methods=["POST"]),
            Route(HOME + "people/{id}/restore", person.restore, methods=["POST"]),
            Route(HOME + "native-code", NativeControl(world).respond, methods=["POST"]),
            Route(HOME + "webhooks/send", webhooks.send, methods=["POST"]),
            Route(HOME + "webhooks/deliver", webhooks.deliver, methods=["POST"]),
            Route(HOME + "sessions", room.end_sessions, methods=["DELETE"]),
            Route(HOME + "sessions/clear", room.end_sessions, methods=["POST"]),
        ],
        exception_handlers={ClientDisconnect: _nobody_listens},
    )
    # TikTok's API host knows its paths with the slash only.
    app.router.redirect_slashes = False
    return app


async def _to_control(_: Request) -> Response:
    return RedirectResponse(HOME, 302)


async def _nobody_listens(_: Request, __: Exception) -> Response:
    return Response(None, 400)
