"""The sample app, put together."""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from broker.clock import Clock
from broker.demo.sample.call_backend import CallBackend
from broker.demo.sample.config import Config
from broker.demo.sample.own_origin import OwnOrigin
from broker.demo.sample.pages import Pages
from broker.demo.sample.sessions import SessionMiddleware, Sessions
from broker.demo.sample.sign_in import SignIn, oidc_client
from broker.demo.sample.troubles import Troubles


def create_app(config: Config, clock: Clock, api: Sequence[BaseRoute]) -> Starlette:
    """The app as an ASGI application; `api` are its backend's routes, served from the same origin."""
    pages = Pages(config, clock)
    return Starlette(
        routes=[
            Route("/", pages.home),
            *SignIn(config, oidc_client(config)).routes(),
            Route("/call-backend", CallBackend(config.api_url).handle, methods=["POST"]),
            Mount("/static", StaticFiles(packages=[("broker.demo.sample", "static")])),
            *api,
        ],
        middleware=[
            Middleware(OwnOrigin, origin=config.origin, host=config.host),
            Middleware(SessionMiddleware, sessions=Sessions(clock), secure=config.secure),
        ],
        exception_handlers=Troubles(pages, config.issuer).handlers(),
    )
