"""Documents: answers whose bytes and headers are made once, and go out as they are however often somebody asks.

A document has one representation or two, as it is and gzipped. Which one is answered, and whether at all, depends
on no more than two request headers, read here.
"""

import gzip
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Self, TypeAlias

from starlette.types import Scope, Send

from broker import opaque

Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]

# What gzip must leave of a body at most, to be worth anybody's unpacking.
_WORTH_IT: Final = 0.9
_VARY: Final = (b"vary", b"Accept-Encoding")
# RFC 9110 §8.8.3: an opaque tag may hold commas, so a list of them is not to be split at those.
_OPAQUE_TAG: Final = rb'"[\x21\x23-\x7e\x80-\xff]*+"'
_TAGS: Final = re.compile(rb"[ \t,]*+(?:(?:W/)?" + _OPAQUE_TAG + rb"[ \t]*+(?:,[ \t,]*+|$))++")
_TAG: Final = re.compile(_OPAQUE_TAG)
# RFC 9110 §12.4.2, §12.5.3.
_CODING: Final = re.compile(
    rb"([!#$%&'*+.^_`|~0-9a-z-]+)(?:[ \t]*;[ \t]*q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Representation:
    """One form of a document: what a 200 carries, and what a 304 does (RFC 9110 §15.4.5)."""

    body: bytes
    headers: Headers
    unchanged: Headers
    tag: bytes
    """The opaque part of its entity tag: all that a weak comparison looks at."""


@dataclass(frozen=True, slots=True)
class Document:
    """An answer to GET and HEAD, prepared once. `gzipped` is there only where it is clearly smaller."""

    plain: Representation
    gzipped: Representation | None = None

    @classmethod
    def of(cls, body: bytes, media_type: str, cache_control: str, etag: str | None = None) -> Self:
        """The document of these bytes.

        Its entity tags are strong, one for each form, unless `etag` is given: a weak one (`W/"…"`, RFC 9110
        §8.8.1) for all forms, which stands for a content that is signed anew without a change. Raises ValueError
        for a strong one, which would be the same for two forms. Compressing a MiB takes a twentieth of a second:
        not on the event loop.
        """
        if etag is not None and not re.fullmatch(rb"W/" + _OPAQUE_TAG, etag.encode()):
            raise ValueError("the entity tag of all forms of a document is a weak one")
        # Without a time in it, so that every replica makes the same bytes.
        packed = gzip.compress(body, mtime=0)
        common = ((b"content-type", media_type.encode()), (b"cache-control", cache_control.encode()))
        if len(packed) > len(body) * _WORTH_IT:
            return cls(_representation(body, common[:1], common[1:], etag))
        coding = (common[0], (b"content-encoding", b"gzip"))
        kept = (common[1], _VARY)
        return cls(_representation(body, common[:1], kept, etag), _representation(packed, coding, kept, etag))

    async def send(self, scope: Scope, send: Send) -> None:
        """Answer a GET or HEAD."""
        coding, known = _asked(scope["headers"])
        best = self.plain if self.gzipped is None or not takes_gzip(coding) else self.gzipped
        # Who takes gzip takes the bytes as they are, too, and may have those.
        for form in (best, self.plain) if known else ():
            if knows(known, form.tag):
                await send({"type": "http.response.start", "status": 304, "headers": form.unchanged})
                await send({"type": "http.response.body"})
                return
        await send({"type": "http.response.start", "status": 200, "headers": best.headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else best.body})


def knows(if_none_match: bytes, tag: bytes) -> bool:
    """Whether an `If-None-Match` names this opaque tag: RFC 9110 §13.1.2, compared weakly, or `*` for any.

    One that is malformed names nothing, so that the whole is answered.
    """
    if if_none_match.strip(b" \t") == b"*":
        return True
    return _TAGS.fullmatch(if_none_match) is not None and tag in _TAG.findall(if_none_match)


def takes_gzip(accept_encoding: bytes) -> bool:
    """Whether an `Accept-Encoding` takes gzip, and likes it no less than none (RFC 9110 §12.5.3).

    What is malformed in it counts for nothing.
    """
    if b"gzip" not in accept_encoding.lower() and b"*" not in accept_encoding:
        return False
    weights = _weights(accept_encoding)
    gzipped = weights.get(b"gzip", weights.get(b"x-gzip", weights.get(b"*", 0.0)))
    return gzipped > 0 and gzipped >= weights.get(b"identity", 0.0)


def _weights(accept_encoding: bytes) -> Mapping[bytes, float]:
    members = (_CODING.fullmatch(member.strip(b" \t")) for member in accept_encoding.split(b","))
    return {member[1].lower(): float(member[2] or 1) for member in members if member}


def _representation(body: bytes, about: Headers, kept: Headers, etag: str | None) -> Representation:
    tag = f'"{opaque.fingerprint(body)}"' if etag is None else etag
    kept = (*kept, (b"etag", tag.encode()))
    length = (b"content-length", str(len(body)).encode())
    return Representation(body, (*about, length, *kept), kept, tag.removeprefix("W/").encode())


def _asked(headers: Iterable[tuple[bytes, bytes]]) -> tuple[bytes, bytes]:
    """`Accept-Encoding` and `If-None-Match`; a list in several lines is one list (RFC 9110 §5.3)."""
    coding = known = b""
    for name, value in headers:
        if name == b"accept-encoding":
            coding = coding + b"," + value if coding else value
        elif name == b"if-none-match":
            known = known + b"," + value if known else value
    return coding, known
