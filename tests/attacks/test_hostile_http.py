"""Requests that no client library would send, over a real socket: refused or ignored, never a fault of ours."""

import asyncio
import re

HOST = b"Host: id.example\r\n"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
LINE = b"POST /token HTTP/1.1\r\n" + HOST + FORM
GET = b"GET /authorize HTTP/1.1\r\n" + HOST

REQUESTS: dict[str, bytes] = {
    "two lengths": LINE + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\na=bc",
    "two equal lengths": LINE + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\na=b",
    "length and chunks": LINE + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "negative length": LINE + b"Content-Length: -1\r\n\r\n",
    "absurd length": LINE + b"Content-Length: " + b"9" * 5_000 + b"\r\n\r\n",
    "length in words": LINE + b"Content-Length: ten\r\n\r\n",
    "chunk of no size": LINE + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "unknown coding": LINE + b"Transfer-Encoding: gzip\r\n\r\n",
    "large announced": LINE + b"Content-Length: 1000000\r\n\r\n" + b"a" * 1_000_000,
    "large in chunks": LINE + b"Transfer-Encoding: chunked\r\n\r\n" + (b"ffff\r\n" + b"a" * 65_535 + b"\r\n") * 4,
    "no body at all": LINE + b"\r\n",
    "old protocol": b"GET /authorize HTTP/1.0\r\n\r\n",
    "no host": b"GET /authorize HTTP/1.1\r\n\r\n",
    "two hosts": GET + HOST + b"\r\n",
    "another protocol": b"GET /authorize HTTP/3.0\r\n" + HOST + b"\r\n",
    "nonsense": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20 + b"\r\n\r\n",
    "absolute form": b"GET http://evil.example/authorize HTTP/1.1\r\n" + HOST + b"\r\n",
    "asterisk": b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
    "connect": b"CONNECT evil.example:443 HTTP/1.1\r\n" + HOST + b"\r\n",
    "raw bytes in the path": b"GET /\xff\xfe\x80 HTTP/1.1\r\n" + HOST + b"\r\n",
    "raw bytes in the query": b"GET /authorize?client_id=\xff\xfe HTTP/1.1\r\n" + HOST + b"\r\n",
    "quoted junk in the path": b"GET /%ff%00%c0%ae HTTP/1.1\r\n" + HOST + b"\r\n",
    "long path": b"GET /" + b"x" * 60_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "long query": b"GET /callback/tiktok?state=" + b"x" * 60_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "many headers": GET + b"".join(b"X-%d: y\r\n" % number for number in range(300)) + b"\r\n",
    "long header": GET + b"Cookie: " + b"a=b; " * 10_000 + b"\r\n\r\n",
    "raw bytes in a cookie": GET + b"Cookie: __Host-broker_login_a=\xff\x00\xfe; =; ;;=\r\n\r\n",
    "two cookies headers": GET + b"Cookie: a=b\r\nCookie: __Host-broker_login_a=1.x\r\n\r\n",
    "folded header": GET + b"X-A: b\r\n c\r\n\r\n",
    "split header": GET + b"X-A: b\rX-B: c\r\n\r\n",
    "two authorizations": LINE
    + b"Authorization: Basic Y2xpX3dlYjp4\r\nAuthorization: Bearer x\r\nContent-Length: 3\r\n\r\na=b",
    "raw bytes in the authorization": LINE + b"Authorization: Basic \xff\xfe\r\nContent-Length: 3\r\n\r\na=b",
    "raw bytes in the bearer": b"GET /userinfo HTTP/1.1\r\n"
    + HOST
    + b"Authorization: Bearer \xff.\xfe.\xff\r\n\r\n",
    "two content types": LINE + b"Content-Type: application/json\r\nContent-Length: 3\r\n\r\na=b",
    "upgrade": GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\n\r\n",
    "expectation": LINE + b"Expect: 100-continue\r\nContent-Length: 99999\r\n\r\n",
    "strange tags": b"GET /.well-known/jwks.json HTTP/1.1\r\n" + HOST + b"If-None-Match: \xff\r\n\r\n",
    "range": b"GET /.well-known/jwks.json HTTP/1.1\r\n" + HOST + b"Range: bytes=0-1\r\n\r\n",
}


async def sent(address: tuple[str, int], request: bytes) -> bytes:
    """What comes back before the connection is quiet or closed."""
    reader, writer = await asyncio.open_connection(*address)
    received = b""
    try:
        writer.write(request)
        writer.write_eof()
        while chunk := await reader.read(65_536):
            received += chunk
    except OSError:
        # The server may close while a large body is still on its way.
        pass
    finally:
        writer.transport.abort()
    return received


async def test_no_request_makes_the_server_fail(address: tuple[str, int]) -> None:
    for name, request in REQUESTS.items():
        answer = await asyncio.wait_for(sent(address, request), 10)
        statuses = [int(status) for status in re.findall(rb"^HTTP/1\.[01] (\d{3})", answer, re.MULTILINE)]
        assert all(status < 500 for status in statuses), (name, answer[:300])
        assert b"Traceback" not in answer, name
        assert b"evil.example" not in answer, name
    healthy = await sent(address, b"GET /healthz HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
    assert healthy.startswith(b"HTTP/1.1 200")


async def test_a_client_that_goes_away_in_the_middle_of_its_body_harms_nobody(address: tuple[str, int]) -> None:
    for _ in range(3):
        _, writer = await asyncio.open_connection(*address)
        writer.write(LINE + b"Content-Length: 100\r\n\r\ngrant_type=")
        await writer.drain()
        writer.transport.abort()
    healthy = await sent(address, b"GET /healthz HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
    assert healthy.startswith(b"HTTP/1.1 200")
