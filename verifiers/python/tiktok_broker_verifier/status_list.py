"""The broker's list of revocations: Token Status List (draft-ietf-oauth-status-list), as a JWT.

One to eight bits for each grant, packed with zlib; zero says that nothing is wrong.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tiktok_broker_verifier import jws
from tiktok_broker_verifier.jwk import from_base64url
from tiktok_broker_verifier.jws import Unsound

TYPES: Final = ("statuslist+jwt", "application/statuslist+jwt")
LONGEST: Final = 4 * 1024 * 1024
"""Characters of the whole JWT."""

_LONGEST_UNPACKED: Final = 16 * 1024 * 1024
_BITS: Final = (1, 2, 4, 8)


@dataclass(frozen=True, slots=True)
class StatusList:
    """A list that the issuer signed. `ttl`, seconds, says how long it may be kept before asking again."""

    bits: int
    packed: bytes = field(repr=False)
    expires_at: float | None
    ttl: float | None

    def status(self, index: int) -> int:
        """What stands at this place, 0 for a token in good order. Raises `Unsound` beyond the end."""
        per_byte = 8 // self.bits
        place, within = divmod(index, per_byte)
        if place >= len(self.packed):
            raise Unsound("its place is beyond the end of the status list")
        # Counted from the least significant bit.
        return self.packed[place] >> (within * self.bits) & ((1 << self.bits) - 1)


def checked(claims: Mapping[str, Any], *, uri: str, now: float) -> StatusList:
    """The list fetched from `uri`, its signature verified already. Raises `Unsound`."""
    # "Validation Rules": a list of another address would say something about other tokens.
    if claims.get("sub") != uri:
        raise Unsound("it is the list of another address")
    jws.seconds(claims, "iat")
    expires = jws.seconds(claims, "exp") if "exp" in claims else None
    if expires is not None and now >= expires:
        raise Unsound("it has expired")
    ttl = jws.seconds(claims, "ttl") if "ttl" in claims else None
    if ttl is not None and ttl <= 0:
        raise Unsound("its ttl is not a positive number")
    match claims.get("status_list"):
        case {"bits": int(bits), "lst": str(packed)} if not isinstance(bits, bool) and bits in _BITS:
            return StatusList(bits, _unpacked(packed), expires, ttl)
    raise Unsound("it has no list in it")


def _unpacked(text: str) -> bytes:
    """RFC 1950, no further than to a bound."""
    try:
        unpacker = zlib.decompressobj()
        content = unpacker.decompress(from_base64url(text), _LONGEST_UNPACKED)
    except (ValueError, zlib.error):
        raise Unsound("its list cannot be unpacked") from None
    if not unpacker.eof:
        raise Unsound("its list is not whole, or too long")
    return content
