"""TikTok's stand-in, which takes its time: `python -m benchmarks.scale.slow_tiktok PORT SECONDS`."""

import asyncio
import json
import re
import sys
from typing import Any, Final, cast

import uvloop

from benchmarks.http import Message, split

_CODE: Final = re.compile(rb"(?:^|&)code=([0-9]+)")
_BEARER: Final = re.compile(rb"\r\nauthorization: bearer act\.([0-9]+)", re.IGNORECASE)


class _Slow(asyncio.Protocol):
    """Answers each request when its time has come."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        request, self._received = split(self._received + data)
        if request is not None:
            asyncio.get_running_loop().call_later(self._seconds, self._transport.write, _answer(request))


def _answer(request: Message) -> bytes:
    if (code := _CODE.search(request.body)) is not None:
        return _json(_tokens(code[1].decode()))
    found = _BEARER.search(request.head)
    return _json(_user(found[1].decode() if found else "0"))


def _tokens(person: str) -> dict[str, Any]:
    return {
        "access_token": f"act.{person}.{'a' * 60}!4608.va",
        "expires_in": 7200,
        "open_id": f"open-{person:0>31}",
        "refresh_expires_in": 15_552_000,
        "refresh_token": f"rft.{person}.{'r' * 60}!4608.va",
        "scope": "user.info.basic",
        "token_type": "Bearer",
    }


def _user(person: str) -> dict[str, Any]:
    user = {
        "open_id": f"open-{person:0>31}",
        "union_id": f"union-{person:0>30}",
        "display_name": f"Person {person}",
    }
    return {"data": {"user": user}, "error": {"code": "ok", "message": "", "log_id": "2026" + "0" * 30}}


def _json(content: dict[str, Any]) -> bytes:
    body = json.dumps(content).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % len(body) + body


async def _serve(port: int, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Slow(seconds), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1]), float(sys.argv[2])))
