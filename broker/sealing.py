"""Authenticated encryption of what must not be read from a row or a cookie.

Every sealed value is bound to a purpose and to the row it belongs to, so that it opens nowhere else. The first
secret key seals, all of them open: that is how a key is changed without downtime.
"""

from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from broker import opaque

_KEY_PREFIX = "brk_"
_KEY_BYTES = 35
_ID_BYTES = 4
_NONCE_BYTES = 12


class Unsealable(Exception):
    """The value was sealed under a key we do not have, for another row or purpose, or was tampered with."""


class BadSecretKey(ValueError):
    """A text that `broker secret` did not print."""


class SecretKey:
    """One secret key, spread into an AES-256-GCM key for each purpose."""

    def __init__(self, text: str) -> None:
        raw = opaque.decode(text.removeprefix(_KEY_PREFIX)) if text.startswith(_KEY_PREFIX) else None
        if raw is None or len(raw) != _KEY_BYTES:
            raise BadSecretKey("a secret key is what `broker secret` prints")
        self._raw = raw
        self._ciphers: dict[str, AESGCM] = {}
        self.id = opaque.mac(raw, b"id")[:_ID_BYTES]

    def cipher(self, purpose: str) -> AESGCM:
        """The cipher for one purpose: a value sealed for one use is void in another."""
        cipher = self._ciphers.get(purpose)
        if cipher is None:
            cipher = AESGCM(opaque.mac(self._raw, b"seal", purpose.encode()))
            self._ciphers[purpose] = cipher
        return cipher

    def __repr__(self) -> str:
        return f"SecretKey({self.id.hex()})"


class Sealer:
    """Seals under the first key, opens under any.

    A sealed value is `key id (4) | nonce (12) | ciphertext and tag`.
    """

    def __init__(self, keys: Sequence[SecretKey]) -> None:
        if not keys:
            raise BadSecretKey("at least one secret key is needed; `broker secret` prints one")
        self._first = keys[0]
        self._by_id = {key.id: key for key in keys}

    def seal(self, plaintext: bytes, *, purpose: str, row: str) -> bytes:
        """Encrypt and authenticate `plaintext` for one purpose and one row."""
        nonce = opaque.random_bytes(_NONCE_BYTES)
        sealed = self._first.cipher(purpose).encrypt(nonce, plaintext, row.encode())
        return self._first.id + nonce + sealed

    def open(self, sealed: bytes, *, purpose: str, row: str) -> bytes:
        """The plaintext again. Raises `Unsealable`."""
        key = self._by_id.get(sealed[:_ID_BYTES])
        nonce = sealed[_ID_BYTES : _ID_BYTES + _NONCE_BYTES]
        if key is None or len(nonce) != _NONCE_BYTES:
            raise Unsealable(f"a sealed {purpose} does not open with the secret keys in use")
        try:
            return key.cipher(purpose).decrypt(nonce, sealed[_ID_BYTES + _NONCE_BYTES :], row.encode())
        except InvalidTag:
            raise Unsealable(f"a sealed {purpose} does not open with the secret keys in use") from None

    def reseal(self, sealed: bytes, *, purpose: str, row: str) -> bytes:
        """The same under the first key. Raises `Unsealable`."""
        return self.seal(self.open(sealed, purpose=purpose, row=row), purpose=purpose, row=row)

    @property
    def current_id(self) -> bytes:
        """What every value begins with that is sealed now."""
        return self._first.id

    def knows(self, sealed: bytes) -> bool:
        """Whether the key under which the value was sealed is among ours."""
        return sealed[:_ID_BYTES] in self._by_id

    def is_current(self, sealed: bytes) -> bool:
        """Whether the value is sealed under the first key already."""
        return sealed[:_ID_BYTES] == self._first.id


def new_secret_key() -> str:
    """What `broker secret` prints."""
    return _KEY_PREFIX + opaque.encode(opaque.random_bytes(_KEY_BYTES))
