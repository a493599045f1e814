"""Prepared documents go out as they are: no request makes a body, and nothing is left behind by it."""

import gc
import io
import sys
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.types import Message

from broker.app import running
from broker.settings import load
from broker.web.documents import Document
from broker.web.middleware import Edge
from tests.stage import HeldClock, environment

PATHS = (
    "/.well-known/jwks.json",
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
    "/status/0",
)
LARGE = "/status/9"
REQUESTS = 200
MOST_BYTES = 16 * 1024
"""What one request may have allocated at the same time: its id, its facts, its headers, its log line."""
MOST_BLOCKS_LEFT = REQUESTS // 2
"""Of all the requests together: less than one of each, with room for what the interpreter keeps by itself."""


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Log lines are written as ever, to a file that keeps none: what captures them would grow."""

    class Nowhere(io.TextIOBase):
        def write(self, text: str) -> int:
            return len(text)

    monkeypatch.setattr(sys, "stderr", Nowhere())


@pytest.fixture
def counting() -> Iterator[None]:
    """Nothing is collected in between, and what there is already does not count."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


async def ask(edge: Edge, path: str, *, coding: bytes = b"identity") -> bytes:
    """The very object that goes to the server as the body."""
    headers = [(b"host", b"id.example"), (b"accept-encoding", coding)]
    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": path, "headers": headers}
    bodies: list[bytes] = []

    async def receive() -> Message:
        raise AssertionError("a GET has no body to read")

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            bodies.append(message["body"])
        else:
            assert message["status"] == 200

    await edge(scope, receive, send)
    (body,) = bodies
    return body


async def test_a_prepared_document_costs_no_new_body(
    sqlite_url: str, clock: HeldClock, nowhere: None, counting: None
) -> None:
    settings = load(environment("http://127.0.0.1:8000", sqlite_url, "http://127.0.0.1:8001"))
    async with running(settings, clock=clock) as edge:
        assert isinstance(edge, Edge)
        documents = edge.documents
        assert isinstance(documents, dict)
        # As large as the list of a hundred thousand ended grants.
        documents[LARGE] = Document.of(b"s" * 1_000_000, "application/statuslist+jwt", "public, max-age=10")
        for path in (*PATHS, LARGE):
            for coding, form in ((b"identity", documents[path].plain), (b"gzip", documents[path].gzipped)):
                if form is not None:
                    assert await ask(edge, path, coding=coding) is form.body, path
            assert await _left_behind(edge, path) < MOST_BLOCKS_LEFT, path
            assert await _most_at_once(edge, path) < MOST_BYTES, path


async def _left_behind(edge: Edge, path: str) -> int:
    """Blocks that the interpreter holds after all requests and did not before."""
    await ask(edge, path)
    before = sys.getallocatedblocks()
    for _ in range(REQUESTS):
        await ask(edge, path)
    return sys.getallocatedblocks() - before


async def _most_at_once(edge: Edge, path: str) -> int:
    """The bytes that one request holds at its peak."""
    tracemalloc.start()
    try:
        await ask(edge, path)
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        await ask(edge, path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return peak - before
