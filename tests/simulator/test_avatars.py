"""Signed links that expire."""

import struct
import zlib

import pytest

from broker.simulator.picture import picture
from broker.simulator.world import World
from tests.simulator.driver import NOW, Driver, single

HOUR = 3_600


async def link(tiktok: Driver, field: str = "avatar_url") -> str:
    token = (await tiktok.sign_in())["access_token"]
    url: str = (await tiktok.user_info(token, field)).json()["data"]["user"][field]
    return url


@pytest.mark.parametrize(
    ("field", "size"), [("avatar_url", 168), ("avatar_url_100", 100), ("avatar_large_url", 720)]
)
async def test_a_link_leads_to_a_picture(tiktok: Driver, field: str, size: int) -> None:
    response = await tiktok.http.get(await link(tiktok, field))
    assert response.status_code == 200
    assert response.headers["content-type"] == "image/png"
    assert struct.unpack(">II", response.content[16:24]) == (size, size)


async def test_a_link_looks_like_tiktoks(tiktok: Driver) -> None:
    parameters = single(await link(tiktok))
    assert list(parameters) == ["lk3s", "nonce", "refresh_token", "x-expires", "x-signature"]
    assert int(parameters["x-expires"]) % HOUR == 0
    assert 47 * HOUR < int(parameters["x-expires"]) - NOW <= 48 * HOUR


async def test_a_link_expires(tiktok: Driver) -> None:
    url = await link(tiktok)
    expires = int(single(url)["x-expires"])
    tiktok.clock.now = expires - 1
    assert (await tiktok.http.get(url)).headers["cache-control"] == "public, max-age=1"
    tiktok.clock.now = expires
    assert (await tiktok.http.get(url)).status_code == 403


async def test_a_short_lifetime_is_kept_to_the_second(tiktok: Driver) -> None:
    await tiktok.settings(avatar_lifetime=90)
    assert int(single(await link(tiktok))["x-expires"]) == NOW + 90


@pytest.mark.parametrize(
    ("old", "new"),
    [("x-expires=18", "x-expires=19"), ("nonce=", "nonce=1"), ("%3D", "="), ("c5_168x168", "c5_100x100"),
     ("&x-signature=", "&x-signature=A"), ("lk3s", "lk3S")],
)  # fmt: skip
async def test_a_changed_link_is_refused(tiktok: Driver, old: str, new: str) -> None:
    """Decoding and re-encoding the query is a change too."""
    url = await link(tiktok)
    assert old in url
    assert (await tiktok.http.get(url.replace(old, new))).status_code == 403


@pytest.mark.parametrize(
    "query", ["", "x-expires=9999999999", "&x-expires=9999999999&x-signature=", "x-signature=%3D"]
)
async def test_a_link_without_a_signature_is_refused(tiktok: Driver, query: str) -> None:
    assert (
        await tiktok.http.get(f"/avatars/tos-avt-0068-tx/{'a' * 32}~c5_168x168.png?{query}")
    ).status_code == 403


@pytest.mark.parametrize("file", ["a.png", "../x", "%2e%2e%2fx", "a" * 32 + "~c5_9999x9999.png"])
async def test_a_picture_that_cannot_exist(tiktok: Driver, file: str) -> None:
    assert (await tiktok.http.get(f"/avatars/tos-avt-0068-tx/{file}")).status_code == 404


async def test_another_process_signs_otherwise(tiktok: Driver) -> None:
    url = await link(tiktok)
    tiktok.world.avatar_key = World().avatar_key
    assert (await tiktok.http.get(url)).status_code == 403


async def test_links_lead_where_browsers_reach_the_simulator(tiktok: Driver) -> None:
    assert (await link(tiktok)).startswith("http://simulator.test/avatars/")
    tiktok.world.public_origin = "https://tiktok.example"
    assert (await link(tiktok)).startswith("https://tiktok.example/avatars/")


def test_a_picture_is_a_valid_png() -> None:
    content = picture("a name", 100)
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    at, kinds, pixels = 8, [], b""
    while at < len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        kind, data = content[at + 4 : at + 8], content[at + 8 : at + 8 + length]
        assert struct.unpack(">I", content[at + 8 + length : at + 12 + length]) == (zlib.crc32(kind + data),)
        kinds.append(kind)
        pixels += data if kind == b"IDAT" else b""
        at += 12 + length
    assert kinds == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    rows = zlib.decompress(pixels)
    assert len(rows) == 100 * 101
    assert set(rows) <= {0, 1}


def test_different_people_look_different() -> None:
    assert len({picture(name, 100) for name in ("a", "b", "c", "d")}) == 4
