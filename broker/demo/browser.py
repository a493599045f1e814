"""A browser without a screen: cookies, redirects and forms, enough to sign in as a person would.

It visits this machine only, reads a bounded amount, and waits a bounded time.
"""

import functools
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from types import TracebackType
from typing import Self
from urllib.parse import urlencode, urljoin, urlsplit

import httpx2

_TIMEOUT = 10.0
_MOST_REDIRECTS = 12
_MOST_BYTES = 1 << 20
_VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"})


class Stuck(Exception):
    """The browser cannot go on; the text is a sentence that says why."""


@dataclass(frozen=True)
class Field:
    """One `<input>` or `<button>` that has a name."""

    name: str
    value: str


@dataclass(frozen=True)
class Page:
    """What the browser shows: the address it ended at, and every address on the way, that one included.

    `action` is where the first form of the page goes.
    """

    url: str
    status: int
    request_id: str
    visited: tuple[str, ...]
    text: str
    by_id: dict[str, str]
    links: dict[str, str]
    images: dict[str, str]
    action: str
    fields: tuple[Field, ...]

    def shown(self, name: str) -> str:
        """The text of the element with this id. Raises `Stuck` when the page has none."""
        if name not in self.by_id:
            raise Stuck(f"The page has no “{name}”: {self.describe()}.")
        return self.by_id[name]

    def values(self, name: str) -> list[str]:
        """The values that the page offers for one form field."""
        return [field.value for field in self.fields if field.name == name]

    def describe(self) -> str:
        """The page in one line: address, status, request id and the beginning of its text."""
        identity = f", request id {self.request_id}" if self.request_id else ""
        words = self.text if len(self.text) <= 300 else self.text[:300] + "…"
        return f"{_without_query(self.url)} answered {self.status}{identity}: “{words}”"


@functools.cache
def _tls() -> ssl.SSLContext:
    # Reading all certificates takes a while, and they are the same for everybody.
    return httpx2.create_ssl_context(trust_env=False)


class Browser:
    """One person's browser: an `async with` block is its life."""

    def __init__(self) -> None:
        self._http = httpx2.AsyncClient(verify=_tls(), timeout=_TIMEOUT, trust_env=False)

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.__aexit__(kind, value, trace)

    async def open(self, url: str) -> Page:
        """Follow a link. Raises `Stuck`."""
        return await self._visit("GET", url, None, "")

    async def submit(self, page: Page, action: str, fields: Sequence[tuple[str, str]] = ()) -> Page:
        """Post a form of `page` to its action, as pressing its button does. Raises `Stuck`."""
        here = urlsplit(page.url)
        body = urlencode(fields).encode()
        return await self._visit("POST", urljoin(page.url, action), body, f"{here.scheme}://{here.netloc}")

    async def _visit(self, method: str, url: str, body: bytes | None, origin: str) -> Page:
        visited: list[str] = []
        while True:
            if urlsplit(url).hostname != "localhost":
                raise Stuck(f"The browser was sent away from this machine, to {_without_query(url)}.")
            visited.append(url)
            if len(visited) > _MOST_REDIRECTS:
                raise Stuck(f"The browser was redirected {_MOST_REDIRECTS} times, last to {_without_query(url)}.")
            headers = {"Accept": "text/html"}
            if body is not None:
                headers |= {"Origin": origin, "Content-Type": "application/x-www-form-urlencoded"}
            try:
                async with self._http.stream(method, url, content=body, headers=headers) as response:
                    html = await _read(response)
            except httpx2.HTTPError as fault:
                raise Stuck(f"{_without_query(url)} gave no answer ({type(fault).__name__}).") from fault
            if not response.has_redirect_location:
                return _page(response, html, visited)
            url = urljoin(url, response.headers["location"])
            if response.status_code in (301, 302, 303):
                method, body = "GET", None


async def _read(response: httpx2.Response) -> str:
    read = bytearray()
    async for chunk in response.aiter_bytes():
        read += chunk
        if len(read) > _MOST_BYTES:
            raise Stuck(f"{_without_query(str(response.url))} answered more than {_MOST_BYTES} bytes.")
    return read.decode("utf-8", "replace")


def _without_query(url: str) -> str:
    # Codes and states travel in queries and do not belong on a terminal.
    return url.partition("?")[0]


def _page(response: httpx2.Response, html: str, visited: list[str]) -> Page:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return Page(
        url=visited[-1],
        status=response.status_code,
        request_id=response.headers.get("x-request-id", ""),
        visited=tuple(visited),
        text=" ".join(" ".join(reader.words).split()),
        by_id={name: "".join(parts) for name, parts in reader.by_id.items()},
        links=reader.links,
        images=reader.images,
        action=reader.actions[0] if reader.actions else "",
        fields=tuple(reader.fields),
    )


class _Reader(HTMLParser):
    """Collects what a person would see and press."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.by_id: dict[str, list[str]] = {}
        self.links: dict[str, str] = {}
        self.images: dict[str, str] = {}
        self.actions: list[str] = []
        self.fields: list[Field] = []
        self._open: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        if tag not in _VOID:
            self._open.append((tag, named.get("id", "")))
        if "id" in named:
            self.by_id.setdefault(named["id"], [])
        if tag == "a" and "href" in named:
            self.links[named.get("id", "")] = named["href"]
        if tag == "img" and "src" in named:
            self.images[named.get("id", "")] = named["src"]
        if tag == "form":
            self.actions.append(named.get("action", ""))
        if tag in ("input", "button") and "name" in named:
            self.fields.append(Field(named["name"], named.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        while self._open and tag in (name for name, _ in self._open):
            if self._open.pop()[0] == tag:
                break

    def handle_data(self, data: str) -> None:
        if any(tag in ("style", "script", "title") for tag, _ in self._open):
            return
        self.words.append(data)
        for _, identity in self._open:
            if identity:
                self.by_id[identity].append(data)
