"""Opaque values and digests: the one place that draws random numbers and hashes what was drawn.

An identifier carries 160 random bits, a secret 280: multiples of five bytes, so that base32 spells each
value in exactly one way and needs no padding. The database sees a secret only as its `digest`.
"""

import base64
import hashlib
import hmac
import secrets
from typing import Final, Literal

_ID_LETTERS: Final = 32
_SECRET_LETTERS: Final = 56
# RFC 4648 §6, in lower case. It is as long as a byte has values when repeated, so that each letter is as likely.
_ALPHABET: Final = b"abcdefghijklmnopqrstuvwxyz234567"
_LETTER_OF_BYTE: Final = _ALPHABET * 8
_DIGIT_OF_LETTER: Final = bytes.maketrans(_ALPHABET, b"0123456789abcdefghijklmnopqrstuv")


def random_bytes(count: int) -> bytes:
    """`count` bytes from the operating system's generator."""
    return secrets.token_bytes(count)


def fraction() -> float:
    """A random number from 0 on and below 1: for pauses that shall not all end at once."""
    return secrets.randbelow(1 << 53) / (1 << 53)


def identifier(prefix: str = "") -> str:
    """A public name for a row (`usr_…`, `ses_…`, `cli_…`): 160 random bits behind the prefix."""
    return prefix + letters(_ID_LETTERS)


def secret(prefix: str = "") -> str:
    """A bearer secret (`brs_…`, `brc_…`, a session cookie): 280 random bits behind the prefix."""
    return prefix + letters(_SECRET_LETTERS)


def letters(count: int) -> str:
    """Base32 of five random bits for each letter; eight letters spell five bytes."""
    return spelled(random_bytes(count))


def spelled(drawn: bytes) -> str:
    """A letter of base32 for each random byte, of which it keeps five bits."""
    return drawn.translate(_LETTER_OF_BYTE).decode("ascii")


def encode(raw: bytes) -> str:
    """Lower-case base32 (RFC 4648 §6) without padding."""
    return base64.b32encode(raw).decode("ascii").rstrip("=").lower()


def decode(text: str) -> bytes | None:
    """What `encode` made `text` from, or None when it made no such text (wrong alphabet, case or length)."""
    spelled = text.encode("ascii", "replace")
    count, spare = divmod(5 * len(spelled), 8)
    # More than four bits to spare are a letter too many; those that are spare must be zero.
    if spelled.translate(None, _ALPHABET) or spare > 4:
        return None
    number = int(spelled.translate(_DIGIT_OF_LETTER) or b"0", 32)
    return (number >> spare).to_bytes(count, "big") if number & ((1 << spare) - 1) == 0 else None


def digest(value: str) -> bytes:
    """SHA-256 of a secret with enough entropy of its own: what a row may hold of it."""
    return hashlib.sha256(value.encode()).digest()


def equal(left: bytes, right: bytes) -> bool:
    """Comparison in constant time."""
    return hmac.compare_digest(left, right)


def mac(key: bytes, *parts: bytes) -> bytes:
    """HMAC-SHA256 over the parts, each preceded by its length so that no two lists collide."""
    message = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return hmac.digest(key, message, hashlib.sha256)


def signature_hex(key: bytes, message: bytes) -> str:
    """Lower-case hexadecimal HMAC-SHA256: how TikTok signs what it sends."""
    return hmac.digest(key, message, hashlib.sha256).hex()


def sha256_hex(value: str) -> str:
    """Lower-case hexadecimal SHA-256: TikTok's form of an S256 code challenge."""
    return hashlib.sha256(value.encode("ascii")).hexdigest()


def fingerprint(raw: bytes) -> str:
    """Half of a SHA-256 in hexadecimal: what tells bytes that are published from other ones."""
    return hashlib.sha256(raw).hexdigest()[:32]


def sha256_base64url(value: str) -> str:
    """Unpadded base64url SHA-256 of ASCII text: RFC 7636 §4.2, RFC 7638 §3."""
    return base64url(hashlib.sha256(value.encode("ascii")).digest())


def half_digest_base64url(value: str, algorithm: Literal["sha256", "sha512"]) -> str:
    """The left half of a digest, unpadded base64url: what `at_hash` carries (OIDC Core §3.1.3.6)."""
    digested = hashlib.new(algorithm, value.encode("ascii")).digest()
    return base64url(digested[: len(digested) // 2])


def base64url(raw: bytes) -> str:
    """Unpadded base64url (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def from_base64url(text: str) -> bytes | None:
    """The bytes behind unpadded base64url, or None when `text` is not their one canonical spelling."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None
    return raw if base64url(raw) == text else None


class Secret:
    """A secret on its way through the program: `reveal()` gives the text, everything else hides it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the one call that needs it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and equal(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(self._text)
