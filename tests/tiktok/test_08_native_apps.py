"""An app on a device, signed in by TikTok's own app, trades TikTok's code for the broker's tokens."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

import httpx
import jwt
import pytest

from broker import opaque
from broker.simulator.world import Fault
from broker.store import clients
from tests.by_hand import execute
from tests.journeys.tables import changed, contents, written
from tests.stage import CLIENT_KEY, NATIVE, WEB, WEB_SECRET, Stage
from tests.tiktok.exchanging import ACCESS, EXCHANGE, TIKTOK_CODE

PHONE = "cli_phone"
ANDROID = "abcdefghijklmnopqrstuvwxyz012345"
"""32 characters, as TikTok's SDK for Android makes them: fewer than RFC 7636 allows."""


@pytest.fixture
async def phone_stage(stage: Stage) -> Stage:
    await register(stage, PHONE)
    return stage


async def register(stage: Stage, client_id: str, **changes: Any) -> None:
    metadata = {"redirect_uris": [NATIVE], "token_endpoint_auth_method": "none", **changes}
    await stage.database.transact(clients.add, client_id, metadata, None, now=stage.clock())


async def code(stage: Stage, verifier: str = ANDROID, **changes: str) -> str:
    """What TikTok's SDK hands to the app."""
    asked = {
        "client_key": CLIENT_KEY,
        "redirect_uri": NATIVE,
        "code_challenge": opaque.sha256_hex(verifier),
        "person": "p1",
        "scopes": "user.info.basic",
        **changes,
    }
    async with httpx.AsyncClient(verify=False) as http:
        answer = await http.post(f"{stage.simulator}/_simulator/native-code", json=asked)
    assert answer.status_code == 200, answer.text
    given: str = answer.json()["code"]
    return given


async def trade(stage: Stage, tiktok_code: str, client: str = PHONE, /, **changes: str | None) -> httpx.Response:
    form: dict[str, str | None] = {
        "grant_type": EXCHANGE,
        "subject_token": tiktok_code,
        "subject_token_type": TIKTOK_CODE,
        "code_verifier": ANDROID,
        "redirect_uri": NATIVE,
        "client_id": client,
        **changes,
    }
    return await stage.http.post("/token", data={name: value for name, value in form.items() if value is not None})


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("error", "")


def claims_of(token: str) -> Mapping[str, Any]:
    claims: Mapping[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


async def test_the_code_brings_everything_that_a_sign_in_brings(phone_stage: Stage) -> None:
    answer = await trade(phone_stage, await code(phone_stage))
    assert answer.status_code == 200, answer.text
    tokens = answer.json()
    assert (tokens["issued_token_type"], tokens["token_type"]) == (ACCESS, "Bearer")
    assert tokens["scope"] == "openid profile offline_access"
    claims = claims_of(tokens["id_token"])
    assert (claims["aud"], claims["auth_time"]) == (PHONE, phone_stage.clock())
    assert claims["sid"] == claims_of(tokens["access_token"])["sid"]
    assert (await phone_stage.userinfo(tokens["access_token"])).json()["sub"] == claims["sub"]
    refreshed = await phone_stage.http.post(
        "/token",
        data={"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": PHONE},
    )
    assert refreshed.status_code == 200
    assert claims_of(refreshed.json()["id_token"])["sub"] == claims["sub"]
    # The same person in a browser is the same user.
    assert claims_of((await phone_stage.sign_in())["id_token"])["sub"] == claims["sub"]
    assert await written(phone_stage.database) == {
        "users": 1,
        "accounts": 1,
        "sessions": 2,
        "grants": 2,
        "audit_events": 2,
    }


@pytest.mark.usefixtures("patient")
async def test_of_many_trades_of_one_code_one_succeeds(phone_stage: Stage) -> None:
    tiktok_code = await code(phone_stage)
    answers = await asyncio.gather(*(trade(phone_stage, tiktok_code) for _ in range(20)))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 400: 19}
    assert {told(answer) for answer in answers if answer.status_code == 400} == {(400, "invalid_grant")}
    assert (await written(phone_stage.database))["grants"] == 1


async def test_a_code_is_spent_here_too_should_tiktok_forget_that_it_was(phone_stage: Stage) -> None:
    """The grant keeps the digest of the code it began with."""
    tiktok_code = await code(phone_stage)
    assert (await trade(phone_stage, tiktok_code)).status_code == 200
    grants = phone_stage.world.grants
    grants._codes[tiktok_code] = grants._spent_codes.pop(tiktok_code)
    before = await contents(phone_stage.database)
    assert told(await trade(phone_stage, tiktok_code)) == (400, "invalid_grant")
    assert await changed(phone_stage.database, before) == [("sign_in.refused", "login_spent")]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": None}, "invalid_request"),
        ({"code_verifier": ANDROID[:-1]}, "invalid_request"),
        ({"code_verifier": "a" * 129}, "invalid_request"),
        ({"code_verifier": ANDROID[:-1] + "!"}, "invalid_request"),
        ({"code_verifier": ANDROID[:-1] + "6"}, "invalid_grant"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"redirect_uri": NATIVE + "/"}, "invalid_request"),
        ({"subject_token": "no-code"}, "invalid_grant"),
        ({"subject_token": "with space"}, "invalid_grant"),
        ({"subject_token": None}, "invalid_request"),
        ({"resource": "https://api.example"}, "invalid_target"),
        ({"client_id": "cli_stranger"}, "invalid_client"),
    ],
    ids=lambda value: (
        "-".join(f"{name}={one}"[:40] for name, one in value.items()) if isinstance(value, dict) else ""
    ),
)
async def test_what_is_not_right_in_every_part_signs_nobody_in(
    phone_stage: Stage, changes: dict[str, str | None], error: str
) -> None:
    answer = await trade(phone_stage, await code(phone_stage), **changes)
    assert told(answer) == (401 if error == "invalid_client" else 400, error)
    assert await written(phone_stage.database) == {}


