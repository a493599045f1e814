"""The line of each request: route, app, outcome, duration, request and trace."""

from typing import Any

import httpx
import orjson
import pytest
from starlette.responses import Response

from broker.web.middleware import Edge
from tests.stage import PUBLIC, WEB, WEB_SECRET
from tests.web.conftest import file_url, front
from tests.web.front import Front, question

__all__ = ["file_url", "front"]

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
GOOD = f"00-{TRACE}-00f067aa0ba902b7-01"


async def line_of(front: Front, capsys: pytest.CaptureFixture[str], method: str, path: str, **more: Any) -> Any:
    """The one line `request` that this request writes, and every other line of it beside."""
    capsys.readouterr()
    answer = await front.http.request(method, path, **more)
    lines = [orjson.loads(line) for line in capsys.readouterr().err.splitlines()]
    (last,) = [line for line in lines if line["event"] == "request"]
    assert lines[-1] == last
    assert {line["request_id"] for line in lines} == {answer.headers["x-request-id"]}
    assert {line["trace_id"] for line in lines} == {last["trace_id"]}
    return last


@pytest.mark.parametrize(
    ("method", "path", "route", "status", "outcome"),
    [
        ("GET", "/healthz", "/healthz", 200, "ok"),
        ("GET", "/.well-known/jwks.json", "/.well-known/jwks.json", 200, "ok"),
        ("OPTIONS", "/token", "/token", 204, "ok"),
        ("GET", "/authorize?client_id=cli_web", "/authorize", 400, "invalid_request"),
        ("GET", "/callback/tiktok?code=x&state=y", "/callback/tiktok", 400, "without_login"),
        ("GET", "/callback/tiktok/canary", "/callback/tiktok/{registration}", 400, "without_login"),
        ("GET", "/avatars/canary", "/avatars/{name}", 404, "refused"),
        ("POST", "/token", "/token", 400, "invalid_request"),
        ("DELETE", "/token", "/token", 405, "method_not_allowed"),
        ("GET", "/userinfo", "/userinfo", 401, "refused"),
        ("GET", "/canary", "other", 404, "not_found"),
        ("CANARY", "/canary", "other", 404, "not_found"),
    ],
)
async def test_it_has_the_route_and_not_a_character_of_the_path(
    front: Front,
    capsys: pytest.CaptureFixture[str],
    method: str,
    path: str,
    route: str,
    status: int,
    outcome: str,
) -> None:
    line = await line_of(front, capsys, method, path)
    assert (line["route"], line["status"], line["outcome"]) == (route, status, outcome)
    assert "canary" not in repr(line).lower()
    assert line["ms"] >= 0
    assert "client_id" not in line or path.endswith("cli_web")


async def test_it_has_the_milliseconds_from_the_first_byte_to_the_last(capsys: pytest.CaptureFixture[str]) -> None:
    ticks = iter((10.0, 10.2504))
    edge = Edge(Response(), lambda: next(ticks), documents={}, open_paths=frozenset(), https=True)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(edge), base_url="http://id.example") as http:
        await http.get("/")
    assert orjson.loads(capsys.readouterr().err)["ms"] == 250.4


async def test_it_names_the_app_once_it_is_a_registered_one(
    front: Front, capsys: pytest.CaptureFixture[str]
) -> None:
    good = httpx.QueryParams(question())
    assert (await line_of(front, capsys, "GET", f"/authorize?{good}"))["client_id"] == WEB
    form = {"grant_type": "refresh_token", "refresh_token": "brt_x"}
    line = await line_of(front, capsys, "POST", "/token", data=form, auth=(WEB, WEB_SECRET))
    assert (line["client_id"], line["outcome"]) == (WEB, "invalid_grant")
    public = await line_of(front, capsys, "POST", "/token", data={**form, "client_id": PUBLIC})
    assert public["client_id"] == PUBLIC
    for stranger in ({"client_id": "cli_canary"}, {"client_id": WEB, "client_secret": "canary"}):
        line = await line_of(front, capsys, "POST", "/token", data={**form, **stranger})
        assert "client_id" not in line
        assert "canary" not in repr(line)


@pytest.mark.parametrize(
    "traceparent",
    [
        GOOD,
        f"00-{TRACE}-00f067aa0ba902b7-00",
        f"cc-{TRACE}-00f067aa0ba902b7-01",
        f"cc-{TRACE}-00f067aa0ba902b7-01-x",
    ],
)
async def test_a_good_traceparent_is_gone_on_with(
    front: Front, capsys: pytest.CaptureFixture[str], traceparent: str
) -> None:
    line = await line_of(front, capsys, "GET", "/healthz", headers={"traceparent": traceparent})
    assert line["trace_id"] == TRACE


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("traceparent", "")],
        [("traceparent", GOOD), ("traceparent", GOOD)],
        [("traceparent", GOOD.upper())],
        [("traceparent", f"{GOOD}-x")],
        [("traceparent", f"{GOOD} ")],
        [("traceparent", f"{GOOD},{GOOD}")],
        [("traceparent", GOOD[:-1])],
        [("traceparent", f"ff-{TRACE}-00f067aa0ba902b7-01")],
        [("traceparent", f"00-{'0' * 32}-00f067aa0ba902b7-01")],
        [("traceparent", f"00-{TRACE}-{'0' * 16}-01")],
        [("traceparent", f"00-{TRACE}-00f067aa0ba902b7")],
        [("traceparent", f"cc-{TRACE}-00f067aa0ba902b7-01x")],
        [("traceparent", f"cc-{TRACE}-00f067aa0ba902b7-01-" + "x" * 500)],
        [("traceparent", f"00-{TRACE[:-1]}g-00f067aa0ba902b7-01")],
    ],
)
async def test_of_any_other_nothing_is_believed(
    front: Front, capsys: pytest.CaptureFixture[str], headers: list[tuple[str, str]]
) -> None:
    """W3C Trace Context §3.2.2 and §4.3: a trace begins anew."""
    traces = [(await line_of(front, capsys, "GET", "/healthz", headers=headers))["trace_id"] for _ in range(2)]
    assert TRACE not in traces
    assert len(set(traces)) == 2
    assert all(len(trace) == 32 and int(trace, 16) for trace in traces)
