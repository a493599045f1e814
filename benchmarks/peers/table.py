"""The peers by the name under which they are asked for, and how each is started."""

import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.endpoints import Client
from benchmarks.targets import REDIRECT_URI, Place, Program, Target

_ROOT = Path(__file__).resolve().parents[2]
_INSTALLED = _ROOT / "var" / "peers"
# The generator speaks plain HTTP: what each of them makes of the scheme has to fit.
_ISSUER = "http://id.example"
_API = "https://api.example"
_CONNECTIONS = 16


def _plan(place: Place, database: str) -> dict[str, Any]:
    """What every peer is told. Raises `RuntimeError`."""
    if place.workers != 1:
        raise RuntimeError("the peers are set up for one worker: say --workers 1")
    return {
        "port": place.port,
        "issuer": _ISSUER,
        "api": _API,
        "callback": "/callback/tiktok",
        "redirectUri": REDIRECT_URI,
        "app": {"id": "app", "secret": secrets.token_urlsafe(32)},
        "backend": {"id": "backend", "secret": secrets.token_urlsafe(32)},
        "tiktok": {"base": place.tiktok, "clientKey": "aw0benchmark0key", "clientSecret": secrets.token_urlsafe()},
        "database": database,
        "connections": _CONNECTIONS,
    }


def _program(
    plan: Mapping[str, Any], command: tuple[str, ...], environment: Mapping[str, str], **rest: Any
) -> Program:
    app, backend = (Client(plan[who]["id"], plan[who]["secret"]) for who in ("app", "backend"))
    return Program(command, environment, issuer=_ISSUER, app=app, backend=backend, **rest)


def _installed(program: Path) -> str:
    if not program.exists():
        raise RuntimeError("make bench PEER=… installs the peers that it names, but this one is not there")
    return str(program)


def _node(place: Place, database: str) -> Program:
    """Only the token for an API is a JWT there, so the app asks for one."""
    folder = _INSTALLED / "oidc-provider"
    plan = _plan(place, database)
    node = _installed(folder / "node_modules" / ".bin" / "node")
    return _program(
        plan, (node, str(folder / "server.mjs"), json.dumps(plan)), {"NODE_ENV": "production"}, resource=_API
    )


def _in_postgresql(place: Place) -> Program:
    return _node(place, place.database_url)


def _in_memory(place: Place) -> Program:
    return _node(place, "")


def _authlib(place: Place) -> Program:
    """One worker; as many threads as the load keeps connections, which is what served most of them best."""
    plan = _plan(place, place.database_url)
    command = (_installed(_INSTALLED / "authlib" / "bin" / "gunicorn"), "--bind", f"127.0.0.1:{place.port}")
    options = ("--worker-class", "gthread", "--threads", str(_CONNECTIONS), "--keep-alive", "600")
    # A proxy in front would bring TLS; without one Authlib has to be told that plain HTTP is meant.
    environment = {"PEER_PLAN": json.dumps(plan), "AUTHLIB_INSECURE_TRANSPORT": "1"}
    app = "benchmarks.peers.authlib.server:app"
    return _program(plan, (*command, *options, "--no-control-socket", app), environment, folder=_ROOT)


PEERS: Mapping[str, Target] = {
    target.name: target
    for target in (
        Target("oidc-provider", "node-oidc-provider on PostgreSQL", frozenset({"postgresql"}), _in_postgresql),
        Target(
            "oidc-provider-memory",
            "node-oidc-provider in memory",
            frozenset({"sqlite", "postgresql"}),
            _in_memory,
        ),
        Target("authlib", "Authlib on Flask, PostgreSQL", frozenset({"postgresql"}), _authlib),
    )
}
