"""What the broker keeps in the browser: a sealed cookie per started login, and the session cookie.

Nothing is written to the database before TikTok has vouched for somebody: a started login lives here. Several
may be open at once (tabs, apps); they share what space a header has, and the oldest gives way.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from broker import opaque
from broker.oauth.errors import invalid_request
from broker.sealing import Sealer, Unsealable

LARGEST: Final = 3_800
ALTOGETHER: Final = 6_000
_PURPOSE: Final = "login cookie"
_STATE_PURPOSE: Final = "login state"
_ID_BYTES: Final = 20
_VERIFIER_BYTES: Final = 32
_SHOWN: Final = 8
_SEPARATOR: Final = "\x1f"
_FIELDS: Final = 8


@dataclass(frozen=True, slots=True)
class Login:
    """A login that was started in this browser and has not come back yet."""

    id: bytes
    verifier_bytes: bytes
    started_at: int
    registration: str
    client_id: str
    redirect_uri: str
    state: str | None
    code_challenge: str | None
    nonce: str | None
    scope: tuple[str, ...]
    resources: tuple[str, ...]

    @property
    def name(self) -> str:
        """The id as text: TikTok's `state` begins with it."""
        return opaque.encode(self.id)

    @property
    def digest(self) -> bytes:
        """What the grant keeps of the id, so that a login is finished once."""
        return opaque.digest(self.name)

    @property
    def verifier(self) -> str:
        """The PKCE verifier towards TikTok: 43 characters (RFC 7636 §4.1)."""
        return opaque.base64url(self.verifier_bytes)

    def __repr__(self) -> str:
        return f"Login({self.client_id}, {self.started_at})"


def new_login_id() -> bytes:
    """160 random bits that name one login."""
    return opaque.random_bytes(_ID_BYTES)


def new_verifier() -> bytes:
    """256 random bits for the PKCE verifier towards TikTok."""
    return opaque.random_bytes(_VERIFIER_BYTES)


@dataclass(frozen=True, slots=True)
class Browser:
    """Reads and writes the broker's cookies. `ttl` is the life of a login, in seconds."""

    sealer: Sealer
    secure: bool
    login_ttl: int
    session_max_ttl: int

    def keep(self, response: Response, login: Login, cookies: Mapping[str, str]) -> None:
        """Put the login into the response, dropping the oldest others when space is short.

        Raises `invalid_request` when the request is too large for a cookie.
        """
        name, value = self._login_name(login.name), self._sealed(login)
        if len(value) > LARGEST:
            raise invalid_request("The request is too large: shorten its state, nonce or resource.")
        self._set(response, name, value, self.login_ttl)
        space = ALTOGETHER - len(name) - len(value)
        for other in self._crowded_out(cookies, name, space):
            self._delete(response, other)

    def find(self, cookies: Mapping[str, str], state: str, *, now: int) -> Login | None:
        """The login that TikTok's `state` belongs to, if it was started in this browser and is still young."""
        name = state.partition(".")[0]
        _, _, sealed = cookies.get(self._login_name(name), "").partition(".")
        raw = opaque.from_base64url(sealed)
        if not raw:
            return None
        try:
            login = _unpack(self.sealer.open(raw, purpose=_PURPOSE, row=name))
        except Unsealable:
            return None
        return login if now < login.started_at + self.login_ttl else None

    def forget(self, response: Response, login: Login) -> None:
        """Take the login out of the browser: it is finished, well or not."""
        self._delete(response, self._login_name(login.name))

    def remember_session(self, response: Response, secret: str) -> None:
        """Give the browser its session."""
        self._set(response, self._prefix + "broker_session", secret, self.session_max_ttl)

    def state_for(self, login: Login) -> str:
        """TikTok's `state`: the login's id, and sealed the app it is for, for a browser that lost its cookie."""
        app = self.sealer.seal(login.client_id.encode(), purpose=_STATE_PURPOSE, row=login.name)
        return f"{login.name}.{opaque.base64url(app)}"

    def app_of(self, state: str) -> str | None:
        """The client id in a `state` of ours: good for a way back, never for going on with a login."""
        name, _, sealed = state.partition(".")
        raw = opaque.from_base64url(sealed)
        try:
            return self.sealer.open(raw, purpose=_STATE_PURPOSE, row=name).decode() if raw else None
        except Unsealable:
            return None

    @property
    def _prefix(self) -> str:
        # RFC 6265bis §4.1.3.2: bound to this host, over https, for every path. Browsers refuse it on http.
        return "__Host-" if self.secure else ""

    def _login_name(self, name: str) -> str:
        return f"{self._prefix}broker_login_{name[:_SHOWN]}"

    def _sealed(self, login: Login) -> str:
        sealed = self.sealer.seal(_pack(login), purpose=_PURPOSE, row=login.name)
        # The time stands in the open to tell which is the oldest; what counts is the one inside.
        return f"{login.started_at:x}.{opaque.base64url(sealed)}"

    def _crowded_out(self, cookies: Mapping[str, str], own: str, space: int) -> Iterator[str]:
        prefix = self._login_name("")
        others = {name: value for name, value in cookies.items() if name.startswith(prefix) and name != own}
        # Of those begun in the same second, browsers send the older first (RFC 6265 §5.4).
        oldest_first = sorted(others.items(), key=lambda other: _begun(other[1]))
        for name, value in reversed(oldest_first):
            space -= len(name) + len(value)
            if space < 0:
                yield name

    def _set(self, response: Response, name: str, value: str, max_age: int) -> None:
        response.set_cookie(
            name, value, max_age=max_age, path="/", secure=self.secure, httponly=True, samesite="lax"
        )

    def _delete(self, response: Response, name: str) -> None:
        response.delete_cookie(name, path="/", secure=self.secure, httponly=True, samesite="lax")


def _begun(value: str) -> int:
    try:
        return int(value.partition(".")[0], 16)
    except ValueError:
        return 0


def _pack(login: Login) -> bytes:
    """Fields joined by a character that none of them can contain: no escaping, so the size is known beforehand."""
    text = _SEPARATOR.join(
        (
            str(login.started_at),
            login.registration,
            login.client_id,
            login.redirect_uri,
            login.state or "",
            login.code_challenge or "",
            login.nonce or "",
            " ".join(login.scope),
            *login.resources,
        )
    )
    return login.id + login.verifier_bytes + text.encode()


def _unpack(raw: bytes) -> Login:
    head = _ID_BYTES + _VERIFIER_BYTES
    fields = raw[head:].decode().split(_SEPARATOR)
    started_at, registration, client_id, redirect_uri, state, code_challenge, nonce, scope = fields[:_FIELDS]
    return Login(
        id=raw[:_ID_BYTES],
        verifier_bytes=raw[_ID_BYTES:head],
        started_at=int(started_at),
        registration=registration,
        client_id=client_id,
        redirect_uri=redirect_uri,
        state=state or None,
        code_challenge=code_challenge or None,
        nonce=nonce or None,
        scope=tuple(scope.split()),
        resources=tuple(fields[_FIELDS:]),
    )
