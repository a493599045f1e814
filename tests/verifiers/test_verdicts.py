"""The verifiers for backends reach the right verdict on what a live broker issues, and on every attack known."""

import asyncio
import json
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from broker.simulator.serve import running as serving
from tests.provider.proving import proof, register
from tests.stage import PUBLIC_REDIRECT, VERIFIER, Stage
from tests.verifiers.conftest import ShiftedClock
from tests.verifiers.programs import PROGRAMS, VERIFIERS, Program

API, OTHER = "cli_api", "cli_other"
AUDIENCE = "https://api.example/"
TABLE: dict[str, Any] = json.loads((VERIFIERS / "vectors/access_tokens.json").read_text())
# Nimbus' processor has no EdDSA: it refuses what is good then, which docs/verifying.md tells.
REFUSED_THOUGH_GOOD = {"java": {"good eddsa"}}


@pytest.fixture(params=PROGRAMS)
def language(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    missing = PROGRAMS[found].missing()
    if missing is not None:
        pytest.skip(f"the verifier in {found}: {missing}")
    return found


@pytest.fixture
def program(language: str) -> Program:
    return PROGRAMS[language]


async def test_of_all_that_a_live_broker_issues_one_kind_is_let_in(
    program: Program, stage: Stage, shifted: ShiftedClock
) -> None:
    for client, audience in ((API, AUDIENCE), (OTHER, "https://other.example/")):
        public: dict[str, Any] = {"redirect_uris": [PUBLIC_REDIRECT], "token_endpoint_auth_method": "none"}
        await register(stage, client, audience=[audience], **public)
    # Access tokens live for 600 seconds: this one ends in this very second.
    shifted.back = 600
    expired = await stage.sign_in(API)
    shifted.back = 0
    good = await stage.sign_in(API)
    tokens = {
        "good": good["access_token"],
        "expired": expired["access_token"],
        "an ID token": good["id_token"],
        "a refresh token": good["refresh_token"],
        "for another API": (await stage.sign_in(OTHER))["access_token"],
        "without the scope": (await stage.sign_in(API, scope="openid"))["access_token"],
        "bound to a key": await _bound_token(stage),
    }
    said = await asyncio.to_thread(program.verdicts, list(tokens.values()), stage.issuer, AUDIENCE, "profile")
    verdicts = dict(zip(tokens, said, strict=True))
    assert {name for name, verdict in verdicts.items() if verdict.startswith("accepted usr_")} == {"good"}, (
        verdicts
    )
    assert all(verdict.startswith("refused ") for name, verdict in verdicts.items() if name != "good"), verdicts


async def test_every_vector_gets_its_verdict(language: str, program: Program) -> None:
    async def keys(request: Request) -> JSONResponse:
        return JSONResponse(TABLE["jwks"])

    tokens = [vector["token"] for vector in TABLE["tokens"]]
    async with serving(Starlette(routes=[Route("/keys", keys)])) as address:
        told = (TABLE["issuer"], TABLE["audience"], TABLE["scope"], f"{address}/keys")
        said = await asyncio.to_thread(program.verdicts, tokens, *told)
    wrong = {
        vector["name"]: (verdict, vector["why"])
        for vector, verdict in zip(TABLE["tokens"], said, strict=True)
        if verdict.startswith("accepted ") is not vector["accepted"]
    }
    assert wrong.keys() == REFUSED_THOUGH_GOOD.get(language, set()), wrong


async def test_nobody_is_let_in_while_there_are_no_keys(program: Program, stage: Stage) -> None:
    token = next(vector["token"] for vector in TABLE["tokens"] if vector["accepted"])
    told = (TABLE["issuer"], TABLE["audience"], TABLE["scope"], f"{stage.issuer}/nothing-here")
    said = await asyncio.to_thread(program.verdicts, [token], *told)
    assert [verdict.split()[0] for verdict in said] == ["refused"]


async def _bound_token(stage: Stage) -> str:
    """RFC 9449 §5: what a client gets that sent a proof of its key with its code."""
    answer = await stage.come_back(await stage.browser(), stage.question(API))
    form = {
        "grant_type": "authorization_code",
        "code": answer["code"],
        "redirect_uri": PUBLIC_REDIRECT,
        "code_verifier": VERIFIER,
        "client_id": API,
    }
    redeemed = await stage.http.post("/token", data=form, headers=proof(stage))
    assert redeemed.json()["token_type"] == "DPoP", redeemed.text
    bound: str = redeemed.json()["access_token"]
    return bound
