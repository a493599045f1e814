"""A target that does nothing: each leg's answers, made beforehand. `python -m benchmarks.nothing PORT`.

What the load generator reaches here is its ceiling: nothing that it measures can look faster.
"""

import asyncio
import json
import re
import sys
from typing import Any
from urllib.parse import urlencode

import uvloop

from benchmarks.endpoints import Client
from benchmarks.http import Message, Server
from benchmarks.targets import REDIRECT_URI, Place, Program, Target

_ISSUER = "http://nothing.example"
_TIKTOK_RESOURCE = "https://open.tiktokapis.com/"
_TARGET = re.compile(rb"^[A-Z]+ (/[^ ?]*)")
_ENDPOINTS = {
    "authorization_endpoint": "/authorize",
    "token_endpoint": "/token",
    "userinfo_endpoint": "/userinfo",
    "introspection_endpoint": "/introspect",
    "revocation_endpoint": "/revoke",
    "jwks_uri": "/jwks",
}
# As long as the usual ones are.
_JWT = "e" * 700


def _answer(status: str, headers: dict[str, str], body: str = "") -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status}\r\n{lines}content-length: {len(body)}\r\n\r\n{body}".encode()


def _json(content: dict[str, Any]) -> bytes:
    return _answer("200 OK", {"content-type": "application/json"}, json.dumps(content))


def _tokens(access_token: str, token_type: str) -> bytes:
    return _json(
        {
            "access_token": access_token,
            "id_token": _JWT,
            "refresh_token": "r" * 120,
            "token_type": token_type,
            "expires_in": 600,
        }
    )


def _answers(page: str) -> dict[bytes, bytes]:
    onwards = {"redirect_uri": f"{_ISSUER}/callback", "state": "s" * 60}
    discovery: dict[str, Any] = {name: f"{_ISSUER}{path}" for name, path in _ENDPOINTS.items()}
    discovery["dpop_signing_alg_values_supported"] = ["ES256"]
    discovery["padding"] = "p" * 2500
    return {
        b"/.well-known/openid-configuration": _json(discovery),
        b"/authorize": _answer(
            "302 Found", {"location": f"{page}?{urlencode(onwards)}", "set-cookie": f"login={'l' * 600}; Path=/"}
        ),
        b"/callback": _answer(
            "302 Found", {"location": f"{REDIRECT_URI}?code={'c' * 40}", "set-cookie": "session=s; Path=/"}
        ),
        b"/userinfo": _json({"sub": "somebody"}),
        b"/introspect": _json({"active": True}),
        b"/jwks": _json({"keys": ["k" * 500]}),
    }


def _answering(answers: dict[bytes, bytes]) -> Server:
    plain, bound, tiktok = _tokens(_JWT, "Bearer"), _tokens(_JWT, "DPoP"), _tokens("act.0", "Bearer")
    empty = _answer("200 OK", {})

    def answer(request: Message) -> bytes:
        found = _TARGET.match(request.head)
        path = found[1] if found else b""
        if path != b"/token":
            return answers.get(path, empty)
        if b"\r\nDPoP: " in request.head:
            return bound
        return tiktok if b"token-exchange" in request.body else plain

    return Server(answer)


def _prepare(place: Place) -> Program:
    command = (sys.executable, "-m", "benchmarks.nothing", str(place.port), place.tiktok_page)
    nobody = Client("nobody", "nothing")
    return Program(command, {}, _ISSUER, nobody, nobody, tiktok_resource=_TIKTOK_RESOURCE)


NOTHING = Target("nothing", "a target that does nothing", frozenset({"sqlite", "postgresql"}), _prepare)


async def _serve(port: int, page: str) -> None:
    answers = _answers(page)
    server = await asyncio.get_running_loop().create_server(lambda: _answering(answers), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1]), sys.argv[2]))
