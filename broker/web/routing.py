"""From an address to its handler with nothing around it: what a handler did not expect the middleware answers.

Starlette would put a net of its own around each handler, for exceptions that nobody here raises.
"""

import inspect
from collections.abc import Awaitable, Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send


def router(routes: Sequence[Route], *, otherwise: ASGIApp) -> Router:
    """All of them under their addresses exactly; `otherwise` answers at any other.

    Raises TypeError for a handler that is not asynchronous: it would hold up everybody.
    """
    for route in routes:
        if not inspect.iscoroutinefunction(route.endpoint):
            raise TypeError(f"the handler of {route.path} is not asynchronous")
        route.app = _straight(route.endpoint)
    return Router(routes, redirect_slashes=False, default=otherwise)


def _straight(handle: Callable[[Request], Awaitable[Response]]) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = await handle(Request(scope, receive, send))
        await response(scope, receive, send)

    return app
