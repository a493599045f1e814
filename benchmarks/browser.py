"""A browser that signs in: it follows redirects over one connection, and is TikTok's page by itself.

Nothing here knows an address of the target. A redirect below the app's redirect URI ends the journey; one to
TikTok's page is answered at once, as if the person had agreed without delay; any other is followed.
"""

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar
from urllib.parse import unquote, urljoin, urlsplit

from benchmarks.cookies import Jar
from benchmarks.http import Message, Unexpected

T = TypeVar("T")
Asking: TypeAlias = Generator[bytes, Message, T]
"""A journey without its connection: yields requests, is sent their answers, returns what it was made for."""

_REDIRECTS = (301, 302, 303, 307, 308)
_MOST = 12


@dataclass(frozen=True, slots=True)
class World:
    """What there is to be told apart: the target's origin, TikTok's page, and the app that awaits the browser."""

    origin: str
    tiktok_page: str
    redirect_uri: str

    @property
    def host(self) -> str:
        """What the `Host` header says."""
        return urlsplit(self.origin).netloc


@dataclass(slots=True)
class Browser:
    """One person's browser. `tiktok_code` is what TikTok would give for this person."""

    world: World
    jar: Jar = field(default_factory=Jar)

    def visit(self, url: str, *, tiktok_code: str) -> Asking[str]:
        """Go to `url` at the target and on until the app is reached: the address there. Raises `Unexpected`."""
        target = self._target(url)
        for _ in range(_MOST):
            answer = yield self._get(target)
            if answer.status not in _REDIRECTS:
                raise Unexpected(f"a redirect was expected from {target}: {shown(answer)}")
            for cookie in answer.cookies:
                self.jar.take(cookie, path=_path(target))
            location = answer.location
            if location.startswith(self.world.redirect_uri):
                return location
            if location.startswith(self.world.tiktok_page):
                location = _agreed(location, tiktok_code)
            target = self._target(location if location.startswith(("/", "http")) else urljoin(target, location))
        raise Unexpected(f"more than {_MOST} redirects, the last of them to {target}")

    def _target(self, url: str) -> str:
        """Path and query of an address at the target."""
        if url.startswith(f"{self.world.origin}/"):
            return url[len(self.world.origin) :]
        if url.startswith("/"):
            return url
        raise Unexpected(f"the browser is led away, to {url}")

    def _get(self, target: str) -> bytes:
        cookies = self.jar.header(_path(target))
        cookie = f"Cookie: {cookies}\r\n" if cookies else ""
        return f"GET {target} HTTP/1.1\r\nHost: {self.world.host}\r\n{cookie}\r\n".encode()


def shown(answer: Message) -> str:
    """An answer that was not expected, for the words of `Unexpected`."""
    return f"{answer.head.decode()} {answer.body[:500].decode(errors='replace')}"


def parameter(url: str, name: str) -> str:
    """A parameter of the query, encoded as it stands there. Raises `Unexpected`."""
    for pair in url.partition("?")[2].partition("#")[0].split("&"):
        key, _, value = pair.partition("=")
        if key == name:
            return value
    raise Unexpected(f"no {name} in the redirect to {url}")


def _agreed(page: str, code: str) -> str:
    """Where TikTok's page sends a person who agrees to everything."""
    back, state = unquote(parameter(page, "redirect_uri")), parameter(page, "state")
    return f"{back}?code={code}&scopes=user.info.basic&state={state}"


def _path(target: str) -> str:
    return target.partition("?")[0]
