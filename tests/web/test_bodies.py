"""What a body may be: a form of at most 16 KiB in readable UTF-8; anything else is the RFC's error."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.stage import PUBLIC, WEB, WEB_SECRET
from tests.web.front import Front

FORM = "application/x-www-form-urlencoded"
KNOWN = f"client_id={PUBLIC}&grant_type=refresh_token&refresh_token="


async def posted(front: Front, body: bytes, content_type: str | None = FORM) -> httpx.Response:
    headers = {} if content_type is None else {"Content-Type": content_type}
    return await front.http.post("/token", content=body, headers=headers)


async def in_pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 1_000):
        yield body[start : start + 1_000]


@pytest.mark.parametrize("path", ["/token", "/par", "/introspect", "/revoke", "/userinfo"])
async def test_two_authorization_headers_are_one_too_many(front: Front, path: str) -> None:
    """RFC 9110 §5.3. Whoever stands in front may have looked at the other one."""
    credentials = httpx.BasicAuth(WEB, WEB_SECRET)._auth_header
    for second in (credentials, "Bearer x"):
        headers = [("Authorization", credentials), ("Authorization", second), ("Content-Type", FORM)]
        answer = await front.http.post(path, content=b"token=x&grant_type=refresh_token", headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
        assert "more than one Authorization header" in answer.json()["error_description"]


async def test_a_body_is_bounded_whether_its_length_is_announced_or_not(front: Front) -> None:
    exactly = (KNOWN + "x" * (16_384 - len(KNOWN))).encode()
    for body, status in ((exactly, 400), (exactly + b"x", 413), (exactly * 20, 413)):
        announced = await posted(front, body)
        chunked = await front.http.post("/token", content=in_pieces(body), headers={"Content-Type": FORM})
        assert "content-length" not in chunked.request.headers
        for answer in (announced, chunked):
            assert answer.status_code == status
            assert answer.json()["error"] == ("invalid_grant" if status == 400 else "invalid_request")
    userinfo = await front.http.post("/userinfo", content=exactly + b"x", headers={"Content-Type": FORM})
    assert userinfo.status_code == 413


@pytest.mark.parametrize(
    "content_type",
    [None, "", "application/json", "multipart/form-data; boundary=x", "text/plain", f"x{FORM}", f"{FORM}x", "/"],
)
async def test_only_a_form_is_read(front: Front, content_type: str | None) -> None:
    answer = await posted(front, KNOWN.encode() + b"x", content_type)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert FORM in answer.json()["error_description"]


@pytest.mark.parametrize("content_type", [FORM.upper(), f"{FORM}; charset=utf-8", f" {FORM} ;x"])
async def test_a_form_may_say_so_in_its_own_way(front: Front, content_type: str) -> None:
    assert (await posted(front, KNOWN.encode() + b"x", content_type)).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "body",
    [
        b"grant_type=%ff",
        b"grant_type=%c3%28",
        b"grant_type=\xff",
        "grant_type=é".encode(),
        b"grant_type=%ed%a0%80",
        b"%",
        b"%zz=1",
        b"grant_type=a&grant_type=a",
        b"unknown=a&unknown=b",
        b"&".join(b"a%d=1" % number for number in range(101)),
    ],
)
async def test_a_body_that_cannot_be_read_without_guessing_is_refused(front: Front, body: bytes) -> None:
    answer = await posted(front, body)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("end", ["x%00", "x%0a"])
async def test_a_control_character_is_refused_where_it_would_be_read(front: Front, end: str) -> None:
    answer = await posted(front, f"{KNOWN}{end}".encode())
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("more", ["&%00=x", "&state=a%0d%0ab"])
async def test_a_control_character_in_what_nobody_reads_is_ignored_with_it(front: Front, more: str) -> None:
    assert (await posted(front, f"{KNOWN}x{more}".encode())).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("body", [b"", b"&", b"=", b"&&=&", b"grant_type", b"grant_type="])
async def test_an_empty_request_lacks_client_authentication(front: Front, body: bytes) -> None:
    answer = await posted(front, body)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.headers["www-authenticate"] == 'Basic realm="broker"'


async def test_parameters_in_the_query_of_token_count_for_nothing(front: Front) -> None:
    """RFC 6749 §2.3.1, §3.2: they would stand in log files."""
    answer = await front.http.post(f"/token?{KNOWN}x", headers={"Content-Type": FORM})
    assert answer.json()["error"] == "invalid_client"
