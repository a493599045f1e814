"""A started login: all that must be known again when TikTok sends the browser back, packed small.

It is kept in a cookie, so its size counts: `state` of 1,500 and `nonce` of 500 characters must always fit.
"""

import zlib
from dataclasses import dataclass, replace
from typing import Final

from broker import opaque

_NAME_LETTERS: Final = 32
_NAME_BYTES: Final = 20
_VERIFIER_BYTES: Final = 32
_HEAD_BYTES: Final = _NAME_BYTES + _VERIFIER_BYTES
_SEPARATOR: Final = "\x1f"
_FIELDS: Final = 14


@dataclass(frozen=True, slots=True)
class Login:
    """A login that was started in this browser, at `started_at` (epoch seconds), and has not come back yet.

    TikTok's `state` begins with its `name`. `expected_user` is the `sub` that the app hinted at, `pushed` names
    the pushed request it began with, `language` is what the app wished pages to speak, of those that we do. With
    something `missing`, scopes that the person left out at TikTok, it waits for their decision: no answer of
    TikTok's belongs to it.
    """

    name: str
    verifier_bytes: bytes
    started_at: int
    registration: str
    client_id: str
    redirect_uri: str
    response_mode: str
    state: str | None
    code_challenge: str | None
    code_jkt: str | None
    nonce: str | None
    scope: tuple[str, ...]
    expected_user: str | None
    pushed: str | None
    language: str | None
    missing: tuple[str, ...]
    resources: tuple[str, ...]

    @property
    def digest(self) -> bytes:
        """What the grant keeps of the name, so that a login is finished once."""
        return opaque.digest(self.name)

    @property
    def verifier(self) -> str:
        """The PKCE verifier towards TikTok: 43 characters (RFC 7636 §4.1)."""
        return opaque.base64url(self.verifier_bytes)

    def anew(self, *, now: int, missing: tuple[str, ...] = ()) -> "Login":
        """The same request of the same app as another login: nothing that TikTok was told of this one fits it."""
        return replace(self, name=new_name(), verifier_bytes=new_verifier(), started_at=now, missing=missing)

    def __repr__(self) -> str:
        return f"Login({self.client_id}, {self.started_at})"


def new_name() -> str:
    """160 random bits that name one login."""
    return opaque.letters(_NAME_LETTERS)


def new_verifier() -> bytes:
    """256 random bits for the PKCE verifier towards TikTok."""
    return opaque.random_bytes(_VERIFIER_BYTES)


def pack(login: Login) -> bytes:
    """The login as bytes.

    Fields are joined by a character that none of them can contain, and compressed: printable ASCII always gets
    smaller by it. What is secret stands before, outside of the compression.
    """
    text = _SEPARATOR.join(
        (
            str(login.started_at),
            login.registration,
            login.client_id,
            login.redirect_uri,
            login.response_mode,
            login.state or "",
            login.code_challenge or "",
            login.code_jkt or "",
            login.nonce or "",
            " ".join(login.scope),
            login.expected_user or "",
            login.pushed or "",
            login.language or "",
            " ".join(login.missing),
            *login.resources,
        )
    )
    return _spelt(login.name) + login.verifier_bytes + zlib.compress(text.encode(), 1)


def _spelt(name: str) -> bytes:
    raw = opaque.decode(name)
    if raw is None:
        raise ValueError("the name of a login is base32")
    return raw


def unpack(raw: bytes) -> Login:
    """The login again, from bytes that `pack` made and a seal has protected since: nothing of them is doubted."""
    fields = zlib.decompress(raw[_HEAD_BYTES:]).decode().split(_SEPARATOR)
    (
        started_at,
        registration,
        client_id,
        redirect_uri,
        response_mode,
        state,
        code_challenge,
        code_jkt,
        nonce,
        scope,
        expected_user,
        pushed,
        language,
        missing,
    ) = fields[:_FIELDS]
    return Login(
        name=opaque.encode(raw[:_NAME_BYTES]),
        verifier_bytes=raw[_NAME_BYTES:_HEAD_BYTES],
        started_at=int(started_at),
        registration=registration,
        client_id=client_id,
        redirect_uri=redirect_uri,
        response_mode=response_mode,
        state=state or None,
        code_challenge=code_challenge or None,
        code_jkt=code_jkt or None,
        nonce=nonce or None,
        scope=tuple(scope.split()),
        expected_user=expected_user or None,
        pushed=pushed or None,
        language=language or None,
        missing=tuple(missing.split()),
        resources=tuple(fields[_FIELDS:]),
    )
