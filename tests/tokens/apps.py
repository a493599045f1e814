"""Further apps for tests of `/token`, and what to read from their answers."""

from typing import Any

import httpx
import jwt

from broker import opaque
from broker.store import clients
from tests.stage import VERIFIER, WEB_REDIRECT, Stage

A, B = "https://a.example/", "https://b.example/"


async def register(stage: Stage, client_id: str, **metadata: Any) -> None:
    """A public app unless `metadata` says otherwise; its secret, if it has one, is `brs_` and its id."""
    fields = {"redirect_uris": [WEB_REDIRECT], "token_endpoint_auth_method": "none"} | metadata
    public = fields["token_endpoint_auth_method"] == "none"
    digest = None if public else opaque.digest(f"brs_{client_id}")
    assert await stage.database.transact(clients.add, client_id, fields, digest, now=stage.clock())


async def code_for(stage: Stage, client_id: str, **changes: str | None) -> str:
    """A code of a person who has just signed in to the app."""
    browser = await stage.browser()
    question = stage.question(client_id, **({"redirect_uri": WEB_REDIRECT} | changes))
    return (await stage.come_back(browser, question))["code"]


async def code_with(stage: Stage, client_id: str, *resources: str) -> str:
    """A code for these resources."""
    browser = await stage.browser()
    question = {**stage.question(client_id, redirect_uri=WEB_REDIRECT), "resource": list(resources)}
    sent = await browser.get(f"{stage.issuer}/authorize", params=question)
    back = await browser.get(await stage.consent(browser, sent.headers["location"]))
    return httpx.URL(back.headers["location"]).params["code"]


async def post(stage: Stage, client_id: str, **form: Any) -> httpx.Response:
    """POST to `/token` as a public app; a list repeats the parameter."""
    return await stage.http.post("/token", data={"client_id": client_id, **form})


async def redeem(stage: Stage, client_id: str, code: str, **form: Any) -> httpx.Response:
    """Trade the code of a public app."""
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": WEB_REDIRECT}
    return await post(stage, client_id, **fields, code_verifier=VERIFIER, **form)


async def refresh(stage: Stage, client_id: str, token: str, **form: Any) -> httpx.Response:
    """Trade the refresh token of a public app."""
    return await post(stage, client_id, grant_type="refresh_token", refresh_token=token, **form)


def error(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a refusal, which is JSON that nobody keeps (RFC 6749 §5.2)."""
    body = answer.json()
    assert body.keys() == {"error", "error_description"}, body
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"
    assert ("www-authenticate" in answer.headers) is (answer.status_code == 401)
    return answer.status_code, body["error"]


def said(token: str) -> dict[str, Any]:
    """What a token says; that it verifies is tested elsewhere."""
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims
