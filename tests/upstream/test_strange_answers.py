"""Answers that are not what they should be, at both calls: always an `UpstreamError`, never half a person."""

import asyncio
import gzip
import json
from contextlib import suppress

import httpx
import pytest
import respx
from hypothesis import given
from hypothesis import strategies as st

from broker.opaque import Secret
from broker.upstream.connector import Approval, SignedIn, Unavailable, UpstreamError
from broker.upstream.http import MAX_ANSWER_BYTES
from broker.upstream.tiktok import TikTok
from tests.upstream.conftest import no_pause
from tests.upstream.payloads import PERSON, TOKEN_ANSWERS, TOKENS, USER_ANSWERS

TOKEN_URL = "https://open.tiktokapis.com/v2/oauth/token/"
INFO_URL = "https://open.tiktokapis.com/v2/user/info/"


async def sign_in(tiktok: TikTok) -> SignedIn:
    approval = Approval(Secret("c"), ("user.info.basic",))
    return await tiktok.sign_in(approval, verifier="v", redirect_uri="https://b.example/callback/tiktok")


def broken(good: dict[str, object]) -> dict[str, tuple[httpx.Response, str]]:
    """Everything a server can send instead of `good`, by name, with what the operator reads of it."""
    text = json.dumps(good).encode()
    moved = {"Location": "/v2/elsewhere/"}
    no_object = {
        "empty": b"",
        "html": b"<html>hello</html>",
        "truncated": text[:-1],
        "two documents": text + text,
        "a list": b"[" + text + b"]",
        "a string": json.dumps(text.decode()).encode(),
        "null": b"null",
        "true": b"true",
        "NaN": b'{"expires_in": NaN}',
        "infinity": b'{"expires_in": Infinity}',
        "invalid UTF-8": text[:-1] + b', "x": "\xff"}',
        "lone surrogate": text[:-1] + b', "x": "\\ud800"}',
        "UTF-16": text.decode().encode("utf-16"),
        "deeply nested": b'{"a":' * 2000 + b"1" + b"}" * 2000,
        "compressed without saying so": gzip.compress(text),
    }
    return {
        **{name: (httpx.Response(200, content=body), "not a JSON object") for name, body in no_object.items()},
        "no content": (httpx.Response(204), "not a JSON object"),
        "html with 403": (httpx.Response(403, html="<html>denied</html>"), "not a JSON object"),
        "html with 502": (httpx.Response(502, html="<html>bad gateway</html>"), "HTTP 502"),
        "good body with 500": (httpx.Response(500, content=text), "HTTP 500"),
        "good body with 429": (httpx.Response(429, content=text), "HTTP 429"),
        "good body with a redirect": (httpx.Response(302, content=text, headers=moved), "HTTP 302"),
        "broken redirect": (httpx.Response(302, headers={"Location": "http://["}), "HTTP 302"),
        "too long": (httpx.Response(200, content=text + b" " * MAX_ANSWER_BYTES), "longer than"),
    }


@pytest.mark.parametrize("name", broken({}))
async def test_a_broken_token_answer_is_unavailable(tiktok: TikTok, router: respx.Router, name: str) -> None:
    response, says = broken(TOKENS)[name]
    router.post(TOKEN_URL).mock(return_value=response)
    router.get(INFO_URL).respond(json=PERSON)
    with pytest.raises(Unavailable, match=says):
        await sign_in(tiktok)
    assert len(router.calls) == 1


@pytest.mark.parametrize("name", broken({}))
async def test_a_broken_user_info_answer_is_unavailable(tiktok: TikTok, router: respx.Router, name: str) -> None:
    router.post(TOKEN_URL).respond(json=TOKENS)
    response, says = broken(PERSON)[name]
    router.get(INFO_URL).mock(return_value=response)
    with pytest.raises(Unavailable, match=says):
        await sign_in(tiktok)
    assert len(router.calls) == (2 if response.status_code == 429 else 3)


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ConnectError,
        httpx.ConnectTimeout,
        httpx.ReadTimeout,
        httpx.RemoteProtocolError,
        TimeoutError,
        OSError,
    ],
)
@pytest.mark.parametrize(("method", "url"), [("POST", TOKEN_URL), ("GET", INFO_URL)])
async def test_a_connection_that_fails_is_unavailable(
    tiktok: TikTok, router: respx.Router, method: str, url: str, failure: type[Exception]
) -> None:
    router.post(TOKEN_URL).respond(json=TOKENS)
    router.get(INFO_URL).respond(json=PERSON)
    router.request(method, url).mock(side_effect=failure("secret detail"))
    with pytest.raises(Unavailable) as caught:
        await sign_in(tiktok)
    assert failure.__name__ in str(caught.value)
    assert "secret detail" not in str(caught.value)
    assert caught.value.__suppress_context__


def run(tokens: bytes, person: bytes, status: int) -> SignedIn | None:
    """One sign-in against the two bodies; None when it failed as a sign-in may."""

    def server(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, content=tokens if request.method == "POST" else person)

    async def attempt() -> SignedIn | None:
        async with httpx.MockTransport(server) as http:
            tiktok = TikTok(
                name="default",
                client_key="k",
                client_secret=Secret("s"),
                scopes=("user.info.basic",),
                pkce="hex",
                authorize_url="https://www.tiktok.com/v2/auth/authorize/",
                api_url="https://open.tiktokapis.com",
                http=http,
                clock=lambda: 1_800_000_000,
                pause=no_pause,
            )
            with suppress(UpstreamError):
                return await sign_in(tiktok)
            return None

    return asyncio.run(attempt())


def assert_whole(signed_in: SignedIn) -> None:
    identity, tokens = signed_in.identity, signed_in.tokens
    for required in (
        identity.union_id,
        identity.open_id,
        *map(Secret.reveal, (tokens.access_token, tokens.refresh_token)),
    ):
        assert isinstance(required, str)
        assert required.isascii()
        assert required.isprintable()
        assert required
    for optional in (identity.display_name, identity.username, identity.avatar_url):
        assert optional is None or (isinstance(optional, str) and optional and "\0" not in optional)
    assert tokens.access_expires_at > 1_800_000_000
    assert tokens.refresh_expires_at > 1_800_000_000
    assert "user.info.basic" in tokens.scopes


@given(TOKEN_ANSWERS, USER_ANSWERS, st.sampled_from([200, 200, 200, 400, 401]))
def test_arbitrary_json_gives_a_whole_person_or_an_upstream_error(
    tokens: object, person: object, status: int
) -> None:
    signed_in = run(json.dumps(tokens).encode(), json.dumps(person).encode(), status)
    if signed_in is not None:
        assert_whole(signed_in)


@given(st.binary(max_size=200), st.binary(max_size=200), st.integers(200, 599))
def test_arbitrary_bytes_give_an_upstream_error(tokens: bytes, person: bytes, status: int) -> None:
    assert run(tokens, person, status) is None
    assert run(json.dumps(TOKENS).encode(), person, status) is None
