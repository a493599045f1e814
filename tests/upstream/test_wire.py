"""The real client over a real connection: the very bytes that go out, and answers that never end."""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator

import httpx
import pytest

from broker.opaque import Secret
from broker.upstream.connector import Approval, SignedIn, Unavailable
from broker.upstream.http import MAX_ANSWER_BYTES, prepared, upstream_transport
from broker.upstream.tiktok import TikTok
from tests.upstream.conftest import no_pause
from tests.upstream.wire import Wire, answer, endless, raw, silence_after

TOKENS = (
    b'{"access_token":"act.a!1","expires_in":7200,"open_id":"o","refresh_expires_in":15552000,'
    b'"refresh_token":"rft.a","scope":"user.info.basic","token_type":"Bearer"}'
)
PERSON = b'{"data":{"user":{"open_id":"o","union_id":"u"}},"error":{"code":"ok","message":"","log_id":""}}'


@pytest.fixture
async def wire() -> AsyncIterator[tuple[Wire, TikTok]]:
    wire = Wire()
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(wire.serve(reader, writer)))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with upstream_transport() as http:
        yield wire, make(http, f"http://localhost:{port}")
    server.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def make(http: httpx.AsyncBaseTransport, api_url: str) -> TikTok:
    return TikTok(
        name="default",
        client_key="aw0example0key01",
        client_secret=Secret("s&cret+ü"),
        scopes=("user.info.basic",),
        pkce="hex",
        authorize_url="https://www.tiktok.com/v2/auth/authorize/",
        api_url=api_url,
        http=http,
        clock=lambda: 1_800_000_000,
        patience=0.3,
        pause=no_pause,
    )


async def sign_in(tiktok: TikTok) -> SignedIn:
    approval = Approval(Secret("abc*1!4608.va"), ("user.info.basic",))
    return await tiktok.sign_in(approval, verifier="v", redirect_uri="https://b.example/callback/tiktok")


async def test_the_token_request_byte_by_byte(wire: tuple[Wire, TikTok]) -> None:
    server, tiktok = wire
    server.replies = [answer(TOKENS), answer(PERSON)]
    await sign_in(tiktok)
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v2/oauth/token/ HTTP/1.1\r\n")
    assert body == (
        b"client_key=aw0example0key01&client_secret=s%26cret%2B%C3%BC&grant_type=authorization_code"
        b"&code=abc%2A1%214608.va&redirect_uri=https%3A%2F%2Fb.example%2Fcallback%2Ftiktok&code_verifier=v"
    )
    sent = server.headers(0)
    assert sent["content-type"] == ["application/x-www-form-urlencoded"]
    assert sent["content-length"] == [str(len(body))]
    assert sent["accept-encoding"] == ["identity"]
    assert sent["user-agent"] == ["tiktok-broker"]
    assert not {"authorization", "cookie", "transfer-encoding", "expect"} & sent.keys()


async def test_the_user_info_request_byte_by_byte(wire: tuple[Wire, TikTok]) -> None:
    server, tiktok = wire
    server.replies = [answer(TOKENS), answer(PERSON)]
    signed_in = await sign_in(tiktok)
    assert signed_in.identity.union_id == "u"
    assert server.requests[1].startswith(
        b"GET /v2/user/info/?fields=open_id,union_id,avatar_url,display_name HTTP/1.1\r\n"
    )
    assert server.requests[1].endswith(b"\r\n\r\n")
    sent = server.headers(1)
    assert sent["authorization"] == ["Bearer act.a!1"]
    assert not {"content-type", "content-length", "cookie"} & sent.keys()


async def test_one_connection_serves_both_calls_and_keeps_no_cookie(wire: tuple[Wire, TikTok]) -> None:
    server, tiktok = wire
    sticky = b"HTTP/1.1 200 OK\r\nSet-Cookie: tt=1; Path=/\r\n"
    server.replies = [answer(TOKENS, sticky), answer(PERSON, sticky)] * 2
    await sign_in(tiktok)
    await sign_in(tiktok)
    assert server.connections == 1
    assert all("cookie" not in server.headers(index) for index in range(4))


