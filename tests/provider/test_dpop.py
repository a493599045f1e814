"""DPoP over HTTP (RFC 9449): tokens, codes and refresh tokens that are good with one key only."""

import asyncio
from typing import Any

import httpx
import jwt
import pytest

from broker import opaque
from tests.client_auth.signing import jwk, key
from tests.journeys.test_two_brokers import another
from tests.provider.proving import API_SECRET, post, proof, refusal, register, register_machine
from tests.stage import PUBLIC, PUBLIC_REDIRECT, VERIFIER, WEB, WEB_REDIRECT, WEB_SECRET, Stage
from tests.store.rows import row

ASK = {"grant_type": "client_credentials"}
ALGS = ' algs="ES256 PS256 EdDSA"'


def thumbprint(*name: str) -> str:
    """RFC 7638 §3, spelled out."""
    members = jwk(key("ES256", *name))
    return opaque.sha256_base64url('{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}'.format(**members))


async def code_for(stage: Stage, client_id: str = PUBLIC, **changes: str | None) -> dict[str, str]:
    """The form that redeems a fresh code."""
    answer = await stage.come_back(await stage.browser(), stage.question(client_id, **changes))
    redirect = WEB_REDIRECT if client_id == WEB else PUBLIC_REDIRECT
    form = {"grant_type": "authorization_code", "code": answer["code"], "code_verifier": VERIFIER}
    return {**form, "redirect_uri": redirect, **({} if client_id == WEB else {"client_id": client_id})}


async def redeem(stage: Stage, form: dict[str, str], headers: dict[str, str] | None = None) -> httpx.Response:
    auth = None if "client_id" in form else (WEB, WEB_SECRET)
    return await post(stage.http, "/token", form, auth=auth, headers=headers)


def again(tokens: dict[str, Any], client_id: str = PUBLIC) -> dict[str, str]:
    """The form that refreshes."""
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    return form if client_id == WEB else {**form, "client_id": client_id}


async def ask_userinfo(stage: Stage, token: str, scheme: str, headers: dict[str, str]) -> httpx.Response:
    return await stage.http.get("/userinfo", headers={"Authorization": f"{scheme} {token}", **headers})


async def test_a_proof_makes_bound_tokens_and_only_its_key_opens_userinfo(stage: Stage) -> None:
    """RFC 9449 §5, §6.1, §7.1, §7.2."""
    tokens = (await redeem(stage, await code_for(stage, WEB), proof(stage))).json()
    token = tokens["access_token"]
    assert tokens["token_type"] == "DPoP"
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["cnf"] == {"jkt": thumbprint()}

    def shown(**changes: Any) -> dict[str, str]:
        return proof(stage, "/userinfo", method="GET", token=token, **changes)

    assert (await ask_userinfo(stage, token, "DPoP", shown())).status_code == 200
    assert (await ask_userinfo(stage, token, "dpop", shown())).status_code == 200
    posted = proof(stage, "/userinfo", method="POST", token=token)
    answer = await stage.http.post("/userinfo", headers={"Authorization": f"DPoP {token}", **posted})
    assert answer.status_code == 200

    bearer = await ask_userinfo(stage, token, "Bearer", shown())
    assert refusal(bearer) == (401, "invalid_token")
    challenge = bearer.headers["www-authenticate"]
    assert challenge.startswith('Bearer realm="broker", error="invalid_token", ')
    assert challenge.endswith('DPoP realm="broker",' + ALGS)
    in_a_form = await post(stage.http, "/userinfo", {"access_token": token}, headers=shown())
    assert refusal(in_a_form) == (401, "invalid_token")

    for wrong, code in (
        ({}, "invalid_token"),
        (shown(private=key("ES256", "other")), "invalid_token"),
        (proof(stage, "/userinfo", method="GET"), "invalid_dpop_proof"),
        (proof(stage, "/userinfo", method="GET", token=token + "x"), "invalid_dpop_proof"),
        (proof(stage, "/userinfo", token=token), "invalid_dpop_proof"),
        (proof(stage, "/token", method="GET", token=token), "invalid_dpop_proof"),
        (shown(iat=stage.clock() - 61), "invalid_dpop_proof"),
        (shown(iat=stage.clock() + 11), "invalid_dpop_proof"),
    ):
        refused = await ask_userinfo(stage, token, "DPoP", wrong)
        assert refusal(refused) == (401, code), wrong
        assert refused.headers["www-authenticate"].startswith(f'DPoP realm="broker",{ALGS}, error="{code}", ')

    unbound = (await stage.sign_in())["access_token"]
    bare = proof(stage, "/userinfo", method="GET", token=unbound)
    assert refusal(await ask_userinfo(stage, unbound, "DPoP", bare)) == (401, "invalid_token")


