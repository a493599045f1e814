"""The addresses among the settings: the issuer, TikTok's two, the database.

The rules are those of `values`: `BadValue` goes on where the variable's name ends and quotes nothing.
"""

import ipaddress
import re
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from broker.configuration.values import BadValue
from broker.opaque import Secret

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_URL_TEXT = re.compile(r"[!-~]{1,2048}")
_DEFAULT_PORT = {"http": 80, "https": 443}
_HARMLESS_OPTIONS = frozenset(
    {"host", "port", "user", "dbname", "sslmode", "application_name", "target_session_attrs"}
)
_MOST_HOSTS = 8
_MASK = "***"


def issuer(text: str) -> str:
    """An origin that may be the `iss` of every token: RFC 8414 §2 (https, no query, no fragment), no path.

    Clients compare it character by character (RFC 9207 §2.4), so only the one canonical spelling passes.
    """
    parts = _split(text)
    if parts.scheme not in _DEFAULT_PORT:
        raise BadValue("must start with https:// (http:// only on localhost)")
    _check_origin(text, parts)
    if parts.path or "?" in text or "#" in text:
        raise BadValue("must end after the host and port: no path, query, fragment or trailing slash")
    if parts.scheme == "http" and not on_loopback(text):
        raise BadValue("must be https; http is for localhost, 127.0.0.0/8 and [::1] only")
    return text


def endpoint(text: str) -> str:
    """The full URL of a page that parameters will be added to."""
    return _service(text)


def base(text: str) -> str:
    """A URL that paths will be added to."""
    if text.endswith("/"):
        raise BadValue("must not end with a slash, since paths are added to it")
    return _service(text)


def _service(text: str) -> str:
    parts = _split(text)
    if parts.scheme not in _DEFAULT_PORT:
        raise BadValue("must be a URL that starts with https://")
    _check_origin(text, parts)
    if "?" in text or "#" in text:
        raise BadValue("must be a URL without query and fragment")
    return text


def _split(text: str) -> SplitResult:
    if _URL_TEXT.fullmatch(text) is None:
        raise BadValue("must be a URL without spaces, percent-encoded where needed")
    try:
        parts = urlsplit(text)
        valid = parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise BadValue("must be a URL with a valid host and port")
    return parts


def _check_origin(text: str, parts: SplitResult) -> None:
    if "@" in parts.netloc:
        raise BadValue("must not carry a user name or password")
    host = parts.hostname or ""
    if not _is_host(host):
        raise BadValue("must have a host name or an IP address in its usual spelling")
    if parts.port == _DEFAULT_PORT[parts.scheme]:
        raise BadValue(f"must leave out :{parts.port}, the port that {parts.scheme} has anyway")
    spelled = f"[{host}]" if ":" in host else host
    port = "" if parts.port is None else f":{parts.port}"
    if parts.netloc != spelled + port or not text.startswith(f"{parts.scheme}:"):
        raise BadValue("must be in lower case up to its path, and have the port, if any, without leading zeros")


def _is_host(host: str) -> bool:
    try:
        return str(ipaddress.ip_address(host)) == host
    except ValueError:
        labels = host.split(".")
        # Browsers take a name whose last label is a number for an IPv4 address (WHATWG URL §3.5).
        return len(host) <= 253 and all(map(_LABEL.fullmatch, labels)) and not labels[-1].isdecimal()


def on_loopback(url: str) -> bool:
    """Whether the URL's host is this machine by definition: localhost, 127.0.0.0/8, [::1]."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def database_url(text: str) -> Secret:
    """`sqlite:///path` or `postgresql://user:password@host/database`; the driver is ours to choose."""
    if text.startswith("postgres://"):
        text = "postgresql://" + text.removeprefix("postgres://")
    if text.startswith("sqlite://"):
        return _sqlite(text)
    if text.startswith("postgresql://"):
        return _postgresql(text)
    raise BadValue("must start with sqlite:/// or postgresql:// (no other database, no +driver)")


def _sqlite(text: str) -> Secret:
    path = text.removeprefix("sqlite:///")
    if path == text or not path.isprintable() or not path or path.endswith("/") or ":memory:" in path:
        raise BadValue("must name a file, as in sqlite:///broker.db or sqlite:////var/lib/broker/broker.db")
    if "?" in path or "#" in path:
        raise BadValue("must name a SQLite file without options behind ? or #")
    return Secret(text)


def _postgresql(text: str) -> Secret:
    parts = _of_each_host(text)
    # A password with a bare /, ? or # ends the host early, and its rest would show up as a database name.
    if "#" in text or "@" in parts.path + parts.query or parts.netloc.count("@") > 1:
        raise BadValue("must have the characters / ? # @ of its password percent-encoded")
    if len(parts.path) < 2 or "/" in parts.path[1:]:
        raise BadValue("must name a database, as in postgresql://user:password@host/database")
    return Secret(text)


def _of_each_host(text: str) -> SplitResult:
    """The URL with the first of its hosts (`h1:5432,h2:5432`); all of them must be right."""
    try:
        parts = urlsplit(text)
    except ValueError:
        # What is wrong with all of it, `_split` says.
        return _split(text)
    who, at, hosts = parts.netloc.rpartition("@")
    several = hosts.split(",")
    if len(several) > 1 and (not all(several) or len(several) > _MOST_HOSTS):
        raise BadValue(
            f"must name its hosts, {_MOST_HOSTS} at most, as in postgresql://user:password@h1,h2/database"
        )
    first, *_ = [_split(parts._replace(netloc=f"{who}{at}{host}").geturl()) for host in several]
    return first


def masked_database_url(url: str) -> str:
    """The URL as it may be printed: no password, and no option that could hold one."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    name, colon, _ = user.partition(":")
    netloc = f"{name}{colon and ':' + _MASK}{at}{host}"
    options = [
        (key, value if key in _HARMLESS_OPTIONS else _MASK)
        for key, value in parse_qsl(parts.query, keep_blank_values=True)
    ]
    query = "?" + urlencode(options, safe="/*") if options else ""
    return f"{parts.scheme}://{netloc}{parts.path}{query}"
