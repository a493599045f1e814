"""The fetcher for pictures of people: a signed link, called exactly as it is spelled, to an image or nothing.

It is bounded in time and size, follows no redirect, refuses private addresses as `outbound` does, and believes a
picture to be one only when its announced type and its first bytes both say so. SVG is none: it can hold script.
"""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

import aiohttp
from yarl import URL

from broker.outbound import CONNECT_SECONDS, USER_AGENT, Reach, Unreachable, guarded, reason

MEDIA_TYPES: Final = ("image/jpeg", "image/png", "image/webp", "image/gif")
_CALL_SECONDS: Final = 5.0
_KEPT_SECONDS: Final = 15.0
_MOST_BYTES: Final = 512 * 1024
_CHUNK_BYTES: Final = 64 * 1024
_HEADERS: Final = {"User-Agent": USER_AGENT, "Accept": ", ".join(MEDIA_TYPES), "Accept-Encoding": "identity"}
# Of the errors, those that pass: too many requests, a request that took too long.
_PASSING: Final = (408, 425, 429)


class NoPicture(Exception):
    """There is nothing to be had from this link, now or later; the words are for the log."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An image of one of the `MEDIA_TYPES`."""

    media_type: str
    image: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pictures:
    """Fetches pictures."""

    session: aiohttp.ClientSession

    async def fetch(self, link: str) -> Picture:
        """The picture behind a link. Raises `NoPicture`, and `Unreachable` when another try may succeed."""
        try:
            # Encoded already: read and written anew, a signed link is another one.
            url = URL(link, encoded=True)
            async with self.session.get(url, headers=_HEADERS, allow_redirects=False) as response:
                return await _picture(response)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Unreachable(f"the host of the picture gave no complete answer ({reason(error)})") from None


async def _picture(response: aiohttp.ClientResponse) -> Picture:
    if response.status in _PASSING or response.status >= 500:
        raise Unreachable(f"the host of the picture answered with status {response.status}")
    if response.status != 200:
        raise NoPicture(f"the host of the picture answered with status {response.status}")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise NoPicture("the picture came in a content encoding that was not asked for")
    if response.headers.get("Content-Type", "").partition(";")[0].strip().lower() not in MEDIA_TYPES:
        raise NoPicture("what came is announced as something else than a picture")
    image = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        image += chunk
        if len(image) > _MOST_BYTES:
            raise NoPicture(f"the picture has more than {_MOST_BYTES} bytes")
    media_type = _recognised(image)
    if media_type is None:
        raise NoPicture("what came does not begin as a picture does")
    return Picture(media_type, bytes(image))


def _recognised(image: bytearray) -> str | None:
    """The type that the first bytes tell (WHATWG MIME Sniffing §6.1)."""
    if image.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if image.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if image.startswith(b"RIFF") and image[8:14] == b"WEBPVP":
        return "image/webp"
    if image.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    return None


@contextlib.asynccontextmanager
async def pictures(reach: Reach) -> AsyncIterator[Pictures]:
    """The fetcher, open for the length of the block."""
    async with aiohttp.ClientSession(
        # Pictures come from a few hosts of TikTok's, and shaking hands with one costs more than the picture.
        connector=guarded(reach, kept_seconds=_KEPT_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        # `total` is for the whole call, the body included.
        timeout=aiohttp.ClientTimeout(total=_CALL_SECONDS, connect=CONNECT_SECONDS),
        auto_decompress=False,
        trust_env=False,
    ) as session:
        yield Pictures(session)
