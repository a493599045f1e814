"""A picture for each person, drawn from a name: no file to ship, and a real PNG for whoever checks."""

import hashlib
import struct
import zlib
from functools import lru_cache

_CELLS = 5
_PALETTE = (
    ((0xFF, 0xE3, 0xD8), (0xC8, 0x4B, 0x31)),
    ((0xDD, 0xF1, 0xE4), (0x1F, 0x7A, 0x4D)),
    ((0xE0, 0xE9, 0xFF), (0x2F, 0x55, 0xC4)),
    ((0xF4, 0xE1, 0xFA), (0x8A, 0x2F, 0xA3)),
    ((0xFD, 0xF0, 0xC4), (0x8F, 0x6A, 0x00)),
    ((0xD9, 0xF2, 0xF6), (0x0B, 0x72, 0x85)),
)


@lru_cache(maxsize=64)
def picture(name: str, size: int) -> bytes:
    """A PNG of `size` × `size` pixels: a mirrored pattern of five by five cells in two colours."""
    digest = hashlib.sha256(name.encode()).digest()
    margin = size // 12
    cell = (size - 2 * margin) / _CELLS
    # Column 3 mirrors column 1, and 4 mirrors 0.
    pattern = [
        [digest[row * 3 + min(column, 4 - column)] & 1 for column in range(_CELLS)] for row in range(_CELLS)
    ]
    places = [_place(pixel, margin, cell) for pixel in range(size)]
    lines = [bytes(0 if at is None else row[at] for at in places) for row in pattern]
    blank = bytes(size)
    # Each scan line begins with its filter, and 0 is none (PNG §9).
    pixels = b"".join(b"\0" + (blank if at is None else lines[at]) for at in places)
    ground, ink = _PALETTE[digest[31] % len(_PALETTE)]
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", bytes(ground + ink)),
            _chunk(b"IDAT", zlib.compress(pixels)),
            _chunk(b"IEND", b""),
        )
    )


def _place(pixel: int, margin: int, cell: float) -> int | None:
    """The cell in which a pixel lies, or None in the margin."""
    at = int((pixel - margin) // cell)
    return at if 0 <= at < _CELLS else None


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
