"""Carrying out faults: an endpoint wrapped so that its answer may be replaced, delayed, spoiled or never come."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from broker.simulator.answers import api_error, encoded, oauth_error
from broker.simulator.faults import KINDS, ROOM_KINDS, Fault
from broker.simulator.world import World

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]

_JSON_TYPE = "application/json; charset=utf-8"
_CHUNK = b"a" * 65_536
_GATEWAY_PAGE = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n"


def faulty(world: World, endpoint: str, handler: Handler) -> Handler:
    """`handler` with its calls counted and the waiting faults of `endpoint` carried out."""
    kinds = KINDS.keys() - ROOM_KINDS.get(endpoint, frozenset())

    async def answer(request: Request) -> Response:
        world.count(endpoint, "calls")
        fault = world.faults.take(endpoint, kinds)
        if fault is None:
            return await handler(request)
        world.count(endpoint, "faults")
        if fault.kind in _SPOILED:
            return _rewritten(await handler(request), _SPOILED[fault.kind](fault))
        if fault.kind == "slow":
            return await _slow(world, fault, handler, request)
        if fault.after:
            await handler(request)
        return _REPLACED[fault.kind](world, fault)

    return answer


class HangUp(Response):
    """No answer at all: the connection is closed under the caller."""

    async def __call__(self, _: Scope, receive: Receive, __: Send) -> None:
        # ASGI has no word for this. Both of uvicorn's protocols hand `receive` out as a method of the object
        # that holds the connection; called in-process there is no connection, and the caller gets the exception.
        transport = getattr(getattr(receive, "__self__", None), "transport", None)
        if transport is None:
            raise ConnectionResetError("the simulator hung up")
        transport.abort()
        while (await receive())["type"] != "http.disconnect":
            pass


async def _slow(world: World, fault: Fault, handler: Handler, request: Request) -> Response:
    if fault.after:
        response = await handler(request)
        await world.sleep(fault.seconds)
        return response
    await world.sleep(fault.seconds)
    return await handler(request)


def _status(_: World, fault: Fault) -> Response:
    status = fault.status or 200
    # RFC 9110 §15.3.5, §15.4.5: these two have no content.
    return Response(None if status in (204, 304) else fault.body, status, dict(fault.headers))


def _html(_: World, fault: Fault) -> Response:
    return Response(fault.body or _GATEWAY_PAGE, fault.status or 502, media_type="text/html")


def _empty(_: World, fault: Fault) -> Response:
    return Response(None, fault.status or 200, media_type=_JSON_TYPE)


def _not_json(_: World, fault: Fault) -> Response:
    return Response(fault.body or "upstream connect error", fault.status or 200, media_type=_JSON_TYPE)


def _huge(_: World, fault: Fault) -> Response:
    return StreamingResponse(_endless(fault.size), fault.status or 200, media_type=_JSON_TYPE)


async def _endless(size: int) -> AsyncIterator[bytes]:
    opening = b'{"access_token":"'[:size]
    yield opening
    left = size - len(opening)
    while left > 0:
        yield _CHUNK[:left]
        left -= len(_CHUNK)


def _redirect(_: World, fault: Fault) -> Response:
    return Response(None, fault.status or 302, {"location": fault.location})


def _reset(_: World, __: Fault) -> Response:
    return HangUp()


def _rate_limit(world: World, fault: Fault) -> Response:
    response = _error_of(world, fault.endpoint, "rate_limit_exceeded", "", 429)
    if fault.retry_after is not None:
        response.headers["retry-after"] = str(fault.retry_after)
    return response


def _error(world: World, fault: Fault) -> Response:
    return _error_of(world, fault.endpoint, fault.error, fault.error_description, fault.status)


def _error_of(world: World, endpoint: str, error: str, description: str, status: int | None) -> Response:
    if endpoint == "user_info":
        return api_error(error, log_id=world.log_id(), status=status, message=description or None)
    status = status or world.switches.oauth_error_status
    return oauth_error(error, description, log_id=world.log_id(), status=status)


def _rewritten(response: Response, rewrite: Callable[[bytes], bytes]) -> Response:
    headers = {name: value for name, value in response.headers.items() if name != "content-length"}
    return Response(rewrite(bytes(response.body)), response.status_code, headers)


def _truncated(_: Fault) -> Callable[[bytes], bytes]:
    return lambda body: body[: len(body) // 2]


def _wrong_types(fault: Fault) -> Callable[[bytes], bytes]:
    return _in_objects(lambda value: {name: _mistyped(name, field, fault) for name, field in value.items()})


def _mistyped(name: str, value: Any, fault: Fault) -> Any:
    if isinstance(value, dict) or (fault.fields and name not in fault.fields):
        return value
    return 12_345 if isinstance(value, str) else "a text"


def _unknown_fields(_: Fault) -> Callable[[bytes], bytes]:
    return _in_objects(lambda value: value | {"shiny_new_field": [{"nested": [1, 2.5, None, True, "é"]}]})


def _different_open_id(_: Fault) -> Callable[[bytes], bytes]:
    return _in_objects(
        lambda value: {name: field[::-1] if name == "open_id" else field for name, field in value.items()}
    )


def _missing_union_id(_: Fault) -> Callable[[bytes], bytes]:
    return _in_objects(lambda value: {name: field for name, field in value.items() if name != "union_id"})


def _in_objects(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[bytes], bytes]:
    """Apply `change` to every object of a JSON document, innermost first."""
    return lambda body: encoded(json.loads(body, object_hook=change))


_REPLACED: Mapping[str, Callable[[World, Fault], Response]] = {
    "status": _status,
    "html": _html,
    "empty": _empty,
    "not_json": _not_json,
    "huge": _huge,
    "redirect": _redirect,
    "reset": _reset,
    "rate_limit": _rate_limit,
    "error": _error,
}

_SPOILED: Mapping[str, Callable[[Fault], Callable[[bytes], bytes]]] = {
    "truncated": _truncated,
    "wrong_types": _wrong_types,
    "unknown_fields": _unknown_fields,
    "different_open_id": _different_open_id,
    "missing_union_id": _missing_union_id,
}
