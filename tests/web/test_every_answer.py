"""What holds for every answer, whatever was asked: the request's id, the headers, no 5xx, one log line."""

import re

import httpx
import orjson
import pytest

from tests.stage import HeldClock
from tests.web.front import Front, running_front

PATHS = (
    "/authorize",
    "/authorize/again",
    "/callback/tiktok",
    "/callback/tiktok/other",
    "/webhooks/tiktok",
    "/token",
    "/userinfo",
    "/introspect",
    "/revoke",
    "/par",
    "/logout",
    "/logout/confirm",
    "/healthz",
    "/readyz",
    "/metrics",
    "/.well-known/jwks.json",
    "/.well-known/openid-configuration",
    "/",
    "/nothing",
    "/authorize/",
    "//authorize",
    "/../authorize",
    "/callback/tiktok/a/b",
    "/%00",
    "/%ff%fe",
    "/" + "x" * 8_000,
)
METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"})


@pytest.mark.parametrize("method", sorted(METHODS))
async def test_no_method_on_no_path_is_a_fault_of_ours(front: Front, method: str) -> None:
    for path in PATHS:
        answer = await front.http.request(method, path)
        assert answer.status_code < 500, path
        assert re.fullmatch("[a-z2-7]{16}", answer.headers["x-request-id"])
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        if "/.well-known/" not in path:
            assert answer.headers["cache-control"] == "no-store", path
        if answer.status_code == 405:
            assert answer.headers["allow"]


async def test_a_method_that_is_refused_is_told_which_are_taken(front: Front) -> None:
    """RFC 9110 §15.5.6: `Allow` names them all. The body is JSON as every other error of no page."""
    for path in PATHS[:14]:
        answers = {method: await front.http.request(method, path) for method in METHODS}
        taken = {method for method, answer in answers.items() if answer.status_code != 405}
        for method in METHODS - taken:
            assert set(answers[method].headers["allow"].split(", ")) - {"OPTIONS"} == taken - {"OPTIONS"}, path
            if method != "HEAD":
                assert answers[method].json()["error"] == "method_not_allowed", path


async def test_every_request_has_another_id_and_pages_show_it(front: Front) -> None:
    answers = [await front.http.get("/authorize") for _ in range(5)]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert len(set(ids)) == 5
    for answer, request_id in zip(answers, ids, strict=True):
        assert f"<code>{request_id}</code>" in answer.text


async def test_the_callers_own_id_is_not_taken_over(front: Front) -> None:
    """It would let anybody write into the log."""
    answer = await front.http.get("/authorize", headers={"X-Request-ID": "mine"})
    assert answer.headers.get_list("x-request-id") != ["mine"]


async def test_hsts_is_for_https_only(file_url: str, clock: HeldClock) -> None:
    async with running_front(file_url, clock, issuer="http://127.0.0.1:8000") as front:
        assert "strict-transport-security" not in (await front.http.get("/healthz")).headers


async def test_one_line_is_logged_for_each_request_without_its_query(
    front: Front, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    answer = await front.http.get("/authorize?client_id=canary-1", headers={"Cookie": "a=canary-2"})
    await front.http.get("/x%0a%22injected%22:1" + "y" * 500)
    lines = [orjson.loads(line) for line in capsys.readouterr().err.splitlines()]
    first, second = (line for line in lines if line["event"] == "request")
    assert "canary" not in repr(lines)
    assert (first["method"], first["route"], first["status"]) == ("GET", "/authorize", 400)
    assert first["outcome"] == "invalid_client"
    assert first["request_id"] == answer.headers["x-request-id"]
    # Of an address that is none of ours not a character is written down.
    assert (second["route"], second["outcome"]) == ("other", "not_found")
    assert "injected" not in repr(lines)


async def test_what_nobody_expected_is_an_answer_with_the_id_to_quote(
    front: Front, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("canary: password=hunter2")

    monkeypatch.setattr("broker.client_auth.authentication.Authentication.client", broken)
    answer = await front.http.post("/token", data={"grant_type": "x"})
    assert (answer.status_code, answer.json()["error"]) == (500, "server_error")
    assert answer.headers["x-request-id"] in answer.json()["error_description"]
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "canary" not in answer.text
    logged = capsys.readouterr().err
    assert "RuntimeError" in logged
    assert "hunter2" not in logged


async def test_forged_forwarding_headers_and_hosts_change_nothing(front: Front) -> None:
    forged = {
        "Host": "evil.example",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-For": "127.0.0.1",
        "Forwarded": "host=evil.example;proto=http",
    }
    answers: list[httpx.Response] = [
        await front.http.get(path, headers=forged)
        for path in ("/.well-known/openid-configuration", "/authorize?client_id=cli_web", "/readyz")
    ]
    for answer in answers:
        assert "evil.example" not in answer.text + repr(answer.headers)
        assert "strict-transport-security" in answer.headers
