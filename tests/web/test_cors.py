"""Scripts of any origin may use what apps in browsers need, without credentials, and nothing else (Fetch §3.2)."""

import pytest

from tests.web.front import Front

OPEN = (
    "/token",
    "/userinfo",
    "/.well-known/jwks.json",
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
)
CLOSED = ("/authorize", "/callback/tiktok", "/callback/tiktok/other", "/healthz", "/readyz", "/nothing", "/token/")
ORIGIN = {"Origin": "https://spa.example"}


@pytest.mark.parametrize("path", OPEN)
async def test_a_preflight_is_answered(front: Front, path: str) -> None:
    asked = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    answer = await front.http.options(path, headers=ORIGIN | asked)
    assert (answer.status_code, answer.content) == (204, b"")
    allowed = {header.strip().lower() for header in answer.headers["access-control-allow-headers"].split(",")}
    assert allowed == {"authorization", "content-type", "dpop"}
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert answer.headers.get_list("access-control-allow-origin") == ["*"]
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("path", OPEN)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT"])
async def test_every_answer_can_be_read_even_a_refusal(front: Front, path: str, method: str) -> None:
    answer = await front.http.request(method, path, headers=ORIGIN)
    assert answer.headers.get_list("access-control-allow-origin") == ["*"]
    assert "WWW-Authenticate" in answer.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("path", CLOSED)
@pytest.mark.parametrize("method", ["GET", "OPTIONS", "POST"])
async def test_the_rest_is_for_no_script(front: Front, path: str, method: str) -> None:
    answer = await front.http.request(method, path, headers=ORIGIN | {"Access-Control-Request-Method": "GET"})
    assert not [name for name in answer.headers if name.startswith("access-control-")]
