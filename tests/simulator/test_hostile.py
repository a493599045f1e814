"""Whatever arrives, the simulator answers, and never with a 500."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import ASGIApp, Message

from broker.simulator.fault_options import fault_from
from broker.simulator.faults import ENDPOINTS, Fault
from broker.simulator.options import BadOption
from tests.simulator.driver import AUTHORIZE, FORM, Driver, single

PATHS = (
    AUTHORIZE,
    "/auth/authorize/",
    "/v2/oauth/token/",
    "/v2/oauth/revoke/",
    "/v2/user/info/",
    "/avatars/tos-avt-0068-tx/x.png",
    "/_simulator/",
    "/_simulator/faults",
    "/_simulator/settings",
    "/_simulator/people/p1",
)
NAMES = (
    "client_key",
    "redirect_uri",
    "scope",
    "state",
    "error",
    "grant_type",
    "code",
    "fields",
    "person",
    "action",
)


@dataclass
class Answer:
    status: int = 0
    location: bytes = b""
    body: bytes = b""


async def call(
    app: ASGIApp,
    method: str,
    path: str,
    query: bytes,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    *,
    leave: bool = False,
) -> Answer:
    """What `app` answers, called without a client that would tidy the request up."""
    answer = Answer()

    async def receive() -> Message:
        if leave:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.location = dict(message["headers"]).get(b"location", b"")
            assert not any(b"\n" in value or b"\r" in value for _, value in message["headers"])
        else:
            answer.body += message["body"]

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in (headers or {}).items()],
        "scheme": "http",
        "server": ("simulator.test", 80),
    }
    await app(scope, receive, send)
    return answer


def encode(pairs: list[tuple[str, str]]) -> bytes:
    return urlencode(pairs, errors="replace").encode()


pair = st.tuples(st.sampled_from(NAMES) | st.text(max_size=8), st.text(max_size=40))
hostile_bytes = st.binary(max_size=200) | st.lists(pair, max_size=8).map(encode)
json_like = st.recursive(st.none() | st.integers() | st.text(max_size=5), st.lists).map(
    lambda value: str(value).encode()
)
hostile_headers = st.fixed_dictionaries(
    {},
    optional={
        "content-type": st.sampled_from([FORM["content-type"], "application/json", "text/plain", "\xff", ""]),
        "authorization": st.text(st.characters(max_codepoint=255), max_size=30),
        "cookie": st.text(st.characters(max_codepoint=255), max_size=60),
        "host": st.text(st.characters(max_codepoint=255), max_size=20),
        "content-length": st.sampled_from(["0", "5"]),
    },
)


@settings(max_examples=300, deadline=None)
@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "DELETE", "OPTIONS", "BREW"]),
    path=st.sampled_from(PATHS) | st.text(st.characters(codec="utf-8"), max_size=30).map("/".__add__),
    query=hostile_bytes,
    headers=hostile_headers,
    body=hostile_bytes | json_like,
)
def test_anything_gets_an_answer(
    method: str, path: str, query: bytes, headers: dict[str, str], body: bytes
) -> None:
    assert asyncio.run(call(Driver().app, method, path, query, headers, body)).status < 500


@settings(max_examples=100, deadline=None)
@given(query=hostile_bytes)
def test_every_mistake_ends_on_the_error_page_in_one_step(query: bytes) -> None:
    """No query, however broken, makes the error page redirect again."""

    async def follow() -> Answer:
        app = Driver().app
        answer = await call(app, "GET", AUTHORIZE, query)
        if answer.status == 302:
            path, _, added = answer.location.partition(b"?")
            assert path.decode() == AUTHORIZE
            answer = await call(app, "GET", AUTHORIZE, added)
        return answer

    answer = asyncio.run(follow())
    assert answer.status == 200
    assert b"Something went wrong" in answer.body


values = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.lists(st.text(), max_size=2)
)


@settings(max_examples=200, deadline=None)
@given(options=st.dictionaries(st.sampled_from(sorted(Fault.__dataclass_fields__)), values))
def test_any_options_make_a_fault_or_a_sentence(options: dict[str, Any]) -> None:
    usual = {"endpoint": "token", "kind": "status", "status": 500}
    with contextlib.suppress(BadOption):
        assert fault_from(usual | options).endpoint in ENDPOINTS


@pytest.mark.parametrize(
    "state", ["\r\nset-cookie: a=b", "\x00", "é" * 500, "%0d%0a", "#?&=+ \\\"'<>", "x" * 8000]
)
async def test_any_state_comes_back_unchanged(tiktok: Driver, state: str) -> None:
    for action in ("allow", "deny"):
        response = await tiktok.press(action, state=state)
        assert single(response.headers["location"])["state"] == state
        assert "\n" not in response.headers["location"]


async def test_a_query_that_is_too_long_is_dropped(tiktok: Driver) -> None:
    response = await tiktok.show(state="x" * 16_384)
    assert response.headers["location"] == f"{AUTHORIZE}?error=invalid_request&error_type=query"


@pytest.mark.parametrize("query", ["state=%ff", "state=%ed%a0%80", "&".join(f"a{n}=1" for n in range(101))])
async def test_a_query_that_cannot_be_decoded_is_dropped(tiktok: Driver, query: str) -> None:
    response = await tiktok.http.get(f"{AUTHORIZE}?{query}")
    assert response.headers["location"] == f"{AUTHORIZE}?error=invalid_request&error_type=query"


@pytest.mark.parametrize("path", ["/v2/oauth/token/", "/v2/oauth/revoke/"])
async def test_a_body_that_is_too_long_is_malformed(tiktok: Driver, path: str) -> None:
    """And it is not read to its end."""
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1000
            yield b"a" * 1000

    response = await tiktok.http.post(path, content=endless(), headers=FORM)
    assert response.json()["error_description"] == "The request parameters are malformed."
    assert sent < 20_000


@pytest.mark.parametrize("path", [AUTHORIZE, "/v2/oauth/token/", "/_simulator/faults"])
async def test_a_caller_who_leaves_in_the_middle(tiktok: Driver, path: str) -> None:
    headers = {"content-type": FORM["content-type"], "content-length": "9"}
    answer = await call(tiktok.app, "POST", path, tiktok.query().encode(), headers, leave=True)
    assert answer.status == 400


@pytest.mark.parametrize("host", ["[", "a b", "evil.example/path", "é", ""])
async def test_an_absurd_host_is_not_repeated_in_links(tiktok: Driver, host: str) -> None:
    token = (await tiktok.sign_in())["access_token"]
    headers = {b"authorization": f"Bearer {token}".encode(), b"host": host.encode()}
    response = await tiktok.http.get("/v2/user/info/?fields=avatar_url", headers=headers)
    avatar = response.json()["data"]["user"]["avatar_url"]
    assert avatar.startswith("http://localhost/avatars/")
