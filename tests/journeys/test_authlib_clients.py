"""Authlib's own client, untouched, signs in: as an app with a secret, by either method, and as one without."""

from typing import Any

import pytest
from authlib.integrations.httpx_client import AsyncOAuth2Client

from broker import opaque
from broker.store import clients
from tests.stage import PUBLIC, PUBLIC_REDIRECT, VERIFIER, WEB, WEB_REDIRECT, WEB_SECRET, Stage
from tests.web.front import on_sqlite

POSTING = "cli_posting"


def client_of(method: str) -> AsyncOAuth2Client:
    client_id = {"client_secret_basic": WEB, "client_secret_post": POSTING, "none": PUBLIC}[method]
    return AsyncOAuth2Client(
        client_id,
        None if method == "none" else WEB_SECRET,
        scope="openid profile offline_access",
        redirect_uri=PUBLIC_REDIRECT if method == "none" else WEB_REDIRECT,
        code_challenge_method="S256",
        token_endpoint_auth_method=method,
        verify=False,
    )


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
@on_sqlite
async def test_authlib_signs_in_and_refreshes(stage: Stage, method: str) -> None:
    posting = {"redirect_uris": [WEB_REDIRECT], "token_endpoint_auth_method": "client_secret_post"}
    await stage.database.transact(clients.add, POSTING, posting, opaque.digest(WEB_SECRET), now=stage.clock())
    metadata: dict[str, Any] = (await stage.http.get("/.well-known/openid-configuration")).json()
    async with client_of(method) as app:
        address, state = app.create_authorization_url(
            metadata["authorization_endpoint"], code_verifier=VERIFIER, nonce="n"
        )
        browser = await stage.browser()
        sent = await browser.get(address)
        callback = await stage.consent(browser, sent.headers["location"])
        back = (await browser.get(callback)).headers["location"]
        token = await app.fetch_token(
            metadata["token_endpoint"], authorization_response=back, code_verifier=VERIFIER, state=state
        )
        assert token["token_type"] == "Bearer"
        # Authlib compares `expires_at` with the real time, which the held clock is far from.
        told = await stage.userinfo(token["access_token"])
        assert told.json()["name"] == "Ada Moreno"
        refreshed = await app.refresh_token(metadata["token_endpoint"], token["refresh_token"])
        assert refreshed["refresh_token"] != token["refresh_token"]
        assert refreshed["scope"] == "openid profile offline_access"
