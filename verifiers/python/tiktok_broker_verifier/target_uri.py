"""Whether two addresses are the same target, as a proof's `htu` is compared (RFC 9449 §4.3 point 9)."""

import re
from typing import Final
from urllib.parse import urlsplit

_PLAIN: Final = re.compile(r"[\x21-\x7e]+\Z")
_PERCENT: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}


def normal_form(uri: str) -> str | None:
    """The http or https URI without query and fragment, normalised as RFC 3986 §6.2.2 and §6.2.3 say.

    None for anything else, and for what carries a user name.
    """
    # urlsplit drops tabs and line breaks without a word.
    if not _PLAIN.match(uri):
        return None
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    authority = host if port in (None, _DEFAULT_PORTS[parts.scheme]) else f"{host}:{port}"
    # Decoding comes first: `%2E%2E` is a dot segment too.
    return f"{parts.scheme}://{authority}{_without_dot_segments(_PERCENT.sub(_decoded, parts.path))}"


def _decoded(found: re.Match[str]) -> str:
    """RFC 3986 §6.2.2.1 and §6.2.2.2: unreserved characters are themselves, others get upper-case digits."""
    character = chr(int(found[1], 16))
    return character if character in _UNRESERVED else found[0].upper()


def _without_dot_segments(path: str) -> str:
    """RFC 3986 §5.2.4 for a path that is empty or begins with a slash."""
    segments = path.split("/")[1:]
    kept: list[str] = []
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments and segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)
