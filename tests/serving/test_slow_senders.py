"""Who sends next to nothing holds a connection for so long and no longer: real sockets, and short deadlines."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from broker import settings as broker_settings
from broker.cli import http_head
from broker.cli.http_head import MOST_HEADERS
from broker.cli.listening import bound
from broker.cli.serving import BACKLOG, server_config
from tests.cli.running import settings
from tests.documentation import README

LONG, SHORT = 60.0, 0.15
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@dataclass
class App:
    """Reads the whole body and answers once it may."""

    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.begun.set()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.left.set()
                return
            more = message["more_body"]
        await self.may_answer.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


@dataclass
class Server:
    app: App
    port: int
    uvicorn: uvicorn.Server

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    app = App()
    app.may_answer.set()
    with bound("127.0.0.1", 0) as (listener,):
        listener.listen(BACKLOG)
        config = server_config(broker_settings.load(settings(f"sqlite:///{tmp_path}/broker.db")), app=app)
        running = uvicorn.Server(config)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(running, "capture_signals", contextlib.nullcontext)
            async with asyncio.timeout(LONG), asyncio.TaskGroup() as tasks:
                tasks.create_task(running.serve([listener]))
                yield Server(app, listener.getsockname()[1], running)
                running.should_exit = True


async def until_cut(
    server: Server, beginning: bytes, drop: bytes, *, connected: tuple[Any, Any] | None = None
) -> bytes:
    """Send `drop` again and again, far more often than anything could expire; what came back before the end."""
    reader, writer = connected or await server.connect()
    writer.write(beginning)
    answer = b""
    # Bounded, so that a connection that nobody cuts off fails the test.
    for _ in range(1000):
        try:
            async with asyncio.timeout(SHORT / 10):
                piece = await reader.read(4096)
        except TimeoutError:
            writer.write(drop)
            continue
        except ConnectionError:
            break
        if not piece:
            break
        answer += piece
    else:
        pytest.fail("nobody cut the connection off")
    writer.close()
    return answer


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def shorten(name: str) -> None:
        for each in ("HEAD_SECONDS", "BODY_SECONDS"):
            monkeypatch.setattr(http_head, each, SHORT if each == name else LONG)

    return shorten


@pytest.mark.parametrize(
    ("beginning", "drop"),
    [
        (b"", b"\r\n"),
        (b"G", b""),
        (b"GET /", b"a"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: ", b"a"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", b"a: b\r\n"),
    ],
    ids=["empty lines", "a byte and no more", "request line", "one header", "headers"],
)
async def test_a_head_that_dribbles_is_cut_off(
    server: Server, short: Callable[[str], None], beginning: bytes, drop: bytes
) -> None:
    short("HEAD_SECONDS")
    assert (await until_cut(server, beginning, drop)).startswith(b"HTTP/1.1 408 ")
    assert not server.app.begun.is_set()


async def test_a_connection_on_which_nothing_ever_comes_is_closed_without_a_word(
    server: Server, short: Callable[[str], None]
) -> None:
    short("HEAD_SECONDS")
    assert await until_cut(server, b"", b"") == b""


@pytest.mark.parametrize(
    ("beginning", "drop"),
    [
        (POST, b"a"),
        (POST, b""),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"a: b\r\n"),
    ],
    ids=["a byte at a time", "nothing at all", "chunks", "trailers"],
)
async def test_a_body_that_dribbles_is_cut_off_and_the_application_hears_of_it(
    server: Server, short: Callable[[str], None], beginning: bytes, drop: bytes
) -> None:
    short("BODY_SECONDS")
    assert (await until_cut(server, beginning, drop)).startswith(b"HTTP/1.1 408 ")
    async with asyncio.timeout(5):
        await server.app.left.wait()


@pytest.mark.parametrize("drop", [b"a", b"\r\n"])
async def test_a_further_request_on_a_connection_has_the_same_deadline(
    server: Server, short: Callable[[str], None], drop: bytes
) -> None:
    """The one before it was answered in full."""
    short("HEAD_SECONDS")
    connected = await server.connect()
    connected[1].write(GET)
    assert (await connected[0].readuntil(b"ok")).startswith(b"HTTP/1.1 200 ")
    assert (await until_cut(server, drop, drop, connected=connected)).startswith(b"HTTP/1.1 4")


@pytest.mark.parametrize(("deadline", "slow"), [("HEAD_SECONDS", b"GET /"), ("BODY_SECONDS", POST)])
async def test_who_waits_for_an_answer_or_idles_is_not_cut_off(
    server: Server, short: Callable[[str], None], deadline: str, slow: bytes
) -> None:
    """Somebody who came later is, meanwhile."""
    short(deadline)
    idle = await server.connect()
    idle[1].write(GET)
    await idle[0].readuntil(b"ok")
    server.app.may_answer.clear()
    server.app.begun.clear()
    waiting = await server.connect()
    waiting[1].write(GET)
    await server.app.begun.wait()
    assert (await until_cut(server, slow, b"a")).startswith(b"HTTP/1.1 408 ")
    server.app.may_answer.set()
    for reader, writer in (waiting, idle):
        if reader is idle[0]:
            writer.write(GET)
        async with asyncio.timeout(5):
            assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200 ")
        writer.close()


async def test_cut_connections_leave_nothing_behind(server: Server, short: Callable[[str], None]) -> None:
    short("HEAD_SECONDS")
    await asyncio.gather(*(until_cut(server, b"GET /", b"a") for _ in range(20)))
    assert server.uvicorn.server_state.connections == set()


@pytest.mark.parametrize(("more", "status"), [(-1, b"200"), (0, b"431")])
async def test_so_many_headers_are_read_and_no_more(server: Server, more: int, status: bytes) -> None:
    reader, writer = await server.connect()
    headers = b"".join(b"x-%d: y\r\n" % number for number in range(MOST_HEADERS + more))
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n")
    assert (await reader.read(4096)).startswith(b"HTTP/1.1 " + status)
    writer.close()


def test_the_bounds_are_those_that_the_readme_tells() -> None:
    head, body = http_head.HEAD_SECONDS, http_head.BODY_SECONDS
    size = f"{http_head.MOST_BYTES // 1024} KiB and {MOST_HEADERS} of them"
    assert f"headers within {head:g} seconds, {size}, bodies within {body:g} seconds" in README.text


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="this system has no such option")
def test_who_reads_nothing_of_an_answer_is_given_up() -> None:
    """The system does it, on whatever is accepted."""
    with bound("127.0.0.1", 0) as (listener,):
        listener.listen()
        with socket.create_connection(listener.getsockname()), listener.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000
