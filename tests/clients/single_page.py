"""A single-page app of oidc-client-ts on an origin of its own, on another site than the broker."""

import contextlib
import shutil
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from broker.simulator.serve import running as serving
from broker.store import clients
from tests.clients.conftest import RealClock
from tests.clients.node import HERE
from tests.stage import Stage, running_stage

LIBRARY = HERE / "node_modules" / "oidc-client-ts" / "dist" / "browser" / "oidc-client-ts.js"
CLIENT = "cli_spa"


@dataclass(frozen=True)
class SinglePage:
    """The origin of the app with bearer tokens, and of the one that binds them to a key."""

    bearer: str
    dpop: str


@contextlib.asynccontextmanager
async def running(template: Path, folder: Path) -> AsyncIterator[SinglePage]:
    """Both apps, the broker and TikTok, in real time."""
    file = folder / "broker.db"
    shutil.copy(template, file)
    async with contextlib.AsyncExitStack() as stack:
        stage = await stack.enter_async_context(running_stage(f"sqlite:///{file}", RealClock()))
        yield SinglePage(
            bearer=await stack.enter_async_context(_app(stage, dpop=False)),
            dpop=await stack.enter_async_context(_app(stage, dpop=True)),
        )


@contextlib.asynccontextmanager
async def _app(stage: Stage, *, dpop: bool) -> AsyncIterator[str]:
    files: dict[str, tuple[str, bytes]] = {
        "/": ("text/html", (HERE / "app.html").read_bytes()),
        "/oidc-client-ts.js": ("text/javascript", LIBRARY.read_bytes()),
    }
    # `localhost` is another site than 127.0.0.1, so that no cookie goes along.
    async with serving(_server(files), host="127.0.0.1") as address:
        origin = address.replace("127.0.0.1", "localhost")
        client_id = f"{CLIENT}_{'dpop' if dpop else 'bearer'}"
        settings = {
            "authority": stage.issuer,
            "client_id": client_id,
            "redirect_uri": f"{origin}/",
            "post_logout_redirect_uri": f"{origin}/",
            "dpop": dpop,
        }
        files["/settings.json"] = ("application/json", orjson.dumps(settings))
        metadata = {
            "redirect_uris": [settings["redirect_uri"]],
            "post_logout_redirect_uris": [settings["post_logout_redirect_uri"]],
            "token_endpoint_auth_method": "none",
            "dpop_bound_access_tokens": dpop,
        }
        await stage.database.transact(clients.add, client_id, metadata, None, now=stage.clock())
        yield origin


def _server(files: Mapping[str, tuple[str, bytes]]) -> ASGIApp:
    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        media_type, content = files.get(scope["path"], ("text/plain", b""))
        status = 200 if scope["path"] in files else 404
        await Response(content, status, media_type=media_type)(scope, receive, send)

    return serve
