"""TikTok's two calls, answered at once by as little as can be: `python -m benchmarks.tiktok PORT`.

A process of its own, so that what it costs is in nobody's figure. A code `PERSON*…` signs in that person. Any
other request gets a fixed text of a key set's size: so it is also the server that does nothing, at which the
load generator's ceiling is measured.
"""

import asyncio
import json
import re
import sys
from typing import Any

import uvloop

from benchmarks.http import Message, Server

_CODE = re.compile(rb"(?:^|&)code=([0-9]+)")
_BEARER = re.compile(rb"\r\nauthorization: bearer act\.([0-9]+)", re.IGNORECASE)
_AVATAR = (
    "https://p16-sign.tiktokcdn.example/tos-avt/{}~c5_300x300.webp?x-expires=1900000000&x-signature=" + "k" * 40
)


def _ok(content: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % len(content) + content


def _json(content: dict[str, Any]) -> bytes:
    return _ok(json.dumps(content).encode())


def _open_id(person: str) -> str:
    return f"open-{person:0>31}"


def _tokens(person: str) -> bytes:
    return _json(
        {
            "access_token": f"act.{person}.{'a' * 60}!4608.va",
            "expires_in": 7200,
            "open_id": _open_id(person),
            "refresh_expires_in": 15_552_000,
            "refresh_token": f"rft.{person}.{'r' * 60}!4608.va",
            "scope": "user.info.basic",
            "token_type": "Bearer",
        }
    )


def _user(person: str) -> bytes:
    user = {
        "open_id": _open_id(person),
        "union_id": f"union-{person:0>30}",
        "avatar_url": _AVATAR.format(person),
        "display_name": f"Person {person}",
    }
    return _json({"data": {"user": user}, "error": {"code": "ok", "message": "", "log_id": "2026" + "0" * 30}})


_TRIVIAL = _ok(b"x" * 250)


def answer(request: Message) -> bytes:
    """The answer to one request."""
    if (code := _CODE.search(request.body)) is not None:
        return _tokens(code[1].decode())
    if (bearer := _BEARER.search(request.head)) is not None:
        return _user(bearer[1].decode())
    return _TRIVIAL


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Server(answer), "127.0.0.1", port)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
