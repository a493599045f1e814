"""One exchange with a control endpoint: JSON in, JSON out; a form of the page is answered with the page.

There is no authentication, it is a simulator; but no page of another origin may make a browser change it.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NoReturn, TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from broker.simulator import requests, state
from broker.simulator.answers import encoded
from broker.simulator.options import BadOption, Options
from broker.simulator.pages import render
from broker.simulator.requests import Malformed
from broker.simulator.world import World

HOME = "/_simulator/"

Change: TypeAlias = Callable[[Options], Awaitable[Mapping[str, Any] | None]]
"""Does what a request asks for; what to answer, or None for the new state. Raises `BadOption`."""

_MAX_BODY = 65_536
_FOREIGN = ("cross-site", "same-site")


async def carry_out(world: World, request: Request, change: Change) -> Response:
    """The answer to a request once `change` has been done, or refused with a sentence."""
    if request.headers.get("sec-fetch-site") in _FOREIGN:
        return refused(request, "Another site may not change the simulator.", 403)
    try:
        answer = await change(await _options(request))
    except BadOption as error:
        return refused(request, str(error), 400)
    if _is_form(request):
        return Response(None, 303, {"location": HOME})
    return as_json(state.described(world) if answer is None else answer)


def refused(request: Request, sentence: str, status: int) -> Response:
    """One sentence, as a page to a form and as JSON to everything else."""
    return render.message(sentence, status) if _is_form(request) else as_json({"error": sentence}, status)


def as_json(value: Mapping[str, Any], status: int = 200) -> Response:
    """A JSON answer that nobody keeps."""
    return Response(encoded(value), status, {"cache-control": "no-store"}, media_type="application/json")


async def _options(request: Request) -> Options:
    """The options of a JSON or form body. Raises `BadOption`."""
    if request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers:
        return {}
    try:
        body = await requests.body(request, _MAX_BODY)
        if _is_form(request):
            # An empty field of a form means that it was left alone.
            return {name: value for name, value in requests.fields(body) if value}
        value = json.loads(body, parse_constant=_not_a_number)
    except (Malformed, ValueError, RecursionError):
        raise BadOption("The body must be a JSON object of at most 64 KiB, or a form.") from None
    if not _is_json(request) or not isinstance(value, dict):
        raise BadOption("The body must be a JSON object, sent as application/json.")
    return value


def _not_a_number(constant: str) -> NoReturn:
    raise ValueError(constant)


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _is_form(request: Request) -> bool:
    return _media_type(request) == requests.FORM


def _is_json(request: Request) -> bool:
    return _media_type(request) == "application/json"
