"""TikTok's two calls and its pictures, answered at once by as little as can be: `benchmarks.tiktok PORT`.

A process of its own, so that what it costs is in nobody's figure. A code `PERSON*…` signs in that person. Any
other request is one for a picture.
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
_AVATAR = "http://127.0.0.1:{}/tos-avt/{}~c5_300x300.jpeg?x-expires=1900000000&x-signature=" + "k" * 40
_PICTURE_BYTES = 12_000


def _ok(content: bytes, media_type: bytes = b"application/json") -> bytes:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n"
    return head % (media_type, len(content)) + content


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


def _user(person: str, port: int) -> bytes:
    user = {
        "open_id": _open_id(person),
        "union_id": f"union-{person:0>30}",
        "avatar_url": _AVATAR.format(port, person),
        "display_name": f"Person {person}",
    }
    return _json({"data": {"user": user}, "error": {"code": "ok", "message": "", "log_id": "2026" + "0" * 30}})


_PICTURE = _ok(b"\xff\xd8\xff\xe0" + b"x" * _PICTURE_BYTES, b"image/jpeg")


def answer(request: Message, port: int) -> bytes:
    """The answer to one request, which came to this port."""
    if (code := _CODE.search(request.body)) is not None:
        return _tokens(code[1].decode())
    if (bearer := _BEARER.search(request.head)) is not None:
        return _user(bearer[1].decode(), port)
    return _PICTURE


async def _serve(port: int) -> None:
    def made() -> Server:
        return Server(lambda request: answer(request, port))

    server = await asyncio.get_running_loop().create_server(made, "127.0.0.1", port)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
