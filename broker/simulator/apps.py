"""Developer apps as the TikTok portal registers them, with the redirect rules of each platform.

Source: Login Kit for Web and for Desktop, Android and iOS quickstarts, "Add a sandbox".
"""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

Platform: TypeAlias = Literal["web", "desktop", "android", "ios"]

LOGIN_SCOPES = ("user.info.basic", "user.info.profile", "user.info.stats")

_MAX_REDIRECT_URIS = 10
_MAX_REDIRECT_URI_LENGTH = 511
_MAX_TESTERS = 10
_MAX_PORT = 65_535
_CLIENT_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SCOPE = re.compile(r"[a-z][a-z0-9_.]*")
_URI = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}|\*))?"
    r"(?P<path>/[!$%&'()*+,./0-9:;=@A-Z_a-z~-]*)?"
)
_WEBHOOK_URL = re.compile(r"https?://[!-~]{1,500}")


@dataclass(frozen=True)
class App:
    """One app of one developer; the default is a desktop app, which alone may use localhost.

    `client_key` beginning with `sb` makes it a sandbox, and a sandbox names the people (`p1` …) that may use it.
    `webhook_url` is told every event; here, unlike at TikTok, it may lie on this machine and do without TLS.
    Raises `ValueError` with a sentence when TikTok's portal would refuse the registration.
    """

    client_key: str
    client_secret: str = field(repr=False)
    redirect_uris: Sequence[str]
    platform: Platform = "desktop"
    scopes: Sequence[str] = LOGIN_SCOPES
    sandbox_testers: Sequence[str] | None = None
    developer: str = "Sample developer"
    display_name: str = "Sample app"
    webhook_url: str | None = None

    def __post_init__(self) -> None:
        if not _CLIENT_KEY.fullmatch(self.client_key):
            raise ValueError("a client key is 1 to 64 letters, digits, `-` or `_`")
        if not self.client_secret:
            raise ValueError(f"the app {self.client_key} needs a client secret")
        if self.platform not in get_args(Platform):
            raise ValueError(f"the platform of an app is one of {', '.join(get_args(Platform))}")
        _check_testers(self.client_key, self.sandbox_testers)
        if not self.scopes or not all(_SCOPE.fullmatch(scope) for scope in self.scopes):
            raise ValueError("an app has at least one scope, each such as user.info.basic")
        if isinstance(self.redirect_uris, str) or not 1 <= len(self.redirect_uris) <= _MAX_REDIRECT_URIS:
            raise ValueError(f"an app has a list of 1 to {_MAX_REDIRECT_URIS} redirect URIs")
        for uri in self.redirect_uris:
            check_redirect_uri(uri, self.platform)
        if self.webhook_url is not None and not _WEBHOOK_URL.fullmatch(self.webhook_url):
            raise ValueError(f"{self.webhook_url!r} is no http(s) URL to which events can be sent")

    @property
    def needs_challenge(self) -> bool:
        """Whether the authorize page insists on PKCE: every platform but the web."""
        return self.platform != "web"

    def admits(self, person_id: str) -> bool:
        """Whether this person may sign in: everybody in production, the target users in a sandbox."""
        return self.sandbox_testers is None or person_id in self.sandbox_testers

    def has_redirect_uri(self, uri: str) -> bool:
        """Whether `uri` is registered, character for character; only a `*` port stands for any port."""
        return any(_matches(registered, uri) for registered in self.redirect_uris)


def check_redirect_uri(uri: str, platform: Platform) -> None:
    """The portal's rules for one redirect URI. Raises `ValueError` with a sentence."""
    if len(uri) > _MAX_REDIRECT_URI_LENGTH:
        raise ValueError("a redirect URI is shorter than 512 characters")
    parts = _URI.fullmatch(uri)
    if parts is None:
        raise ValueError(f"{uri!r} is no absolute http(s) URI without query and fragment")
    if parts["port"] not in (None, "*") and not 1 <= int(parts["port"]) <= _MAX_PORT:
        raise ValueError(f"{uri!r} has a port that does not exist")
    if platform == "desktop":
        _check_desktop(uri, parts)
    else:
        _check_public(uri, parts, platform)


def _check_desktop(uri: str, parts: re.Match[str]) -> None:
    if parts["host"] not in ("localhost", "127.0.0.1"):
        raise ValueError(f"{uri!r}: a desktop app may use only localhost or 127.0.0.1")
    if parts["port"] is None:
        raise ValueError(f"{uri!r}: a desktop app must name the port, or `*` for any")


def _check_public(uri: str, parts: re.Match[str], platform: Platform) -> None:
    if parts["scheme"] != "https":
        raise ValueError(f"{uri!r}: an app of platform {platform} must use https")
    if not _is_public_name(parts["host"]):
        raise ValueError(f"{uri!r}: an app of platform {platform} must use a public host name")
    if parts["port"] == "*":
        raise ValueError(f"{uri!r}: only a desktop app may leave the port open")
    if parts["port"] is not None and platform != "web":
        raise ValueError(f"{uri!r}: an app of platform {platform} may not name a port")


def _is_public_name(host: str) -> bool:
    labels = host.lower().rstrip(".").split(".")
    if len(labels) < 2 or labels[-1] == "localhost" or "" in labels:
        return False
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        # What ends in a number is read as an IPv4 address by browsers, however it is written.
        return not labels[-1].isdigit()
    return False


def _check_testers(client_key: str, testers: Sequence[str] | None) -> None:
    sandbox = client_key.startswith("sb")
    if sandbox and testers is None:
        raise ValueError(f"the client key {client_key} is a sandbox's: name its target users")
    if testers is not None and not sandbox:
        raise ValueError(
            f"only a sandbox, whose client key begins with sb, has target users; {client_key} does not"
        )
    if testers is not None and len(testers) > _MAX_TESTERS:
        raise ValueError(f"a sandbox has at most {_MAX_TESTERS} target users")


def _matches(registered: str, uri: str) -> bool:
    before, wildcard, after = registered.partition(":*")
    if not wildcard:
        return registered == uri
    port = re.fullmatch(re.escape(before) + r":([1-9][0-9]{0,4})" + re.escape(after), uri)
    return port is not None and int(port[1]) <= _MAX_PORT