async def test_a_proof_that_is_not_for_this_request_costs_nothing(stage: Stage) -> None:
    """§4.3: after all of them the code is still good, and so is the one good proof."""
    form, good = await code_for(stage), proof(stage)
    wrong: dict[str, Any] = {
        "htm": {"htm": "GET"},
        "htu": {"htu": f"{stage.issuer}/userinfo"},
        "another host": {"htu": "https://other.example/token"},
        "too old": {"iat": stage.clock() - 61},
        "from the future": {"iat": stage.clock() + 11},
        "no jti": {"jti": None},
        "no iat": {"iat": None},
    }
    for name, change in wrong.items():
        answer = await redeem(stage, form, proof(stage, **change))
        assert refusal(answer) == (400, "invalid_dpop_proof"), name
    twice = [("DPoP", good["DPoP"]), ("DPoP", proof(stage)["DPoP"])]
    doubled = await stage.http.post("/token", data=form, headers=twice)
    assert refusal(doubled) == (400, "invalid_dpop_proof")
    for garbage in ("", "x", "a.b.c"):
        assert refusal(await redeem(stage, form, {"DPoP": garbage})) == (400, "invalid_dpop_proof")
    assert (await redeem(stage, form, good)).status_code == 200


async def test_a_proof_counts_once_on_both_brokers_and_a_used_one_costs_nothing(stage: Stage) -> None:
    """§11.1."""
    used = proof(stage)
    assert (await redeem(stage, await code_for(stage), used)).status_code == 200
    form = await code_for(stage)
    async with another(stage) as other:
        for http in (stage.http, other):
            answer = await post(http, "/token", form, headers=used)
            assert refusal(answer) == (400, "invalid_dpop_proof")
    tokens = (await redeem(stage, form, proof(stage))).json()
    assert refusal(await redeem(stage, again(tokens), used)) == (400, "invalid_dpop_proof")
    assert (await redeem(stage, again(tokens), proof(stage))).status_code == 200


@pytest.mark.usefixtures("patient")
async def test_of_many_uses_of_one_proof_at_once_one_counts(stage: Stage) -> None:
    client = await register_machine(stage)
    used = proof(stage)
    async with another(stage) as other:
        asked = (
            post(http, "/token", ASK, auth=(client, API_SECRET), headers=used)
            for http in (stage.http, other)
            for _ in range(50)
        )
        answers = [answer.status_code for answer in await asyncio.gather(*asked)]
    assert (answers.count(200), answers.count(400)) == (1, 99)


async def test_what_anybody_may_send_leaves_no_row(stage: Stage) -> None:
    """A public client proves nothing of itself: its proof is kept only beside a code or token that was good."""
    form = {"grant_type": "authorization_code", "code": "brc_x", "redirect_uri": PUBLIC_REDIRECT}
    assert refusal(await redeem(stage, {**form, "client_id": PUBLIC}, proof(stage))) == (400, "invalid_grant")
    forged = again({"refresh_token": "brt_x"})
    assert refusal(await redeem(stage, forged, proof(stage))) == (400, "invalid_grant")
    assert await rows_of_proofs(stage) == 0
    assert (await redeem(stage, await code_for(stage), proof(stage))).status_code == 200
    assert await rows_of_proofs(stage) == 1


async def rows_of_proofs(stage: Stage) -> int:
    return int((await row(stage.database, "SELECT count(*) AS kept FROM spent_ids"))["kept"])


async def test_the_refresh_token_of_a_public_client_needs_its_key(stage: Stage) -> None:
    """§5: with another key, or with none, nothing is spent and nothing ended, however old the token."""
    first = (await redeem(stage, await code_for(stage), proof(stage))).json()
    second = (await redeem(stage, again(first), proof(stage))).json()
    stage.clock.advance(61)
    for stolen in (first, second):
        for headers in (proof(stage, private=key("ES256", "thief")), {}):
            assert refusal(await redeem(stage, again(stolen), headers)) == (400, "invalid_grant")
    third = await redeem(stage, again(second), proof(stage))
    assert (third.status_code, third.json()["token_type"]) == (200, "DPoP")
    assert refusal(await redeem(stage, again(first), proof(stage))) == (400, "invalid_grant")
    # That one was a genuine reuse, with the key: it ended the grant.
    assert refusal(await redeem(stage, again(third.json()), proof(stage))) == (400, "invalid_grant")