async def test_a_code_belongs_to_the_app_whose_redirect_uri_it_was_issued_for(phone_stage: Stage) -> None:
    """Another app of the same registration cannot use it: it may not name that address."""
    await register(phone_stage, "cli_other", redirect_uris=["https://other.example/tiktok"])
    tiktok_code = await code(phone_stage)
    assert told(await trade(phone_stage, tiktok_code, "cli_other")) == (400, "invalid_request")
    stolen = await trade(phone_stage, tiktok_code, "cli_other", redirect_uri="https://other.example/tiktok")
    # TikTok compares it with the address the code was issued for. RFC 6749 §5.2.
    assert told(stolen) == (400, "invalid_grant")
    assert await written(phone_stage.database) == {}


async def test_an_app_that_signs_nobody_in_trades_no_code(phone_stage: Stage) -> None:
    machine = {"grant_types": ["client_credentials"], "token_endpoint_auth_method": "client_secret_post"}
    await phone_stage.database.transact(
        clients.add,
        "cli_machine",
        {"redirect_uris": [NATIVE], **machine},
        opaque.digest("brs_machine"),
        now=phone_stage.clock(),
    )
    answer = await trade(phone_stage, await code(phone_stage), "cli_machine", client_secret="brs_machine")
    assert told(answer) == (400, "unauthorized_client")


async def test_short_verifiers_are_for_phones_only(phone_stage: Stage) -> None:
    """RFC 7636 §4.1 holds at the authorization endpoint."""
    browser = await phone_stage.browser()
    question = phone_stage.question(code_challenge=opaque.sha256_base64url(ANDROID))
    answer = await phone_stage.come_back(browser, question)
    assert told(await phone_stage.redeem(answer["code"], code_verifier=ANDROID))[1] == "invalid_grant"


@pytest.mark.parametrize("kind", ["act", "access token of another app"])
async def test_a_tiktok_access_token_proves_nothing(phone_stage: Stage, kind: str) -> None:
    """It is good for whichever app it was issued to: whoever has one could be anybody's app."""
    await phone_stage.sign_in()
    (pair,) = phone_stage.world.grants._by_access_token.values()
    for token_type in (ACCESS, TIKTOK_CODE, "urn:x-broker:token-type:tiktok-access-token"):
        answer = await trade(
            phone_stage,
            pair.access_token,
            subject_token_type=token_type,
            resource="https://open.tiktokapis.com/" if kind == "act" else None,
        )
        assert answer.status_code == 400
    # The sign-in's own call is the only one: nobody asked TikTok about a token.
    assert phone_stage.world.counters["token"]["calls"] == 1
    assert (await written(phone_stage.database))["grants"] == 1


async def test_a_person_whom_tiktok_does_not_name_is_no_fault_of_the_code(phone_stage: Stage) -> None:
    phone_stage.world.faults.add(Fault("user_info", "missing_union_id"))
    assert told(await trade(phone_stage, await code(phone_stage))) == (400, "server_error")
    assert await written(phone_stage.database) == {}


async def test_a_blocked_person_stays_out(phone_stage: Stage) -> None:
    await trade(phone_stage, await code(phone_stage))
    await execute(phone_stage.database, "UPDATE users SET blocked_at = 1")
    assert told(await trade(phone_stage, await code(phone_stage))) == (400, "access_denied")


async def test_a_permission_that_the_app_needs_must_be_given(phone_stage: Stage) -> None:
    await register(phone_stage, "cli_needy", required_tiktok_scopes=["user.info.profile"])
    answer = await trade(phone_stage, await code(phone_stage), "cli_needy")
    assert told(answer) == (400, "access_denied")
    assert "user.info.profile" in answer.json()["error_description"]
    assert await written(phone_stage.database) == {}
    both = await code(phone_stage, scopes="user.info.basic,user.info.profile")
    assert (await trade(phone_stage, both, "cli_needy")).status_code == 200


async def test_while_tiktok_does_not_answer_the_app_is_told_to_come_back(phone_stage: Stage) -> None:
    phone_stage.world.faults.add(Fault("token", "html", times=None))
    answer = await trade(phone_stage, await code(phone_stage))
    assert told(answer) == (503, "temporarily_unavailable")
    assert "retry-after" in answer.headers
    assert await written(phone_stage.database) == {}


async def test_discovery_says_that_tokens_can_be_exchanged(phone_stage: Stage) -> None:
    document = (await phone_stage.http.get("/.well-known/openid-configuration")).json()
    assert EXCHANGE in document["grant_types_supported"]
    asked = {"grant_type": EXCHANGE, "subject_token": "x", "subject_token_type": "urn:example:other"}
    answer = await phone_stage.http.post("/token", data=asked, auth=(WEB, WEB_SECRET))
    assert told(answer) == (400, "invalid_request")
