"""Serving several apps in one loop, on both addresses of localhost."""

import contextlib
import socket
from collections.abc import AsyncIterator

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from broker.demo.servers import CannotServe, listen, serving


def app(text: str) -> Starlette:
    return Starlette(routes=[Route("/", lambda _: PlainTextResponse(text))])


async def test_each_app_answers_while_the_block_runs_and_not_after() -> None:
    one, two = listen(0), listen(0)
    urls = [f"http://localhost:{sockets[0].getsockname()[1]}/" for sockets in (one, two)]
    async with httpx2.AsyncClient(verify=False) as http, serving((app("one"), one), (app("two"), two)):
        assert [(await http.get(url)).text for url in urls] == ["one", "two"]
    async with httpx2.AsyncClient(verify=False) as http:
        with pytest.raises(httpx2.ConnectError):
            await http.get(urls[0])


async def test_the_apps_are_started_before_the_block_and_ended_after_it() -> None:
    seen = []

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        seen.append("begin")
        yield
        seen.append("end")

    async with serving((Starlette(lifespan=lifespan), listen(0))):
        seen.append("block")
    assert seen == ["begin", "block", "end"]


async def test_an_app_that_does_not_start_is_a_sentence() -> None:
    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        raise ValueError("broken")
        yield

    with pytest.raises(CannotServe, match="did not start"):
        async with serving((app("fine"), listen(0)), (Starlette(lifespan=lifespan), listen(0))):
            pytest.fail("the block must not run")


def test_a_taken_port_is_a_sentence_that_names_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotServe, match=f"Port {port} .* --port"):
            listen(port)


def test_a_port_taken_on_one_address_only_is_taken_and_the_other_is_let_go() -> None:
    """A browser would find the stranger there half of the time."""
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotServe):
            listen(port)
    for opened in listen(port):
        opened.close()
