"""Every kind of JWT that the broker makes, at every place that takes one: only the one meant for it opens it.

RFC 8725 §3.11 and §3.12, RFC 9068 §4, OIDC Back-Channel Logout 1.0 §2.4.
"""

import pytest

from tests.attacks.attacker import (
    MACHINE,
    MACHINE_SECRET,
    asserted,
    register_keyed,
    register_machine,
    signed_in,
    the_brokers_claims,
    unverified,
)
from tests.stage import WEB, WEB_SECRET, Stage, answer_in

PERSONAL = ("access", "id", "logout")
KINDS = (*PERSONAL, "machine")


@pytest.fixture
async def tokens(file_stage: Stage) -> dict[str, str]:
    """One of each kind, all genuine and fresh; those of a person belong to one session of the web client."""
    await register_machine(file_stage)
    await register_keyed(file_stage)
    _, mine = await signed_in(file_stage)
    said = unverified(mine["id_token"])
    claims = await the_brokers_claims(file_stage)
    form = {"grant_type": "client_credentials"}
    machine = await file_stage.http.post("/token", data=form, auth=(MACHINE, MACHINE_SECRET))
    return {
        "access": mine["access_token"],
        "id": mine["id_token"],
        "logout": await claims.logout_token(
            client_id=WEB, sub=said["sub"], sid=said["sid"], now=file_stage.clock()
        ),
        "machine": machine.json()["access_token"],
    }


async def test_userinfo_takes_the_access_token_of_a_person(file_stage: Stage, tokens: dict[str, str]) -> None:
    for kind in KINDS:
        answer = await file_stage.userinfo(tokens[kind])
        # A machine's token is an access token of ours, for nobody.
        assert answer.status_code == {"access": 200, "machine": 403}.get(kind, 401), kind
        posted = await file_stage.http.post("/userinfo", data={"access_token": tokens[kind]})
        assert posted.status_code == answer.status_code, kind
        dpop = {"Authorization": f"DPoP {tokens[kind]}", "DPoP": tokens[kind]}
        assert (await file_stage.http.get("/userinfo", headers=dpop)).status_code in (401, 403), kind


async def test_introspection_knows_access_tokens_alone_and_only_for_those_concerned(
    file_stage: Stage, tokens: dict[str, str]
) -> None:
    for kind in KINDS:
        for client, active in (
            ((WEB, WEB_SECRET), kind == "access"),
            ((MACHINE, MACHINE_SECRET), kind == "machine"),
        ):
            for hint in ("access_token", "refresh_token", "id_token"):
                form = {"token": tokens[kind], "token_type_hint": hint}
                answer = await file_stage.http.post("/introspect", data=form, auth=client)
                assert answer.json()["active"] is active, (kind, client)
                assert active or answer.json() == {"active": False}


async def test_revocation_ends_a_grant_for_its_access_token_and_for_nothing_else(
    file_stage: Stage, tokens: dict[str, str]
) -> None:
    for kind in ("id", "logout", "machine"):
        for client in ((WEB, WEB_SECRET), (MACHINE, MACHINE_SECRET)):
            answer = await file_stage.http.post("/revoke", data={"token": tokens[kind]}, auth=client)
            assert (answer.status_code, answer.content) == (200, b""), kind
    foreign = await file_stage.http.post(
        "/revoke", data={"token": tokens["access"]}, auth=(MACHINE, MACHINE_SECRET)
    )
    assert foreign.status_code == 200
    assert (await file_stage.userinfo(tokens["access"])).status_code == 200
    own = await file_stage.http.post("/revoke", data={"token": tokens["access"]}, auth=(WEB, WEB_SECRET))
    assert own.status_code == 200
    assert (await file_stage.userinfo(tokens["access"])).status_code == 401


async def test_a_hint_is_an_id_token_at_authorize_and_at_logout(file_stage: Stage, tokens: dict[str, str]) -> None:
    browser = await file_stage.browser()
    for kind in ("access", "logout", "machine"):
        question = file_stage.question(id_token_hint=tokens[kind])
        sent = await file_stage.authorize(browser, question)
        assert answer_in(sent.headers["location"])["error"] == "invalid_request", kind
        page = await browser.get(f"{file_stage.issuer}/logout", params={"id_token_hint": tokens[kind]})
        assert page.status_code == 400, kind
    taken = await file_stage.authorize(browser, file_stage.question(id_token_hint=tokens["id"]))
    assert taken.headers["location"].startswith(file_stage.simulator)
    done = await browser.get(f"{file_stage.issuer}/logout", params={"id_token_hint": tokens["id"]})
    assert done.status_code == 200


async def test_none_is_a_client_assertion_a_proof_a_code_or_a_refresh_token(
    file_stage: Stage, tokens: dict[str, str]
) -> None:
    machine = {"grant_type": "client_credentials"}
    for kind in KINDS:
        token = tokens[kind]
        for claimed in ({}, {"client_id": WEB}, {"client_id": MACHINE}):
            answer = await file_stage.http.post("/token", data={**machine, **asserted(token), **claimed})
            assert answer.status_code in (400, 401), kind
            assert answer.json()["error"] in ("invalid_client", "invalid_request"), kind
        proven = await file_stage.http.post(
            "/token", data=machine, headers={"DPoP": token}, auth=(MACHINE, MACHINE_SECRET)
        )
        assert (proven.status_code, proven.json()["error"]) == (400, "invalid_dpop_proof"), kind
        for form in (
            {"grant_type": "refresh_token", "refresh_token": token},
            {"grant_type": "authorization_code", "code": token, "redirect_uri": "https://app.example/callback"},
        ):
            refused = await file_stage.token(form)
            assert refused.json()["error"] == "invalid_grant", kind
        request = {"client_id": WEB, "request_uri": f"urn:ietf:params:oauth:request_uri:{token}"}
        assert (await file_stage.authorize(await file_stage.browser(), request)).status_code == 400
