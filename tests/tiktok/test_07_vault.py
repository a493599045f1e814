"""TikTok's tokens for apps: who gets one, for what, and in exchange for what."""

from typing import Any

import pytest

from broker.store import client_changes
from tests.by_hand import execute
from tests.client_auth.signing import key
from tests.journeys.tables import contents
from tests.provider.proving import proof
from tests.stage import VERIFIER, WEB, WEB_SECRET, Stage, forged
from tests.tiktok.exchanging import (
    ACCESS,
    APP,
    BASIC,
    REDIRECT,
    TIKTOK_LIFE,
    exchange,
    form,
    refreshes,
    signed_in,
)
from tests.tiktok.vaulting import audited, tiktok_knows, vault_stage

# The fixtures of another module that every test here may ask for.
__all__ = ["vault_stage"]


async def test_an_app_that_may_gets_a_live_token_and_never_the_refresh_token(vault_stage: Stage) -> None:
    """RFC 8693 §2.2.1; each hand-out is an audit event."""
    tokens = await signed_in(vault_stage)
    answer = await exchange(vault_stage, tokens["access_token"])
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    assert told.keys() == {"access_token", "issued_token_type", "token_type", "expires_in", "scope"}
    assert (told["issued_token_type"], told["token_type"]) == (ACCESS, "Bearer")
    assert (told["expires_in"], told["scope"]) == (TIKTOK_LIFE, "user.info.basic")
    assert await tiktok_knows(vault_stage, told["access_token"])
    (event,) = await audited(vault_stage, "tiktok_token.handed_out")
    assert (event["actor"], event["client_id"]) == ("client", APP)
    assert event["request_id"] == answer.headers["x-request-id"]
    assert event["user_id"] is not None
    assert refreshes(vault_stage) == 0


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"resource": None}, "invalid_target"),
        ({"resource": "https://open.tiktokapis.com"}, "invalid_target"),
        ({"resource": "https://api.example/"}, "invalid_target"),
        ({"audience": "https://open.tiktokapis.com/"}, "invalid_target"),
        ({"subject_token": None}, "invalid_request"),
        ({"subject_token_type": None}, "invalid_request"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:id_token"}, "invalid_request"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "invalid_request"),
        ({"actor_token": "x"}, "invalid_request"),
    ],
)
async def test_what_is_asked_wrongly_is_refused(
    kept_stage: Stage, kept_tokens: dict[str, Any], changes: dict[str, str | None], error: str
) -> None:
    """RFC 8693 §2.1, §2.2.2."""
    answer = await exchange(kept_stage, kept_tokens["access_token"], **changes)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


@pytest.fixture
async def kept_stage(vault_stage: Stage) -> Stage:
    return vault_stage


@pytest.fixture
async def kept_tokens(kept_stage: Stage) -> dict[str, Any]:
    return await signed_in(kept_stage)


async def test_only_an_access_token_of_the_same_app_with_a_living_grant_is_a_subject(vault_stage: Stage) -> None:
    tokens = await signed_in(vault_stage)
    others = await vault_stage.sign_in()
    for wrong in (
        others["access_token"],
        tokens["id_token"],
        tokens["refresh_token"],
        forged(tokens["access_token"]),
        "x",
        "",
    ):
        answer = await exchange(vault_stage, wrong)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request"), wrong
    revoked = await vault_stage.http.post("/revoke", data={"token": tokens["refresh_token"]}, headers=BASIC)
    assert revoked.status_code == 200
    answer = await exchange(vault_stage, tokens["access_token"])
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert await audited(vault_stage, "tiktok_token.handed_out") == []


async def test_an_app_without_the_permission_hears_that_it_may_not(vault_stage: Stage) -> None:
    tokens = await vault_stage.sign_in()
    asked = form(tokens["access_token"])
    answer = await vault_stage.http.post("/token", data=asked, auth=(WEB, WEB_SECRET))
    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")
    # Taken away from one that had it, it holds at once.
    tokens = await signed_in(vault_stage)
    row = (await contents(vault_stage.database))["clients"]
    version = next(each["version"] for each in row if each["client_id"] == APP)
    metadata = {"client_name": "Tokens", "redirect_uris": ["https://tokens.example/callback"]}
    assert await vault_stage.database.transact(
        client_changes.update, APP, metadata, None, version=version, now=vault_stage.clock()
    )
    answer = await exchange(vault_stage, tokens["access_token"])
    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")


async def test_a_blocked_person_has_no_token_to_give(vault_stage: Stage) -> None:
    tokens = await signed_in(vault_stage)
    await execute(vault_stage.database, "UPDATE users SET blocked_at = 1")
    answer = await exchange(vault_stage, tokens["access_token"])
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_a_bound_subject_needs_its_key(vault_stage: Stage) -> None:
    """RFC 9449 §7: whoever stole the access token has no TikTok token either."""
    browser = await vault_stage.browser()
    answer = await vault_stage.come_back(browser, vault_stage.question(APP, redirect_uri=REDIRECT))
    code = {"grant_type": "authorization_code", "code": answer["code"], "redirect_uri": REDIRECT}
    code["code_verifier"] = VERIFIER
    tokens = (await vault_stage.http.post("/token", data=code, headers=BASIC | proof(vault_stage))).json()
    assert tokens["token_type"] == "DPoP"
    asked = form(tokens["access_token"])
    for headers in (BASIC, BASIC | proof(vault_stage, private=key("ES256", "second"))):
        refused = await vault_stage.http.post("/token", data=asked, headers=headers)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    proven = BASIC | proof(vault_stage)
    assert (await vault_stage.http.post("/token", data=asked, headers=proven)).status_code == 200
    again = await vault_stage.http.post("/token", data=asked, headers=proven)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_dpop_proof")
