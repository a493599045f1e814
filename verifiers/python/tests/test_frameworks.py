"""The same refusals and the same token through Starlette, FastAPI and Django, each with its own test client."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import django
import httpx
import pytest
from asgiref.sync import markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.test import AsyncRequestFactory, RequestFactory
from fastapi import Depends, FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp

import attacks
from broker_side import ORIGIN, Broker, bound, proof, token
from tiktok_broker_verifier import AccessToken
from tiktok_broker_verifier.asgi import RequireAccessToken
from tiktok_broker_verifier.django import RequireAccessToken as DjangoRequireAccessToken
from tiktok_broker_verifier.fastapi import AccessTokenWith

Ask = Callable[..., httpx.Response]


def starlette_app(broker: Broker) -> ASGIApp:
    async def me(request: Request) -> JSONResponse:
        return JSONResponse({"sub": request.state.access_token.sub})

    async def healthz(request: Request) -> JSONResponse:
        return JSONResponse({"sub": None})

    middleware = [
        Middleware(RequireAccessToken, verifier=broker.async_verifier(), scopes=["openid"], public=["/healthz"])
    ]
    return Starlette(routes=[Route("/api/me", me), Route("/healthz", healthz)], middleware=middleware)


def fastapi_app(broker: Broker) -> ASGIApp:
    app = FastAPI()
    required = AccessTokenWith(broker.async_verifier(), "openid")

    async def me(token: Annotated[AccessToken, Depends(required)]) -> dict[str, str]:
        return {"sub": token.sub}

    async def healthz() -> dict[str, None]:
        return {"sub": None}

    app.add_api_route("/api/me", me)
    app.add_api_route("/healthz", healthz)
    return app


def through_asgi(app: ASGIApp) -> Ask:
    def ask(path: str = "/api/me", **headers: str) -> httpx.Response:
        async def sent() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN) as http:
                return await http.get(path, headers=headers)

        return asyncio.run(sent())

    return ask


def through_django(broker: Broker, monkeypatch: pytest.MonkeyPatch, *, asynchronous: bool) -> Ask:
    if not settings.configured:
        settings.configure(ALLOWED_HOSTS=["*"])
        django.setup()
    told = {"issuer": attacks.ISSUER, "audience": attacks.AUDIENCE, "origin": ORIGIN}
    monkeypatch.setattr(
        settings, "TIKTOK_BROKER", {**told, "scopes": ["openid"], "public": ["/healthz"]}, raising=False
    )

    def view(request: HttpRequest) -> HttpResponseBase:
        found: AccessToken | None = getattr(request, "access_token", None)
        return JsonResponse({"sub": found.sub if found else None})

    async def async_view(request: HttpRequest) -> HttpResponseBase:
        return view(request)

    markcoroutinefunction(async_view)
    middleware = DjangoRequireAccessToken(async_view if asynchronous else view)
    middleware._verifier, middleware._async_verifier = broker.verifier(), broker.async_verifier()

    def ask(path: str = "/api/me", **headers: str) -> httpx.Response:
        factory: Any = AsyncRequestFactory() if asynchronous else RequestFactory()
        answer: Any = middleware(factory.get(path, headers=headers))
        if asynchronous:
            answer = asyncio.run(_awaited(answer))
        return httpx.Response(answer.status_code, headers=dict(answer.items()), content=answer.content)

    return ask


async def _awaited(answer: Any) -> Any:
    return await answer


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture(params=["starlette", "fastapi", "django", "django under ASGI"])
def ask(request: pytest.FixtureRequest, broker: Broker, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ask]:
    match request.param:
        case "starlette":
            yield through_asgi(starlette_app(broker))
        case "fastapi":
            yield through_asgi(fastapi_app(broker))
        case kind:
            yield through_django(broker, monkeypatch, asynchronous=kind != "django")


def test_a_good_token_gets_in_and_is_handed_on(ask: Ask) -> None:
    answer = ask(Authorization=f"Bearer {token()}")
    assert (answer.status_code, answer.json()) == (200, {"sub": attacks.CLAIMS["sub"]})


def test_a_bound_token_gets_in_with_its_proof(ask: Ask) -> None:
    mine = bound()
    assert ask(Authorization=f"DPoP {mine}", DPoP=proof(mine)).status_code == 200


@pytest.mark.parametrize(
    ("authorization", "status", "challenge"),
    [
        ("", 401, "Bearer, DPoP algs="),
        (f"Bearer {token(aud='https://other.example')}", 401, 'Bearer error="invalid_token", error_description='),
        (f"Bearer {token(scope='profile')}", 403, 'Bearer error="insufficient_scope", error_description='),
        (f"DPoP {bound()}", 401, 'Bearer, DPoP error="invalid_dpop_proof", error_description='),
        (f"DPoP {token()}", 401, 'Bearer, DPoP error="invalid_token", error_description='),
        (f"DPoP {token(aud='x')}", 401, 'Bearer, DPoP error="invalid_token", error_description='),
        (f"Bearer {bound()}", 401, 'Bearer error="invalid_token", error_description='),
    ],
)
def test_who_is_refused_learns_why(ask: Ask, authorization: str, status: int, challenge: str) -> None:
    answer = ask(**{"Authorization": authorization} if authorization else {})
    assert answer.status_code == status
    assert answer.headers["www-authenticate"].startswith(challenge)
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json().get("detail", answer.json())
    assert body["error_description"].endswith((".", "…"))


def test_what_is_public_stays_so(ask: Ask) -> None:
    assert ask("/healthz").json() == {"sub": None}


def test_while_nothing_can_be_said_the_answer_is_503(ask: Ask, broker: Broker) -> None:
    broker.down = True
    answer = ask(Authorization=f"Bearer {token()}")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


def test_two_headers_are_refused_whatever_is_in_them(ask: Ask, broker: Broker) -> None:
    app = starlette_app(broker)

    async def sent() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN) as http:
            one = ("Authorization", f"Bearer {token()}")
            return await http.get("/api/me", headers=[one, one])

    assert asyncio.run(sent()).status_code == 400
    assert ask(Authorization=f"Bearer {token()},Bearer {token()}").status_code == 401


def test_a_websocket_needs_a_token_too(broker: Broker) -> None:
    async def opened(headers: list[tuple[bytes, bytes]]) -> list[Any]:
        said: list[Any] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "websocket.accept"})

        async def receive() -> Any:
            return {"type": "websocket.connect"}

        async def send(message: Any) -> None:
            said.append(message["type"])

        guarded = RequireAccessToken(app, broker.async_verifier())
        await guarded({"type": "websocket", "path": "/", "headers": headers}, receive, send)
        return said

    assert asyncio.run(opened([])) == ["websocket.close"]
    assert asyncio.run(opened([(b"authorization", f"Bearer {token()}".encode())])) == ["websocket.accept"]


def test_fastapi_documents_what_it_wants(broker: Broker) -> None:
    app = fastapi_app(broker)
    assert isinstance(app, FastAPI)
    schemes = app.openapi()["components"]["securitySchemes"]
    assert schemes == {"AccessToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