async def test_a_refresh_token_without_a_key_gets_none_later(stage: Stage) -> None:
    """A thief could bind it to a key of his own; its owner signs in anew to have a bound one."""
    tokens = await stage.sign_in(PUBLIC)
    assert refusal(await redeem(stage, again(tokens), proof(stage))) == (400, "invalid_grant")
    unchanged = await redeem(stage, again(tokens))
    assert (unchanged.status_code, unchanged.json()["token_type"]) == (200, "Bearer")


async def test_the_refresh_token_of_a_confidential_client_is_bound_to_the_client(stage: Stage) -> None:
    """§5: it may change its key at every refresh, or do without."""
    tokens = (await redeem(stage, await code_for(stage, WEB), proof(stage))).json()
    other = await redeem(stage, again(tokens, WEB), proof(stage, private=key("ES256", "other")))
    claims = jwt.decode(other.json()["access_token"], options={"verify_signature": False})
    assert claims["cnf"] == {"jkt": thumbprint("other")}
    plain = await redeem(stage, again(other.json(), WEB))
    assert (plain.status_code, plain.json()["token_type"]) == (200, "Bearer")


@pytest.mark.parametrize("client_id", [WEB, PUBLIC])
async def test_dpop_jkt_binds_the_code(stage: Stage, client_id: str) -> None:
    """§10: a code asked for with a key is redeemed with that key."""
    form = await code_for(stage, client_id, dpop_jkt=thumbprint())
    for headers in ({}, proof(stage, private=key("ES256", "thief"))):
        assert refusal(await redeem(stage, form, headers)) == (400, "invalid_grant")
    assert (await redeem(stage, form, proof(stage))).status_code == 200


async def test_a_pushed_request_binds_the_code_by_parameter_or_by_proof(stage: Stage) -> None:
    """§10.1: both say the same, or the request is refused; a proof at /par counts once, too."""
    question = stage.question()
    shown = proof(stage, "/par")
    for more, headers in ((question, shown), ({**question, "dpop_jkt": thumbprint()}, {})):
        pushed = await post(stage.http, "/par", more, auth=(WEB, WEB_SECRET), headers=headers)
        assert pushed.status_code == 201, pushed.text
        asked = {"client_id": WEB, "request_uri": pushed.json()["request_uri"]}
        code = (await stage.come_back(await stage.browser(), asked))["code"]
        form = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER}
        form["redirect_uri"] = WEB_REDIRECT
        assert refusal(await redeem(stage, form)) == (400, "invalid_grant")
        assert (await redeem(stage, form, proof(stage))).status_code == 200
    for more, headers, code in (
        ({**question, "dpop_jkt": thumbprint("other")}, proof(stage, "/par"), "invalid_request"),
        ({**question, "dpop_jkt": "short"}, {}, "invalid_request"),
        (question, shown, "invalid_dpop_proof"),
        (question, proof(stage, "/token"), "invalid_dpop_proof"),
    ):
        answer = await post(stage.http, "/par", more, auth=(WEB, WEB_SECRET), headers=headers)
        assert refusal(answer) == (400, code)


async def test_an_app_that_must_bind_its_tokens_gets_no_other(stage: Stage) -> None:
    """§5.2: `dpop_bound_access_tokens`; a request without a proof costs neither the code nor the token."""
    bound: dict[str, Any] = {"dpop_bound_access_tokens": True, "redirect_uris": [PUBLIC_REDIRECT]}
    await register(stage, "cli_bound", token_endpoint_auth_method="none", **bound)
    form = await code_for(stage, "cli_bound")
    assert refusal(await redeem(stage, form)) == (400, "invalid_dpop_proof")
    tokens = (await redeem(stage, form, proof(stage))).json()
    assert refusal(await redeem(stage, again(tokens, "cli_bound"))) == (400, "invalid_dpop_proof")
    assert (await redeem(stage, again(tokens, "cli_bound"), proof(stage))).status_code == 200
