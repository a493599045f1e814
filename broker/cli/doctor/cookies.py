"""Whether cookies survive the way through the proxy: a sign-in begun from outside and given up at once.

It goes as far as a sign-in goes without TikTok: to `/authorize`, and, as if the person had refused, to the
callback. Nothing is written for that, and neither TikTok nor the app is called.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from http.cookies import CookieError, Morsel, SimpleCookie
from typing import Final
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from broker import opaque
from broker.cli.doctor import asking
from broker.cli.doctor.asking import Heard, NoAnswer
from broker.cli.doctor.findings import Finding, fault, ok, warning
from broker.login.addresses import callback_address
from broker.oauth import client_metadata
from broker.settings import Settings
from broker.store.clients import ClientRow

_LEAVING: Final = "sign-in from outside"
_CHECK: Final = "cookies from outside"
_COOKIE: Final = "broker_login_"
_HANDED_ON: Final = (
    "Let the proxy hand Set-Cookie and Cookie on as they are: no other name, path, domain or attribute."
)


@dataclass(frozen=True, slots=True)
class _App:
    """An app in whose name anybody may begin a sign-in."""

    client_id: str
    redirect_uri: str
    registration: str


async def findings(
    http: httpx.AsyncBaseTransport, settings: Settings, apps: Sequence[ClientRow]
) -> AsyncIterator[Finding]:
    """`apps`: those that are registered. Where no sign-in can begin there are no cookies to look at."""
    app = _open(apps, settings)
    if app is None:
        yield warning(
            _LEAVING,
            "no app takes a request from the browser alone, so none was begun",
            "Register one with `broker clients add`, or begin a sign-in by hand: the browser must keep a cookie "
            f"of the issuer whose name begins with {_name(settings)}.",
        )
        return
    try:
        sent = await asking.get(http, f"{settings.issuer}/authorize?{urlencode(_question(app))}")
    except NoAnswer as error:
        yield fault(_LEAVING, f"/authorize gives no answer ({error})", "Check that the proxy hands it on.")
        return
    finding = _departure(sent, app, settings)
    yield finding
    if finding.outcome == "ok":
        yield await _cookie(http, sent, app, settings)


def _open(apps: Sequence[ClientRow], settings: Settings) -> _App | None:
    names = {registration.name for registration in settings.registrations}
    for row in apps:
        app = client_metadata.read(row.metadata)
        pushes = app.require_pushed_authorization_requests
        if app.redirect_uris and app.registration in names and not pushes and row.disabled_at is None:
            return _App(row.client_id, app.redirect_uris[0], app.registration)
    return None


def _question(app: _App) -> dict[str, str]:
    return {
        "client_id": app.client_id,
        "redirect_uri": app.redirect_uri,
        "response_type": "code",
        "scope": "openid",
        "state": opaque.identifier(),
        "nonce": opaque.identifier(),
        "code_challenge": opaque.sha256_base64url(opaque.secret()),
        "code_challenge_method": "S256",
    }


def _departure(sent: Heard, app: _App, settings: Settings) -> Finding:
    location = sent.headers.get("location", "")
    if location.startswith(app.redirect_uri):
        error = _parameter(location, "error")
        return warning(
            _LEAVING,
            f"the app {app.client_id} is told {error} at once",
            "Try again in some minutes if TikTok does not answer just now; the broker's log says why.",
        )
    if sent.status not in (302, 303) or not location.startswith(settings.tiktok_authorize_url):
        return fault(
            _LEAVING,
            f"/authorize answers with status {sent.status} and does not send people to TikTok",
            f"Check with `broker clients show {app.client_id}` that the app is as you want it, and that the proxy "
            "hands the whole query on; the broker's log has the request.",
        )
    told, expected = _parameter(location, "redirect_uri"), callback_address(settings.issuer, app.registration)
    if told != expected:
        return fault(
            _LEAVING,
            f"TikTok is told to send people back to {told}, and not to {expected}",
            "Start every process with the settings that this command has.",
        )
    return ok(_LEAVING, "people are sent to TikTok, and back to the address above")


async def _cookie(http: httpx.AsyncBaseTransport, sent: Heard, app: _App, settings: Settings) -> Finding:
    cookies = [cookie for cookie in _cookies(sent) if _COOKIE in cookie.key]
    if not cookies:
        return fault(_CHECK, "the cookie of a sign-in does not get through", _HANDED_ON)
    (cookie, *_) = cookies
    changed = _changes(cookie, settings)
    if changed:
        return fault(_CHECK, f"the cookie of a sign-in arrives changed: {', '.join(changed)}", _HANDED_ON)
    query = {"state": _parameter(sent.headers["location"], "state"), "error": "access_denied"}
    back = f"{callback_address(settings.issuer, app.registration)}?{urlencode(query)}"
    try:
        answer = await asking.get(http, back, {"Cookie": f"{cookie.key}={cookie.coded_value}"})
    except NoAnswer as error:
        return fault(_CHECK, f"the callback gives no answer ({error})", "Check that the proxy hands it on.")
    location = answer.headers.get("location", "")
    if not location.startswith(app.redirect_uri) or _parameter(location, "error") != "access_denied":
        return fault(
            _CHECK,
            f"the cookie of a sign-in does not come back to the broker: the callback answers with {answer.status}",
            f"{_HANDED_ON} Every process needs the same BROKER_SECRET_KEYS.",
        )
    return ok(_CHECK, "the cookie of a sign-in comes and goes as it is")


def _cookies(sent: Heard) -> "list[Morsel[str]]":
    found: list[Morsel[str]] = []
    for header in sent.headers.get_list("set-cookie"):
        jar = SimpleCookie()
        try:
            jar.load(header)
        except CookieError:
            continue
        found += jar.values()
    return found


def _changes(cookie: "Morsel[str]", settings: Settings) -> list[str]:
    """What is not as the broker sets it: RFC 6265bis §4.1.3.2 for the prefix, and `login.browser`."""
    expected = {
        f"its name is {cookie.key}": cookie.key.startswith(_name(settings)),
        "without Secure": bool(cookie["secure"]) or not settings.secure,
        "without HttpOnly": bool(cookie["httponly"]),
        f"with path {cookie['path']}": cookie["path"] == "/",
        f"with domain {cookie['domain']}": not cookie["domain"],
        f"with SameSite={cookie['samesite']}": cookie["samesite"].lower() == "lax",
    }
    return [change for change, right in expected.items() if not right]


def _name(settings: Settings) -> str:
    return f"{'__Host-' if settings.secure else ''}{_COOKIE}"


def _parameter(address: str, name: str) -> str:
    return parse_qs(urlsplit(address).query).get(name, [""])[0]
