"""Scopes: a space-separated list (RFC 6749 §3.3) whose order is kept as asked."""

import re
from collections.abc import Iterable
from typing import Final

from broker.oauth.errors import invalid_scope

SUPPORTED: Final = ("openid", "profile", "offline_access")
_LIST: Final = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+(?: +[\x21\x23-\x5B\x5D-\x7E]+)*\Z")


def well_formed(scope: str) -> bool:
    """Whether this is a list of scope tokens; an empty one is, too."""
    return not scope or _LIST.match(scope) is not None


def read(scope: str) -> tuple[str, ...]:
    """The tokens of a `scope` parameter, each once, in the order asked. Raises `invalid_scope`."""
    if not _LIST.match(scope):
        # RFC 6749 §4.1.2.1, §5.2: a malformed scope has the code of an unknown one.
        raise invalid_scope("The scope must be tokens of printable ASCII separated by single spaces.")
    return tuple(dict.fromkeys(scope.split()))


def granted(asked: str | None, allowed: Iterable[str]) -> tuple[str, ...]:
    """What of the asked scopes the client may have; unknown ones are ignored (RFC 6749 §3.3).

    A request without `scope` is granted all that the client is registered for.
    """
    permitted = tuple(allowed)
    if asked is None:
        return permitted
    return tuple(scope for scope in read(asked) if scope in permitted)


def narrowed(asked: str | None, granted_before: str) -> tuple[str, ...]:
    """The scopes of a refreshed access token: fewer than granted, never more (RFC 6749 §6).

    Raises `invalid_scope` for one that was not granted.
    """
    before = tuple(granted_before.split())
    if asked is None:
        return before
    wanted = read(asked)
    if not set(wanted) <= set(before):
        raise invalid_scope("The scope asks for more than was granted at sign-in.")
    return wanted
