"""A middleware for Django, under WSGI and under ASGI:

    MIDDLEWARE = [..., "tiktok_broker_verifier.django.RequireAccessToken"]
    TIKTOK_BROKER = {"issuer": "https://id.example.com", "audience": "https://api.example.com"}

Further entries of `TIKTOK_BROKER` are those of `Policy`, and `scopes`, which every request needs, and `public`, a
list of exact paths that need no token. The view finds the token as `request.access_token`.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from tiktok_broker_verifier.answers import answer
from tiktok_broker_verifier.errors import Refused, Unavailable
from tiktok_broker_verifier.policy import Policy
from tiktok_broker_verifier.presented import Presented
from tiktok_broker_verifier.verifier import AsyncVerifier, Verifier

Next: TypeAlias = Callable[[HttpRequest], Any]


class RequireAccessToken:
    """Who has no good token does not get in."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Next) -> None:
        told = dict(settings.TIKTOK_BROKER)
        self._scopes = tuple(told.pop("scopes", ()))
        self._public = frozenset(told.pop("public", ()))
        self._policy = Policy(**told)
        self._next = get_response
        self._verifier, self._async_verifier = Verifier(self._policy), AsyncVerifier(self._policy)
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        return self._asynchronous(request) if self._is_async else self._synchronous(request)

    def _synchronous(self, request: HttpRequest) -> HttpResponseBase:
        if request.path not in self._public:
            try:
                token = self._verifier.authenticate(_presented(request), scopes=self._scopes)
            except (Refused, Unavailable) as fault:
                return self._refusal(fault)
            vars(request)["access_token"] = token
        response: HttpResponseBase = self._next(request)
        return response

    async def _asynchronous(self, request: HttpRequest) -> HttpResponseBase:
        if request.path not in self._public:
            try:
                token = await self._async_verifier.authenticate(_presented(request), scopes=self._scopes)
            except (Refused, Unavailable) as fault:
                return self._refusal(fault)
            vars(request)["access_token"] = token
        response: HttpResponseBase = await self._next(request)
        return response

    def _refusal(self, fault: Refused | Unavailable) -> HttpResponseBase:
        told = answer(fault, self._policy)
        return JsonResponse(told.content, status=told.status, headers=told.headers)


def _presented(request: HttpRequest) -> Presented:
    """What a request brings. A header that came twice is joined with a comma here, and then is no token."""
    return Presented(
        method=request.method or "",
        path=request.get_full_path().partition("?")[0],
        authorization=[request.headers[name] for name in ("Authorization",) if name in request.headers],
        dpop=[request.headers[name] for name in ("DPoP",) if name in request.headers],
    )
