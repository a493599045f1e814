"""What each leg asks of the database, to the statement: nothing here adds a transaction to a plain sign-in.

A statement of its own is its own transaction on PostgreSQL; SQLite's writer puts BEGIN and COMMIT around it.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from broker.outbox import Outbox
from broker.store.database import Database
from tests.client_auth.signing import jwk, key
from tests.provider.proving import API_SECRET, assertion, post, proof, register, register_machine
from tests.stage import VERIFIER, WEB, WEB_REDIRECT, WEB_SECRET, HeldClock, Stage, running_stage
from tests.store.watching import Statements, statements

__all__ = ["statements"]

WEB_AUTH = (WEB, WEB_SECRET)
KEYS: dict[str, Any] = {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [jwk(key("ES256"))]}}
ONE = ("BEGIN", "COMMIT")


@pytest.fixture
async def watched(statements: Statements, database_url: str, clock: HeldClock) -> AsyncIterator[Stage]:
    async with running_stage(database_url, clock) as stage:
        yield stage


def alone(database: Database, kind: str) -> list[str]:
    """One writing statement without a transaction around it that anybody asked for."""
    return [kind] if database.dialect == "postgresql" else ["BEGIN", kind, "COMMIT"]


def since(heard: Statements) -> list[str]:
    """The kinds of statements since the last look."""
    kinds = heard.kinds
    heard.clear()
    return kinds


async def code_in(stage: Stage, question: dict[str, str], **person: Any) -> dict[str, str]:
    """The form that redeems a code just issued."""
    answer = await stage.come_back(await stage.browser(), question, **person)
    form = {"grant_type": "authorization_code", "code": answer["code"]}
    return {**form, "redirect_uri": WEB_REDIRECT, "code_verifier": VERIFIER}


def again(tokens: dict[str, Any]) -> dict[str, str]:
    return {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}


async def test_a_plain_exchange_and_refresh_are_one_statement_each(watched: Stage, statements: Statements) -> None:
    form = await code_in(watched, watched.question())
    since(statements)
    tokens = (await post(watched.http, "/token", form, auth=WEB_AUTH)).json()
    assert since(statements) == alone(watched.database, "UPDATE")
    assert (await post(watched.http, "/token", again(tokens), auth=WEB_AUTH)).status_code == 200
    assert since(statements) == alone(watched.database, "UPDATE")


async def test_a_proof_costs_one_insert_in_the_same_transaction(watched: Stage, statements: Statements) -> None:
    """RFC 9449: the name of the proof, beside what it was proven for; where a token is shown, nothing."""
    form = await code_in(watched, watched.question())
    since(statements)
    tokens = (await post(watched.http, "/token", form, auth=WEB_AUTH, headers=proof(watched))).json()
    assert since(statements) == ["BEGIN", "UPDATE", "INSERT", "COMMIT"]
    tokens = (await post(watched.http, "/token", again(tokens), auth=WEB_AUTH, headers=proof(watched))).json()
    assert since(statements) == ["BEGIN", "UPDATE", "INSERT", "COMMIT"]
    token = tokens["access_token"]
    shown = proof(watched, "/userinfo", method="GET", token=token)
    assert (await watched.http.get("/userinfo", headers={"Authorization": f"DPoP {token}", **shown})).is_success
    assert since(statements) == ["SELECT"]


async def test_an_assertion_costs_one_insert(watched: Stage, statements: Statements) -> None:
    """RFC 7523 §3: before anything else is done, and no transaction spans the two."""
    await register(watched, "cli_keys", redirect_uris=[WEB_REDIRECT], **KEYS)
    form = await code_in(watched, watched.question("cli_keys", redirect_uri=WEB_REDIRECT))
    since(statements)
    database = watched.database
    tokens = (await post(watched.http, "/token", {**form, **assertion(watched, "cli_keys")})).json()
    expected = [*alone(database, "INSERT"), *alone(database, "UPDATE")]
    assert since(statements) == expected
    refreshed = await post(watched.http, "/token", {**again(tokens), **assertion(watched, "cli_keys")})
    assert refreshed.status_code == 200
    assert since(statements) == expected


async def test_a_sign_in_is_one_transaction_from_tiktok_and_from_a_session(
    watched: Stage, statements: Statements
) -> None:
    """Single sign-on: whose session it is, then all is written at once; a pushed request is one more update."""
    browser = await watched.browser()
    await watched.come_back(browser, watched.question())
    since(statements)
    assert (await watched.authorize(browser, watched.question())).status_code == 302
    from_session = ["SELECT", "BEGIN", "UPDATE", "INSERT", "INSERT", "COMMIT"]
    assert since(statements) == from_session

    sent = await watched.authorize(browser, watched.question(prompt="login"))
    assert writes(since(statements)) == []
    callback = await watched.consent(browser, sent.headers["location"])
    since(statements)
    assert (await browser.get(callback)).status_code == 302
    # User, account, the session renewed, grant, event.
    renewed = ["BEGIN", "INSERT", "INSERT", "UPDATE", "INSERT", "INSERT", "COMMIT"]
    assert since(statements) == renewed

    pushed = (await post(watched.http, "/par", watched.question(), auth=WEB_AUTH)).json()["request_uri"]
    since(statements)
    assert (await watched.authorize(browser, {"client_id": WEB, "request_uri": pushed})).status_code == 302
    asked = since(statements)
    assert writes(asked) == ["UPDATE", "UPDATE", "INSERT", "INSERT"]
    assert [kind for kind in asked if kind in ONE] == list(ONE)


async def test_a_new_picture_is_one_insert_more_and_the_same_again_is_none(
    statements: Statements, database_url: str, clock: HeldClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it is another picture is told by the statement that brings the person up to date."""

    async def nobody_delivers(_: Outbox) -> int:
        return 0

    monkeypatch.setattr(Outbox, "deliver_due", nobody_delivers)
    async with running_stage(database_url, clock, BROKER_AVATARS="copy") as stage:
        # The person, the delivery, account, session, grant, event; the picture waits, and comes again; a new one.
        for picture, inserts in (("", 6), ("", 5), ("another", 6)):
            stage.world.people["p1"] = replace(stage.world.people["p1"], picture=picture)
            browser = await stage.browser()
            sent = await stage.authorize(browser, stage.question())
            callback = await stage.consent(browser, sent.headers["location"])
            since(statements)
            assert (await browser.get(callback)).status_code == 302
            assert since(statements) == ["BEGIN", *["INSERT"] * inserts, "COMMIT"]