async def test_a_redirect_is_not_followed(wire: tuple[Wire, TikTok]) -> None:
    server, tiktok = wire
    server.replies = [
        answer(TOKENS, b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /v2/other/\r\n"),
        answer(TOKENS),
    ]
    with pytest.raises(Unavailable, match="HTTP 307"):
        await sign_in(tiktok)
    assert len(server.requests) == 1


async def test_a_compressed_answer_is_understood_all_the_same(wire: tuple[Wire, TikTok]) -> None:
    server, tiktok = wire
    packed = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
    server.replies = [answer(gzip.compress(TOKENS), packed), answer(PERSON)]
    assert (await sign_in(tiktok)).identity.union_id == "u"


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n"
BOMB = gzip.compress(b" " * 100 * MAX_ANSWER_BYTES)
SILENCES = {
    "nothing at all": silence_after(b""),
    "half a status line": silence_after(b"HTTP/1.1 20"),
    "headers only": silence_after(HEAD),
    "half a body": silence_after(HEAD + b'{"access_token"'),
}
REPLIES = {
    "closed at once": raw(b""),
    "closed within the headers": raw(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "closed within the body": raw(HEAD + b"{}"),
    "not HTTP": raw(b"220 mail.example ESMTP\r\n\r\n"),
    "two lengths": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
    "a length that is none": raw(b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n{}"),
    "a broken chunk": raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n{}\r\n0\r\n\r\n"),
    "a status line of other bytes": raw(b"HTTP/1.1 200 \xff\xfe\r\nContent-Length: 2\r\n\r\n{}"),
    "a header of other bytes": raw(b"HTTP/1.1 200 OK\r\nX-A: \xff\r\nContent-Length: 2\r\n\r\n{}"),
    "an endless header": raw(b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 200_000 + b"\r\n\r\n{}"),
    "broken compression": answer(b"\x00\x01\x02", b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"),
}
TOO_LONG = {
    "unpacked": answer(BOMB, b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"),
    "by one byte": answer(b" " * (MAX_ANSWER_BYTES + 1)),
    "without end": endless,
    "without end or length": silence_after(b"HTTP/1.1 200 OK\r\n\r\n" + b" " * (MAX_ANSWER_BYTES + 1)),
}


@pytest.mark.parametrize("name", SILENCES)
async def test_a_server_that_falls_silent_is_unavailable(wire: tuple[Wire, TikTok], name: str) -> None:
    """When the whole call has taken too long, whatever its pieces took."""
    server, tiktok = wire
    server.replies = [SILENCES[name]]
    with pytest.raises(Unavailable, match=r"\(TimeoutError\)") as caught:
        await sign_in(tiktok)
    assert not caught.value.nothing_sent


@pytest.mark.parametrize("name", REPLIES)
async def test_a_broken_token_answer_is_unavailable(wire: tuple[Wire, TikTok], name: str) -> None:
    """Without a second attempt at redeeming the code."""
    server, tiktok = wire
    server.replies = [REPLIES[name]]
    with pytest.raises(Unavailable) as caught:
        await sign_in(tiktok)
    assert not caught.value.nothing_sent
    assert len(server.requests) == 1


@pytest.mark.parametrize("name", REPLIES)
async def test_a_broken_user_info_answer_is_unavailable(wire: tuple[Wire, TikTok], name: str) -> None:
    server, tiktok = wire
    server.replies = [answer(TOKENS), REPLIES[name], REPLIES[name]]
    with pytest.raises(Unavailable):
        await sign_in(tiktok)


@pytest.mark.parametrize("name", TOO_LONG)
async def test_an_answer_that_is_too_long_is_cut_off(wire: tuple[Wire, TikTok], name: str) -> None:
    """By its length, not by the clock; and the client goes on working."""
    server, tiktok = wire
    server.replies = [TOO_LONG[name]]
    with pytest.raises(Unavailable, match=f"longer than {MAX_ANSWER_BYTES}"):
        await sign_in(tiktok)
    server.replies = [answer(TOKENS), answer(PERSON)]
    assert (await sign_in(tiktok)).identity.union_id == "u"


async def test_a_closed_port_is_unavailable() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        async with upstream_transport() as http:
            with pytest.raises(Unavailable, match="ClientConnectorError") as caught:
                await sign_in(make(http, f"http://127.0.0.1:{bound.getsockname()[1]}"))
            assert caught.value.nothing_sent


async def test_a_name_that_does_not_resolve_is_unavailable() -> None:
    async with upstream_transport() as http:
        with pytest.raises(Unavailable, match="ClientConnectorDNSError") as caught:
            await sign_in(make(http, "http://tiktok.invalid"))
        assert caught.value.nothing_sent


async def test_a_server_that_accepts_and_then_says_nothing_of_tls_is_unavailable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Within the time for connecting; nothing was sent to it that anybody could have taken for a request."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        async with upstream_transport() as http:
            monkeypatch.setattr(
                "broker.upstream.http._limits", lambda: {"connect": 2.0, "read": 8.0, "write": 8.0, "pool": 0.05}
            )
            with pytest.raises(Unavailable, match="ConnectionTimeoutError") as caught:
                await sign_in(make(http, f"https://127.0.0.1:{mute.getsockname()[1]}"))
            assert caught.value.nothing_sent


async def test_a_server_that_does_not_speak_tls_is_unavailable(wire: tuple[Wire, TikTok]) -> None:
    server, tiktok = wire
    server.replies = [raw(b"HTTP/1.1 400 Bad Request\r\n\r\n")]
    with pytest.raises(Unavailable):
        await sign_in(make(tiktok.http, tiktok.api_url.replace("http:", "https:")))
    assert not server.requests


def test_every_request_has_the_limits_that_were_promised() -> None:
    """Two seconds to connect; the whole call has eight, which its caller sees to."""
    limits = prepared("GET", "https://open.tiktokapis.com/", headers={}).extensions["timeout"]
    assert limits == httpx.Timeout(None, connect=2.0, pool=2.0).as_dict()


async def test_no_proxy_is_taken_from_the_environment(
    wire: tuple[Wire, TikTok], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server, tiktok = wire
    server.replies = [answer(TOKENS), answer(PERSON)]
    assert (await sign_in(tiktok)).identity.union_id == "u"
