"""The two ways out of the authorize page: back to the app, and back to the page itself with an error."""

from collections.abc import Iterable
from urllib.parse import quote

from starlette.responses import Response

from broker.simulator import requests

# What may stand in a query as it came; everything else is percent-encoded, control characters above all.
_QUERY_SAFE = "%&=+,:;/?@!$'()*~"


def to_app(redirect_uri: str, parameters: Iterable[tuple[str, str]]) -> Response:
    """302 to a redirect URI that was found registered, which therefore has no query of its own."""
    return _found(f"{redirect_uri}?{_encoded(parameters)}")


def to_itself(path: str, query: bytes, parameters: Iterable[tuple[str, str]]) -> Response:
    """302 to the same page, its query kept and the error added; a query that cannot be read is dropped."""
    try:
        readable = bool(requests.fields(query))
    except requests.Malformed:
        readable = False
    kept = quote(query, safe=_QUERY_SAFE) + "&" if readable else ""
    return _found(f"{path}?{kept}{_encoded(parameters)}")


def _encoded(parameters: Iterable[tuple[str, str]]) -> str:
    # `*` and `!` of a code are percent-encoded, as in live callbacks.
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters)


def _found(location: str) -> Response:
    return Response(None, 302, {"location": location, "cache-control": "no-store"})
