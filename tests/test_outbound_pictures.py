"""Pictures come from TikTok's hosts, whatever those may become: how little such a call may cost or bring in."""

import contextlib
import gzip
from collections.abc import AsyncIterator

import pytest

from broker import outbound_pictures
from broker.outbound import Reach, Unreachable
from broker.outbound_pictures import NoPicture, Pictures, pictures
from tests.test_outbound import Door, name_system, opened

PUBLIC, AT_HOME = Reach(False, False), Reach(False, True)
PNG = b"\x89PNG\r\n\x1a\n rest"
KINDS = {
    "image/png": PNG,
    "image/jpeg": b"\xff\xd8\xff\xe0 rest",
    "image/gif": b"GIF89a rest",
    "image/webp": b"RIFF\x00\x10\x00\x00WEBPVP8 rest",
}
LINK = (
    "/tos-useast5-avt-0068-tx/b17f0e4b~tplv-tiktokx-cropcenter:168:168.jpeg?lk3s=a5d4&nonce=94734"
    "&refresh_token=0123&x-expires=1738854000&x-signature=A%2BB%2Fc%3D%7e+%21~d=="
)


@contextlib.asynccontextmanager
async def calling(reach: Reach) -> AsyncIterator[Pictures]:
    async with pictures(reach) as fetcher:
        yield fetcher


def says(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> Door:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers]
    return Door("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


async def refused(door: Door, words: str, kind: type[Exception] = NoPicture) -> None:
    async with opened(door) as origin, calling(AT_HOME) as fetcher:
        with pytest.raises(kind, match=words) as caught:
            await fetcher.fetch(f"{origin}/a?x-signature=secret")
        assert "secret" not in str(caught.value)


async def test_a_signed_link_goes_out_as_it_is_spelled() -> None:
    """Decoding and encoding it anew breaks the signature (`%2F` and `~`, `+` and `=` are such places)."""
    door = says(PNG, "Content-Type: image/png")
    async with opened(door) as origin, calling(AT_HOME) as fetcher:
        await fetcher.fetch(origin + LINK)
    assert door.heads[0].startswith(f"GET {LINK} HTTP/1.1\r\n".encode())
    assert b"cookie" not in door.heads[0].lower()
    assert b"authorization" not in door.heads[0].lower()


async def test_the_first_bytes_say_what_a_picture_is() -> None:
    for media_type, body in KINDS.items():
        async with opened(says(body, "Content-Type: image/JPEG; x=y")) as origin, calling(AT_HOME) as fetcher:
            picture = await fetcher.fetch(f"{origin}/a")
        assert (picture.media_type, picture.image) == (media_type, body)
        assert body not in repr(picture).encode()


async def test_what_is_not_announced_or_does_not_begin_as_a_picture_is_none() -> None:
    for media_type in ("text/html", "image/svg+xml", "application/octet-stream", "image/x-png", ""):
        await refused(says(PNG, f"Content-Type: {media_type}"), "announced")
    await refused(says(PNG), "announced")
    for body in (b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"", b"\x89PN", b"RIFF\0\0\0\0WAVEfmt ", b"GIF88a"):
        await refused(says(body, "Content-Type: image/png"), "does not begin")


async def test_no_more_than_half_a_mebibyte_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    most = 512 * 1024
    async with opened(says(PNG.ljust(most), "Content-Type: image/png")) as origin, calling(AT_HOME) as fetcher:
        assert len((await fetcher.fetch(f"{origin}/a")).image) == most
    endless = says(PNG.ljust(most + 1), "Content-Type: image/png", length=10**12)
    endless.stays_open = True
    await refused(endless, "more than 524288 bytes")
    bomb = gzip.compress(PNG.ljust(10_000_000))
    await refused(says(bomb, "Content-Type: image/png", "Content-Encoding: gzip"), "content encoding")


async def test_a_redirect_is_not_followed() -> None:
    other = says(PNG, "Content-Type: image/png")
    async with opened(other) as elsewhere:
        for status in ("301 Moved", "302 Found", "307 Again"):
            await refused(says(b"", f"Location: {elsewhere}/x", status=status), f"status {status[:3]}")
    assert other.knocks == 0


async def test_what_may_pass_can_be_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many requests, a broken host, a slow, silent or lost connection, a body cut off."""
    monkeypatch.setattr(outbound_pictures, "_CALL_SECONDS", 0.1)
    for status in ("408 Late", "425 Early", "429 Many", "500 Oh", "503 No"):
        await refused(says(b"", status=status), f"status {status[:3]}", Unreachable)
    typed = "Content-Type: image/png"
    slow = says(PNG, typed, length=100)
    slow.stays_open = True
    for door in (
        Door(b"", stays_open=True),
        slow,
        says(PNG, typed, length=100),
        Door(b""),
        Door(b"garbage\r\n\r\n"),
    ):
        await refused(door, "gave no complete answer", Unreachable)
    for status in ("400 Bad", "403 Expired", "404 None", "410 Gone"):
        await refused(says(b"", status=status), f"status {status[:3]}")


async def test_a_name_of_tiktoks_that_points_inside_is_refused_where_the_socket_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    door = says(PNG, "Content-Type: image/png")
    async with opened(door), calling(PUBLIC) as fetcher:
        for inside in (["127.0.0.1"], ["::ffff:127.0.0.1"], ["10.255.255.1"], ["169.254.169.254"]):
            name_system(monkeypatch, *inside)
            with pytest.raises(Unreachable, match="points into a private network"):
                await fetcher.fetch(f"https://p16-sign.tiktokcdn.com:{door.port}/a?x-signature=secret")
        with pytest.raises(Unreachable):
            await fetcher.fetch(f"http://127.0.0.1:{door.port}/a")
    assert door.knocks == 0


async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    door, proxy = says(PNG, "Content-Type: image/png"), Door()
    async with opened(proxy) as address, opened(door) as origin:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, address)
        async with calling(AT_HOME) as fetcher:
            await fetcher.fetch(f"{origin}/a")
    assert (door.knocks, proxy.knocks) == (1, 0)


async def test_a_link_that_is_none_is_an_error_like_any_other() -> None:
    async with calling(AT_HOME) as fetcher:
        for link in ("https://[::1", "nothing", "https://:0/", "ftp://127.0.0.1/a", "https://127.0.0.1:99999/"):
            with pytest.raises(Unreachable):
                await fetcher.fetch(link)
