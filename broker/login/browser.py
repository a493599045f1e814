"""What the broker keeps in the browser: a sealed cookie per started login, and the session cookie.

Nothing is written to the database before TikTok has vouched for somebody: a started login lives here. Several
may be open at once (tabs, apps); they share what space a header has, and the oldest gives way.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from broker import opaque
from broker.login.started import Login, pack, unpack
from broker.oauth.errors import invalid_request
from broker.sealing import Sealer, Unsealable

LARGEST: Final = 3_800
ALTOGETHER: Final = 6_000
# The number changes with what `started.pack` puts in: a login begun before an upgrade is lost, not misread.
_PURPOSE: Final = "login cookie 4"
_STATE_PURPOSE: Final = "login state"
_SHOWN: Final = 8


@dataclass(frozen=True, slots=True)
class Browser:
    """Reads and writes the broker's cookies. `login_ttl` and `session_max_ttl`: their lives, in seconds."""

    sealer: Sealer
    secure: bool
    login_ttl: int
    session_max_ttl: int

    def keep(
        self, response: Response, login: Login, cookies: Mapping[str, str], *, in_place_of: Login | None = None
    ) -> None:
        """Put the login into the response, dropping the oldest others when space is short.

        The one that it takes the place of needs none any more; to `forget` it is left to the caller.

        Raises `invalid_request` when the request is too large for a cookie.
        """
        name, value = self._login_name(login.name), self._sealed(login)
        if len(value) > LARGEST:
            raise invalid_request("The request is too large: shorten its state, nonce or resource.")
        self._set(response, name, value, self.login_ttl)
        space = ALTOGETHER - len(name) - len(value)
        over = self._login_name(in_place_of.name) if in_place_of else name
        for other in self._crowded_out(cookies, {name, over}, space):
            self._delete(response, other)

    def find(self, cookies: Mapping[str, str], state: str, *, now: int) -> Login | None:
        """The login that TikTok's `state` belongs to, if it was started in this browser and is still young."""
        name = state.partition(".")[0]
        _, _, sealed = cookies.get(self._login_name(name), "").partition(".")
        raw = opaque.from_base64url(sealed)
        if not raw:
            return None
        try:
            login = unpack(self.sealer.open(raw, purpose=_PURPOSE, row=name))
        except Unsealable:
            return None
        return login if now < login.started_at + self.login_ttl else None

    def forget(self, response: Response, login: Login) -> None:
        """Take the login out of the browser: it is finished, well or not."""
        self._delete(response, self._login_name(login.name))

    def remember_session(self, response: Response, secret: str) -> None:
        """Give the browser its session."""
        self._set(response, self._prefix + "broker_session", secret, self.session_max_ttl)

    def session_cookie(self, cookies: Mapping[str, str]) -> str | None:
        """The session secret the browser brought, if any: nothing is known about it yet."""
        return cookies.get(self._prefix + "broker_session")

    def forget_session(self, response: Response) -> None:
        """Sign this browser out, as far as it is concerned."""
        self._delete(response, self._prefix + "broker_session")

    def state_for(self, login: Login) -> str:
        """TikTok's `state`: the login's name, and sealed the app it is for, for a browser that lost its cookie."""
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
        sealed = self.sealer.seal(pack(login), purpose=_PURPOSE, row=login.name)
        # The time stands in the open to tell which is the oldest; what counts is the one inside.
        return f"{login.started_at:x}.{opaque.base64url(sealed)}"

    def _crowded_out(self, cookies: Mapping[str, str], own: set[str], space: int) -> Iterator[str]:
        prefix = self._login_name("")
        others = {name: value for name, value in cookies.items() if name.startswith(prefix) and name not in own}
        # Of those begun in the same second, browsers send the older first (RFC 6265 §5.4).
        oldest_first = sorted(others.items(), key=lambda other: _begun(other[1]))
        for name, value in reversed(oldest_first):
            space -= len(name) + len(value)
            if space < 0:
                yield name

    def _set(self, response: Response, name: str, value: str, max_age: int) -> None:
        # RFC 6265 §4.1.1. What is ours is spelt in base32 and base64url, of which nothing needs quoting; a name to
        # be deleted has come in a Cookie header, which can hold no semicolon and no end of a line.
        secure = "; Secure" if self.secure else ""
        cookie = f"{name}={value}; HttpOnly; Max-Age={max_age}; Path=/; SameSite=lax{secure}"
        response.headers.append("Set-Cookie", cookie)

    def _delete(self, response: Response, name: str) -> None:
        self._set(response, name, "", 0)


def _begun(value: str) -> int:
    try:
        return int(value.partition(".")[0], 16)
    except ValueError:
        return 0
