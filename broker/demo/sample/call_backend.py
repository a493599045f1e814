"""The app calling its own API with the access token, the way a single-page or mobile app would."""

import json
from dataclasses import dataclass

import httpx2
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from broker.demo.sample.sign_in import TIMEOUT

_SHOWN = 4096


@dataclass(frozen=True)
class CallBackend:
    """Behind the button "Call the backend": a real HTTP request whose answer the page then shows."""

    url: str

    async def handle(self, request: Request) -> Response:
        token = request.session.get("token")
        if token is not None:
            request.session["answer"] = await self._ask(token["access_token"])
        return RedirectResponse("/", status_code=303)

    async def _ask(self, access_token: str) -> dict[str, object]:
        headers = {"Authorization": f"Bearer {access_token}"}
        try:
            async with httpx2.AsyncClient(timeout=TIMEOUT) as http:
                response = await http.get(self.url, headers=headers)
        except httpx2.HTTPError as failure:
            return {"url": self.url, "status": 0, "body": f"No answer: {type(failure).__name__}."}
        return {"url": self.url, "status": response.status_code, "body": _pretty(response.text[:_SHOWN])}


def _pretty(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text
