"""Reading what a request brings, never more than `limits` allows."""

from starlette.requests import ClientDisconnect, Request

from broker.oauth import parameters
from broker.oauth.errors import OAuthError, invalid_request
from broker.oauth.parameters import Parameters
from broker.web import limits

_FORM = "application/x-www-form-urlencoded"


def read_authorization(request: Request) -> str | None:
    """The Authorization header. Raises `invalid_request` when there are two (RFC 9110 §5.3: it is no list)."""
    found = request.headers.getlist("authorization")
    if len(found) > 1:
        raise invalid_request("The request has more than one Authorization header.")
    return found[0] if found else None


def read_address(request: Request) -> str | None:
    """Where the request came from: what the server knows, or what a trusted proxy told it."""
    return request.client.host if request.client is not None else None


def read_query(request: Request) -> Parameters:
    """The parameters of the query. Raises `invalid_request`."""
    query: bytes = request.scope["query_string"]
    if len(query) > limits.QUERY:
        raise _too_large("query", limits.QUERY)
    return parameters.parse(query)


async def read_form(request: Request) -> Parameters:
    """The parameters of a form body, none repeated. Raises `invalid_request`."""
    form = await read_form_as_sent(request)
    form.refuse_repeated()
    return form


async def read_form_as_sent(request: Request) -> Parameters:
    """The parameters of a form body; one that is malformed is refused when it is read.

    Nothing is taken from the query: RFC 6749 §2.3.1 and §3.2 want parameters in the body, out of log files.
    Raises `invalid_request`.
    """
    if not brings_form(request):
        raise invalid_request(f"The content type must be {_FORM}.")
    return parameters.parse(await read_body(request, most=limits.BODY))


def brings_form(request: Request) -> bool:
    """Whether the body is announced as a form."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM


async def read_body(request: Request, *, most: int) -> bytes:
    """The body as it was sent, up to `most` bytes. Raises `invalid_request`."""
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > most:
                raise _too_large("body", most)
    except ClientDisconnect:
        raise invalid_request("The request ended before its body was complete.") from None
    return body


def _too_large(part: str, most: int) -> OAuthError:
    return OAuthError("invalid_request", f"The {part} is larger than {most // 1024} KiB.", status=413)
