"""Registered addresses are somebody else's choice: where a call may go, and how little it may cost us."""

import asyncio
import contextlib
import gzip
import socket
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from broker import outbound
from broker.outbound import Outbound, Reach, Unreachable, outbound_client
from tests.test_outbound_reach import LOCAL_NAMES, NUMBERS

PUBLIC, AT_HOME = Reach(False, False), Reach(False, True)


@dataclass
class Door:
    """A raw server that counts who knocks, keeps the request heads, and says what it is told to."""

    says: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    stays_open: bool = False
    heads: list[bytes] = field(default_factory=list)
    knocks: int = 0
    port: int = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.knocks += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            self.heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(self.says)
            await writer.drain()
            if self.stays_open:
                await reader.read()
        writer.close()


@contextlib.asynccontextmanager
async def opened(door: Door) -> AsyncIterator[str]:
    """The door on loopback; its origin."""
    server = await asyncio.start_server(door.answer, "127.0.0.1", 0)
    async with server:
        door.port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{door.port}"


@contextlib.asynccontextmanager
async def calling(reach: Reach) -> AsyncIterator[Outbound]:
    async with outbound_client(reach) as http:
        yield Outbound(http, reach)


def name_system(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Every name resolves to these addresses, as somebody who owns a domain can arrange."""

    def getaddrinfo(host: str, port: int, *_: object, **__: object) -> Sequence[tuple[Any, ...]]:
        kinds = [(socket.AF_INET6 if ":" in one else socket.AF_INET, one) for one in addresses]
        return [
            (family, socket.SOCK_STREAM, 6, "", (one, port, 0, 0) if ":" in one else (one, port))
            for family, one in kinds
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


async def test_a_name_that_points_inside_is_refused_where_the_socket_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    door = Door()
    async with opened(door), calling(PUBLIC) as client:
        for inside in (["127.0.0.1"], ["::ffff:127.0.0.1"], ["10.255.255.1", "127.0.0.1"], ["169.254.169.254"]):
            name_system(monkeypatch, *inside)
            with pytest.raises(Unreachable, match=r"^app\.example .*points into a private network"):
                await client.post_form(f"https://app.example:{door.port}/out?key=secret", b"a=b")
    assert door.knocks == 0


async def test_of_mixed_answers_only_the_allowed_ones_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is allowed does not let the others in: the first two would take their time, or answer."""
    door = Door()
    async with opened(door) as origin, calling(AT_HOME) as client:
        name_system(monkeypatch, "169.254.169.254", "10.0.0.1", "127.0.0.1")
        assert await client.get(origin.replace("127.0.0.1", "localhost") + "/keys") == b"ok"
    assert door.knocks == 1


async def test_a_number_never_gets_through_as_a_host() -> None:
    """Not even one that registration would not have let pass."""
    door = Door()
    async with opened(door), calling(PUBLIC) as client:
        for host in ("127.0.0.1", "[::1]", "[::ffff:7f00:1]", *NUMBERS, *LOCAL_NAMES):
            with pytest.raises(Unreachable):
                await client.get(f"https://{host}:{door.port}/keys")
    assert door.knocks == 0


async def test_the_guard_holds_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said about names is for people; the sockets are refused without it as well."""
    monkeypatch.setattr(Reach, "refuses", lambda self, url: None)
    door = Door()
    async with opened(door), calling(PUBLIC) as client:
        for host in ("127.0.0.1", "[::ffff:7f00:1]", *NUMBERS, "localhost"):
            with pytest.raises(Unreachable):
                await client.get(f"http://{host}:{door.port}/keys")
    assert door.knocks == 0


async def test_redirects_are_not_followed_and_nothing_is_remembered() -> None:
    other = Door()
    async with opened(other) as elsewhere:
        says = f"HTTP/1.1 302 Found\r\nLocation: {elsewhere}/x\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"
        door = Door(says.encode())
        async with opened(door) as origin, calling(AT_HOME) as client:
            assert await client.post_form(f"{origin}/out", b"logout_token=x") == 302
            assert await client.post_form(f"{origin}/out", b"logout_token=x") == 302
            with pytest.raises(Unreachable, match="status 302"):
                await client.get(f"{origin}/keys")
    assert other.knocks == 0
    assert door.knocks == 3
    assert not any(b"cookie" in head.lower() for head in door.heads)


async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would resolve names for us, beyond every check."""
    door, proxy = Door(), Door()
    async with opened(proxy) as address, opened(door) as origin:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, address)
        async with calling(AT_HOME) as client:
            assert await client.get(f"{origin}/keys") == b"ok"
    assert (door.knocks, proxy.knocks) == (1, 0)


_CHUNK = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"


async def test_a_huge_answer_is_cut_off_and_no_body_is_read_of_who_only_had_to_listen() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    endless = Door(chunked + _CHUNK * 2 + b"1\r\nx\r\n", stays_open=True)
    bomb = gzip.compress(b"x" * 10_000_000)
    packed = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    headers = b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: %s\r\n" % (i, b"y" * 8_000) for i in range(200)) + b"\r\n"
    async with calling(AT_HOME) as client:
        async with opened(endless) as origin:
            with pytest.raises(Unreachable, match="more than 65536 bytes"):
                await client.get(f"{origin}/keys")
            assert await client.post_form(f"{origin}/out", b"a=b") == 200
        async with opened(Door(packed + bomb)) as origin:
            with pytest.raises(Unreachable, match="content encoding"):
                await client.get(f"{origin}/keys")
        async with opened(Door(headers)) as origin:
            with pytest.raises(Unreachable):
                await client.post_form(f"{origin}/out", b"a=b")


async def test_who_does_not_answer_properly_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow, silent, refusing, or speaking something else; the words tell the host and no more of the address."""
    monkeypatch.setattr(outbound, "_CALL_SECONDS", 0.1)
    slow = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
    async with calling(AT_HOME) as client:
        for door in (Door(b"", stays_open=True), Door(slow, stays_open=True), Door(b""), Door(b"garbage\r\n\r\n")):
            async with opened(door) as origin:
                with pytest.raises(Unreachable) as caught:
                    await client.get(f"{origin}/keys?key=secret")
                assert str(caught.value).startswith("127.0.0.1 gave no complete answer")
        for url in (
            f"{origin}/x",
            "https://127.0.0.1:1/",
            "https://xn--/",
            f"https://{'a' * 64}.example/",
            "https://a..b/",
        ):
            with pytest.raises(Unreachable):
                await client.get(url)
