"""Status lists as the draft packs them, and how much of the wire they take."""

import random
import zlib
from collections.abc import Iterable

import pytest

from broker import opaque
from broker.oauth import status_list
from broker.opaque import from_base64url
from broker.web.documents import Document

MIB = 2**20


def packed(ended: Iterable[int]) -> str:
    return status_list.packed(status_list.with_ended(status_list.NONE_ENDED, ended))


def unpacked(text: str) -> bytes:
    raw = from_base64url(text)
    assert raw is not None
    return zlib.decompress(raw)


def test_bits_are_counted_as_in_the_example_of_the_draft() -> None:
    """draft-ietf-oauth-status-list, "Compressed Byte Array": these sixteen are the bytes b9 a3."""
    ended = [0, 3, 4, 5, 7, 8, 9, 13, 15]
    content = unpacked(packed(ended))
    assert content[:2] == bytes.fromhex("b9a3")
    assert not any(content[2:])


def test_a_list_has_its_full_length_from_the_beginning() -> None:
    """A verifier refuses what has its place beyond the end, and may know the list from before the grant began."""
    assert len(unpacked(packed([]))) * 8 == status_list.SIZE


def test_a_grant_keeps_its_place_in_its_own_list() -> None:
    for status_index, number, place in (
        (0, 0, 0),
        (2**20 - 1, 0, 2**20 - 1),
        (2**20, 1, 0),
        (10_000_000, 9, 562_816),
    ):
        said = status_list.reference("https://id.example", status_index)
        assert said == {"status_list": {"idx": place, "uri": f"https://id.example/status/{number}"}}
        content = unpacked(packed([status_index]))
        assert int.from_bytes(content, "little") == 1 << place


@pytest.mark.parametrize(
    ("ended", "most"),
    [
        # One person in ten signs out within the quarter of an hour for which a bit stays: far from any day.
        (100_000, 1.25 * MIB),
        # A hundred a second.
        (9_000, 256 * 1024),
        (0, 8 * 1024),
    ],
)
def test_ten_million_grants_are_less_than_two_mebibytes_on_the_wire(ended: int, most: float) -> None:
    """`ended` of them in each of ten lists, wherever they are in it."""
    text = packed(random.Random(5).sample(range(status_list.SIZE), ended))
    # A JWT is once more in base64, and has a header, some claims and a signature.
    size = 10 * (len(text) * 4 // 3 + 512)
    assert size < most < 2 * MIB


def test_with_half_of_them_ended_at_once_they_are_less_all_the_same_for_who_takes_gzip() -> None:
    """Nothing is harder to pack; but what base64 adds to it, gzip takes off again."""
    text = packed(random.Random(5).sample(range(status_list.SIZE), status_list.SIZE // 2))
    signed = opaque.base64url(text.encode()).encode()
    sent = Document.of(signed, status_list.MEDIA_TYPE, "public")
    assert sent.gzipped is not None
    assert 10 * (len(sent.gzipped.body) + 512) < 2 * MIB