def writes(kinds: Sequence[str]) -> list[str]:
    return [kind for kind in kinds if kind not in ("SELECT", *ONE)]


async def test_the_other_endpoints_ask_once(watched: Stage, statements: Statements) -> None:
    stage, database = watched, watched.database
    machine = (await register_machine(stage), API_SECRET)
    ask = {"grant_type": "client_credentials"}
    tokens = await stage.sign_in()
    token = (await post(stage.http, "/token", ask, auth=machine)).json()["access_token"]
    since(statements)

    for path, form, auth, headers, expected in (
        ("/token", ask, machine, {}, ["SELECT"]),
        ("/token", ask, machine, proof(stage), ["SELECT", *alone(database, "INSERT")]),
        ("/introspect", {"token": token}, machine, {}, ["SELECT"]),
        ("/introspect", {"token": tokens["access_token"]}, WEB_AUTH, {}, ["SELECT"]),
        ("/introspect", {"token": tokens["refresh_token"]}, WEB_AUTH, {}, ["SELECT"]),
        ("/introspect", {"token": tokens["id_token"]}, WEB_AUTH, {}, []),
        ("/par", stage.question(), WEB_AUTH, {}, alone(database, "INSERT")),
        ("/par", stage.question(), WEB_AUTH, proof(stage, "/par"), alone(database, "INSERT") * 2),
        ("/revoke", {"token": "x"}, WEB_AUTH, {}, []),
        ("/revoke", {"token": token}, machine, {}, ["BEGIN", "INSERT", "INSERT", "COMMIT"]),
        ("/revoke", {"token": tokens["refresh_token"]}, WEB_AUTH, {}, ["BEGIN", "UPDATE", "INSERT", "COMMIT"]),
    ):
        answer = await post(stage.http, path, form, auth=auth, headers=headers)
        assert answer.is_success, answer.text
        assert since(statements) == expected, (path, form)
