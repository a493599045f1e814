"""A backend with the project's own verifier, which asks nobody about a token, hears of a sign-out in seconds."""

import importlib
from typing import Any

import httpx
import pytest

from broker.store import user_changes
from tests.stage import Stage
from tests.status.reading import claims_of, told
from tests.verifiers.programs import VERIFIERS

pytestmark = pytest.mark.usefixtures("often")


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`tiktok_broker_verifier`, which is a distribution of its own."""
    monkeypatch.syspath_prepend(str(VERIFIERS / "python"))
    return importlib.import_module("tiktok_broker_verifier")


async def test_a_sign_out_reaches_a_verifier_that_asks_nobody(stage: Stage, package: Any) -> None:
    good, other = [(await stage.sign_in(person=person))["access_token"] for person in ("p1", "p2")]
    policy = package.Policy(issuer=stage.issuer, audience=stage.issuer)
    asked: list[str] = []

    async def note(request: httpx.Request) -> None:
        asked.append(request.url.path)

    async with (
        httpx.AsyncClient(event_hooks={"request": [note]}, verify=False) as http,
        package.AsyncVerifier(policy, http=http, clock=stage.clock) as verifier,
    ):
        for token in (good, other, good):
            assert (await verifier.verify(token, scopes=["openid"])).sub == claims_of(token)["sub"]
        assert asked == ["/.well-known/jwks.json", "/status/0"]

        await stage.database.transact(user_changes.sign_out, claims_of(good)["sub"], now=stage.clock())
        await told(stage, [stage.http], {"good": good, "other": other}, lambda name: name == "good")
        stage.clock.advance(15)
        with pytest.raises(package.Refused, match="revoked"):
            await verifier.verify(good)
        assert (await verifier.verify(other)).sub == claims_of(other)["sub"]
        # Nothing new is not sent again.
        stage.clock.advance(15)
        assert await verifier.verify(other)
        assert asked.count("/status/0") == 3
