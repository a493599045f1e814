"""One broker for all the plans: every test comes with a browser of its own, and time only goes forward."""

import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest
import pytest_asyncio

from broker import opaque
from broker.simulator.serve import running as serving
from broker.store import clients
from tests.conformance.relying_party import FIRST, SECOND, Registered, RelyingParty
from tests.conformance.told import LogoutNotices
from tests.stage import HeldClock, Stage, running_stage

AFTER_LOGOUT = "https://suite.example/test/a/broker/post_logout_redirect"


@dataclass(frozen=True)
class Suite:
    """The broker under test, what it says of itself, and where it tells of logouts."""

    stage: Stage
    provider: dict[str, Any]
    keys: dict[str, jwt.PyJWK]
    notices: LogoutNotices

    async def relying_party(self, client: Registered = FIRST, *, response_mode: str = "query") -> RelyingParty:
        """A client in a browser that has never been here."""
        browser = await self.stage.browser()
        return RelyingParty(self.stage, browser, self.provider, self.keys, client, response_mode)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def suite(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Suite]:
    file = tmp_path_factory.mktemp("conformance") / "broker.db"
    shutil.copy(sqlite_template, file)
    notices = LogoutNotices()
    async with running_stage(f"sqlite:///{file}", HeldClock()) as stage, serving(notices) as receiver:
        for client in (FIRST, SECOND):
            metadata = {
                "redirect_uris": [client.redirect_uri],
                "token_endpoint_auth_method": client.method,
                "no_pkce": True,
                "id_token_signed_response_alg": "RS256",
                "post_logout_redirect_uris": [AFTER_LOGOUT],
                "backchannel_logout_uri": f"{receiver}/{client.client_id}",
                "backchannel_logout_session_required": True,
            }
            digest = opaque.digest(client.secret)
            await stage.database.transact(clients.add, client.client_id, metadata, digest, now=stage.clock())
        provider = (await stage.http.get("/.well-known/openid-configuration")).json()
        published = (await stage.http.get(provider["jwks_uri"])).json()
        keys = {key["kid"]: jwt.PyJWK(key) for key in published["keys"]}
        yield Suite(stage, provider, keys, notices)


@pytest_asyncio.fixture(loop_scope="session")
async def rp(suite: Suite) -> RelyingParty:
    return await suite.relying_party()
