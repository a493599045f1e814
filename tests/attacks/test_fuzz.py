"""Whatever the parameters, headers and cookies: an answer of ours, never a fault of ours."""

import asyncio
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as proving
from hypothesis import strategies as st

from tests.stage import PUBLIC, WEB, HeldClock
from tests.web.front import Front, question, running_front

# Few examples each: together with the tables of the other tests they have found enough.
FUZZ = proving(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
NAMES = st.sampled_from(
    [*question(), "prompt", "max_age", "resource", "response_mode", "request", "claims", "code"]
)
VALUES = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    st.sampled_from(["", "\x00", "none", "code", WEB, "https://app.example/callback", "9" * 400, "é" * 2_000]),
)
PAIRS = st.lists(st.tuples(NAMES, VALUES), max_size=6)
HEADER = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=60)


@pytest.fixture
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def fuzzed(loop: asyncio.Runner, sqlite_template: Path, tmp_path: Path) -> Iterator[Front]:
    """A broker on a loop of its own, so that one serves every example."""
    file = shutil.copy(sqlite_template, tmp_path / "fuzzed.db")
    context = running_front(f"sqlite:///{file}", HeldClock())
    front = loop.run(context.__aenter__())
    yield front
    loop.run(context.__aexit__(None, None, None))


def assert_ours(answer: httpx.Response) -> None:
    assert answer.status_code in (200, 302, 400, 401, 403, 404, 413), answer.text
    if answer.status_code >= 400 and answer.headers.get("content-type") == "application/json":
        body: Mapping[str, Any] = answer.json()
        assert set(body) == {"error", "error_description"}
        assert not set(body["error_description"]) & set('"\\')
        assert body["error_description"].isprintable()
    if answer.status_code == 302:
        target = answer.headers["location"].partition("?")[0]
        assert target in ("https://app.example/callback", "https://tiktok.example/v2/auth/authorize/")
        assert answer.headers["location"].isascii()


@FUZZ
@given(changes=PAIRS, keep=st.booleans(), cookie=HEADER)
def test_authorize(
    fuzzed: Front, loop: asyncio.Runner, changes: list[tuple[str, str]], keep: bool, cookie: str
) -> None:
    changed = {name for name, _ in changes}
    good = [(name, value) for name, value in question().items() if name not in changed] if keep else []
    headers = [(b"cookie", b"__Host-broker_login_aaaaaaaa=" + cookie.encode("latin-1"))]
    assert_ours(loop.run(fuzzed.http.get("/authorize", params=[*good, *changes], headers=headers)))


@FUZZ
@given(query=st.binary(max_size=300))
def test_raw_queries(fuzzed: Front, loop: asyncio.Runner, query: bytes) -> None:
    """Past any client library: bytes as they could come over the wire."""
    for path in ("/authorize", "/callback/tiktok"):
        status, _ = loop.run(called(fuzzed, path, query))
        assert status in (302, 400, 413)


async def called(front: Front, path: str, query: bytes) -> tuple[int, bytes]:
    received: list[Mapping[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        received.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "https",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "headers": [],
    }
    await front.app(scope, receive, send)
    return received[0]["status"], received[1]["body"]


@FUZZ
@given(
    form=st.lists(
        st.tuples(
            st.sampled_from(["grant_type", "code", "redirect_uri", "code_verifier", "client_id", "client_secret",
                             "refresh_token", "scope", "resource"]),
            VALUES | st.sampled_from(["authorization_code", "refresh_token", PUBLIC, "brt_" + "a" * 96]),
        ),
        max_size=7,
    ),
    authorization=st.none() | HEADER | st.binary(max_size=40).map(lambda raw: "Basic " + raw.hex()),
)  # fmt: skip
def test_token(
    fuzzed: Front, loop: asyncio.Runner, form: list[tuple[str, str]], authorization: str | None
) -> None:
    headers = [(b"content-type", b"application/x-www-form-urlencoded")]
    if authorization is not None:
        headers.append((b"authorization", authorization.encode("latin-1")))
    answer = loop.run(fuzzed.http.post("/token", content=urlencode(form).encode(), headers=headers))
    assert answer.status_code in (400, 401, 413)
    assert_ours(answer)


@FUZZ
@given(body=st.binary(max_size=300), content_type=HEADER)
def test_raw_bodies(fuzzed: Front, loop: asyncio.Runner, body: bytes, content_type: str) -> None:
    for kind in (content_type.encode("latin-1"), b"application/x-www-form-urlencoded"):
        for path in ("/token", "/userinfo"):
            assert_ours(loop.run(fuzzed.http.post(path, content=body, headers=[(b"content-type", kind)])))


@FUZZ
@given(authorization=HEADER, state=VALUES, cookie=HEADER)
def test_headers_of_the_rest(
    fuzzed: Front, loop: asyncio.Runner, authorization: str, state: str, cookie: str
) -> None:
    bearer = [(b"authorization", b"Bearer " + authorization.encode("latin-1"))]
    assert loop.run(fuzzed.http.get("/userinfo", headers=bearer)).status_code in (400, 401)
    raw = [(b"cookie", b"__Host-broker_login_" + cookie.encode("latin-1"))]
    answer = loop.run(fuzzed.http.get("/callback/tiktok", params={"state": state, "code": "x"}, headers=raw))
    assert answer.status_code in (400, 413)
