"""Documents: the right form for everybody, and nothing at all for who has it already (RFC 9110)."""

import gzip

import pytest
from starlette.types import Message

from broker.web.documents import Document, knows, takes_gzip

BODY = b'{"keys":[' + b"1234567890," * 50 + b"0]}"
CONTROL = "public, max-age=300, stale-while-revalidate=30"


async def answer(
    document: Document, *headers: tuple[bytes, bytes], method: str = "GET"
) -> tuple[int, dict[bytes, bytes], bytes]:
    """Status, headers and body."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await document.send({"type": "http", "method": method, "headers": list(headers)}, send)
    start, body = sent
    assert len(dict(start["headers"])) == len(start["headers"]), "no header is sent twice"
    return start["status"], dict(start["headers"]), body.get("body", b"")


async def tag_of(document: Document, coding: bytes = b"") -> bytes:
    _, headers, _ = await answer(document, (b"accept-encoding", coding))
    return headers[b"etag"]


async def test_each_form_has_a_strong_tag_its_length_and_says_what_it_depends_on() -> None:
    """RFC 9110 §8.8.3.3: the tag of the bytes that were packed is another one."""
    document = Document.of(BODY, "application/json", CONTROL)
    status, plain, body = await answer(document)
    assert (status, body) == (200, BODY)
    assert plain == {
        b"content-type": b"application/json",
        b"content-length": str(len(BODY)).encode(),
        b"cache-control": CONTROL.encode(),
        b"vary": b"Accept-Encoding",
        b"etag": plain[b"etag"],
    }
    status, packed, body = await answer(document, (b"accept-encoding", b"gzip, deflate, br"))
    assert (status, gzip.decompress(body)) == (200, BODY)
    # RFC 1952 §2.3.1: no time in it, so that every replica has the same bytes for the same tag.
    assert body[4:8] == bytes(4)
    assert packed == plain | {
        b"content-encoding": b"gzip",
        b"content-length": str(len(body)).encode(),
        b"etag": packed[b"etag"],
    }
    for tag in (plain[b"etag"], packed[b"etag"]):
        assert tag[:1] == tag[-1:] == b'"'
    assert plain[b"etag"] != packed[b"etag"]
    assert await tag_of(Document.of(BODY, "application/json", CONTROL)) == plain[b"etag"]
    assert await tag_of(Document.of(BODY + b" ", "application/json", CONTROL)) != plain[b"etag"]


async def test_what_gzip_would_not_make_clearly_smaller_has_one_form() -> None:
    document = Document.of(bytes(range(256)), "application/octet-stream", CONTROL)
    status, headers, body = await answer(document, (b"accept-encoding", b"gzip"))
    assert (status, body) == (200, bytes(range(256)))
    assert not {b"vary", b"content-encoding"} & headers.keys()


@pytest.mark.parametrize("coding", [b"", b"gzip"])
async def test_head_tells_of_what_get_would_send(coding: bytes) -> None:
    """RFC 9110 §9.3.2."""
    document = Document.of(BODY, "application/json", CONTROL)
    got = await answer(document, (b"accept-encoding", coding))
    assert await answer(document, (b"accept-encoding", coding), method="HEAD") == (*got[:2], b"")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("coding", [b"", b"gzip"])
async def test_who_has_it_is_told_so_and_for_how_long_it_is_good(coding: bytes, method: str) -> None:
    """RFC 9110 §15.4.5: the headers that a cache goes by, and none that tells of a body."""
    document = Document.of(BODY, "application/json", CONTROL)
    tag = await tag_of(document, coding)
    found = await answer(document, (b"accept-encoding", coding), (b"if-none-match", tag), method=method)
    assert found == (304, {b"cache-control": CONTROL.encode(), b"vary": b"Accept-Encoding", b"etag": tag}, b"")


async def test_who_takes_gzip_may_have_either_form_already() -> None:
    document = Document.of(BODY, "application/json", CONTROL)
    plain, packed = await tag_of(document), await tag_of(document, b"gzip")
    for tag in (plain, packed):
        status, headers, _ = await answer(document, (b"accept-encoding", b"gzip"), (b"if-none-match", tag))
        assert (status, headers[b"etag"]) == (304, tag)


async def test_who_does_not_take_gzip_is_never_told_that_the_packed_form_is_still_good() -> None:
    """RFC 9111 §4.3.1: a cache asks with the tags of all it has, and gives away the one that it is told."""
    document = Document.of(BODY, "application/json", CONTROL)
    packed = await tag_of(document, b"gzip")
    assert (await answer(document, (b"if-none-match", packed)))[0::2] == (200, BODY)


async def test_a_list_in_several_lines_is_one_list() -> None:
    """RFC 9110 §5.3."""
    document = Document.of(BODY, "application/json", CONTROL)
    packed = await tag_of(document, b"gzip")
    coding, known = (b"accept-encoding", b"gzip"), (b"if-none-match", packed)
    other = ((b"accept-encoding", b"br"), (b"if-none-match", b'"old"'))
    assert (await answer(document, *other, coding, known))[0] == 304
    assert (await answer(document, coding, known, *other))[0] == 304
    assert (await answer(document, *other, coding))[1][b"content-encoding"] == b"gzip"
    assert (await answer(document, coding, *other))[1][b"content-encoding"] == b"gzip"


async def test_a_tag_that_only_holds_ours_is_another_tag() -> None:
    document = Document.of(BODY, "application/json", CONTROL)
    tag = await tag_of(document)
    for unlike in (b"w/" + tag, b'"a, ' + tag, tag + b"x", tag.upper().replace(b'"', b'"X')):
        assert (await answer(document, (b"if-none-match", unlike)))[0] == 200


async def test_a_weak_tag_stands_for_every_form() -> None:
    document = Document.of(BODY, "application/statuslist+jwt", CONTROL, 'W/"7"')
    for coding in (b"", b"gzip"):
        assert await tag_of(document, coding) == b'W/"7"'
        for known in (b'W/"7"', b'"7"'):
            headers = ((b"accept-encoding", coding), (b"if-none-match", known))
            assert (await answer(document, *headers))[0] == 304


@pytest.mark.parametrize("etag", ['"7"', "7", "W/7", 'w/"7"', 'W/"7', 'W/"7" ', 'W/"a b"', 'W/"a\r\nb"'])
def test_a_tag_for_every_form_is_weak_and_well_formed(etag: str) -> None:
    with pytest.raises(ValueError, match="weak"):
        Document.of(BODY, "application/json", CONTROL, etag)


@pytest.mark.parametrize(
    "asked",
    [
        b'"t"',
        b'W/"t"',
        b' "t" ',
        b'"a", "t"',
        b'"a",W/"t","b"',
        b'"a,b", "t"',
        b',, "t" ,',
        b"*",
        b" * ",
        b'"a"\t,"t"',
    ],
)
def test_a_tag_is_known_wherever_it_stands_in_the_list(asked: bytes) -> None:
    assert knows(asked, b'"t"')


@pytest.mark.parametrize(
    "asked",
    [
        b"",
        b"t",
        b'"T"',
        b'"at"',
        b'"ta"',
        b'"a,"t"',
        b'"a, "t", b"',
        b'w/"t"',
        b'W/ "t"',
        b'x"t"',
        b'"t"x',
        b'"t" "a"',
        b'"t',
        b't"',
        b'*, "t"',
        b"**",
        b'"*"',
        b'"a" "t"',
        b'"\\"t\\""',
    ],
)
def test_no_other_tag_and_no_malformed_list_is_the_tag(asked: bytes) -> None:
    assert not knows(asked, b'"t"')


def test_a_long_list_is_read_in_a_moment() -> None:
    for member in (b'"a",', b'W/"a" ', b" \t,", b'"', b'W/"'):
        assert not knows(member * 20_000, b'"t"')


@pytest.mark.parametrize(
    "asked",
    [
        b"gzip",
        b"GZip",
        b"x-gzip",
        b"deflate, gzip;q=0.001, br;q=1",
        b"gzip;q=1.000",
        b"gzip ; q=0.5",
        b"*",
        b"br;q=0, *;q=0.1",
        b"identity;q=0.5, gzip",
        b"identity;q=0, gzip;q=0.1",
        b"gzip, identity",
        b"gzip;level=9, *",
    ],
)
def test_gzip_is_taken(asked: bytes) -> None:
    assert takes_gzip(asked)


@pytest.mark.parametrize(
    "asked",
    [
        b"",
        b"identity",
        b"br, deflate",
        b"gzip;q=0",
        b"gzip;q=0.000",
        b"*, gzip;q=0",
        b"*;q=0",
        b"gzip;q=0.5, identity",
        b"gzip;q=2",
        b"gzip;q=-1",
        b"gzip;q=0.1234",
        b"gzip;q=x",
        b"gzip;q=",
        b"gzip;q",
        b"gzipped",
        b"notgzip",
        b"gzip br",
        b"\xff*",
    ],
)
def test_gzip_is_not_taken(asked: bytes) -> None:
    assert not takes_gzip(asked)
