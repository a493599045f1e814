"""Token Status List (draft-ietf-oauth-status-list): one bit for each grant, in lists of a million.

A grant has a `status_index`, one number in all the lists together; in its own list it has a place.
"""

import zlib
from collections.abc import Iterable
from typing import Any, Final

from broker import opaque

SIZE: Final = 2**20
"""Grants in one list: 128 KiB of bits, of which hardly any is set."""
BITS: Final = 1
TYP: Final = "statuslist+jwt"
MEDIA_TYPE: Final = "application/statuslist+jwt"
TTL_SECONDS: Final = 15
"""How long a list may be kept before it is asked for again ("Status List Token", `ttl`)."""
LIFE_SECONDS: Final = 86_400
"""How long a list may be believed while another cannot be had (`exp`)."""
LEEWAY_SECONDS: Final = 300
"""For how long after its end a verifier may still believe a token: the most generous libraries allow that."""


def number_of(status_index: int) -> int:
    """The list that this grant is in."""
    return status_index // SIZE


def address(issuer: str, number: int) -> str:
    """Where a list is: its `uri` in tokens, and its own `sub`."""
    return f"{issuer}{path(number)}"


def path(number: int) -> str:
    """The same without the origin."""
    return f"/status/{number}"


def reference(issuer: str, status_index: int) -> dict[str, Any]:
    """The `status` claim of a token of this grant ("Referenced Token in JOSE")."""
    return {"status_list": {"idx": status_index % SIZE, "uri": address(issuer, number_of(status_index))}}


NONE_ENDED: Final = bytes(SIZE // 8)
"""The bits of a list in which every grant is VALID.

Always of full length, since verifiers refuse what has its place beyond the end, and the next grant's token may be
read by the list of a while ago.
"""


def with_ended(bits: bytes, ended: Iterable[int]) -> bytes:
    """The bits of a list with these of its grants INVALID, too ("Compressed Byte Array")."""
    changed = bytearray(bits)
    for status_index in ended:
        place = status_index % SIZE
        # Counted from the least significant bit.
        changed[place >> 3] |= 1 << (place & 7)
    return bytes(changed)


def packed(bits: bytes) -> str:
    """The `lst` of these bits."""
    # Few bits, far apart: by runs alone they get as small as by all of zlib's best, in a hundredth of the time.
    zipper = zlib.compressobj(9, strategy=zlib.Z_RLE)
    return opaque.base64url(zipper.compress(bits) + zipper.flush())
