"""`client_credentials` (RFC 6749 §4.4): a machine's token, in which there is no person."""

from typing import Any

import jwt
import pytest

from broker.store import clients
from tests.journeys.test_two_brokers import another
from tests.provider.proving import API, API_SECRET, post, refusal, register, register_machine
from tests.stage import PUBLIC, PUBLIC_REDIRECT, WEB, WEB_REDIRECT, WEB_SECRET, Stage

ASK = {"grant_type": "client_credentials"}
OTHER_API = "https://other.example/api"


async def granted(stage: Stage, client_id: str, **form: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The token response, and the claims of the access token as a backend reads them."""
    answer = await post(stage.http, "/token", {**ASK, **form}, auth=(client_id, API_SECRET))
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    body: dict[str, Any] = answer.json()
    return body, jwt.decode(body["access_token"], options={"verify_signature": False})


async def test_the_token_speaks_of_the_client_alone(stage: Stage) -> None:
    """RFC 6749 §4.4.3: no refresh token; RFC 9068 §2.2: `sub` is the client; and no session, time or person."""
    body, claims = await granted(stage, await register_machine(stage))
    assert body.keys() == {"access_token", "token_type", "expires_in", "scope"}
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 600, "read write")
    assert jwt.get_unverified_header(body["access_token"])["typ"] == "at+jwt"
    now = stage.clock()
    jti = claims.pop("jti")
    assert claims == {
        "iss": stage.issuer,
        "sub": "cli_machine",
        "aud": [stage.issuer],
        "exp": now + 600,
        "iat": now,
        "client_id": "cli_machine",
        "scope": "read write",
    }
    # What stands before a dot would be taken for a grant's name.
    assert "." not in jti
    assert jti != (await granted(stage, "cli_machine"))[1]["jti"]


async def test_scopes_about_people_are_never_granted(stage: Stage) -> None:
    """Also to a client that may ask for them when it signs somebody in; the rest keeps its order."""
    people = "openid profile offline_access"
    metadata: dict[str, Any] = {"grant_types": ["client_credentials", "authorization_code", "refresh_token"]}
    await register_machine(stage, **metadata, redirect_uris=[WEB_REDIRECT], scope=f"{people} read write")
    for asked, scope in (
        ({}, "read write"),
        ({"scope": f"write {people} read"}, "write read"),
        ({"scope": "read read unknown"}, "read"),
        ({"scope": people}, ""),
    ):
        body, claims = await granted(stage, "cli_machine", **asked)
        assert (body["scope"], claims["scope"]) == (scope, scope), asked
        assert body.keys().isdisjoint({"id_token", "refresh_token"})
        # RFC 6750 §3.1: it opens nothing that is about a person.
        assert refusal(await stage.userinfo(body["access_token"])) == (403, "insufficient_scope")


async def test_the_audience_is_what_was_asked_for_or_all_that_is_registered(stage: Stage) -> None:
    """RFC 8707 §2.2."""
    await register_machine(stage, audience=[API, OTHER_API])
    asked: list[tuple[dict[str, Any], list[str]]] = [
        ({}, [API, OTHER_API]),
        ({"resource": OTHER_API}, [OTHER_API]),
        ({"resource": [OTHER_API, API, OTHER_API]}, [OTHER_API, API]),
    ]
    for form, audience in asked:
        assert (await granted(stage, "cli_machine", **form))[1]["aud"] == audience
    for resource in (f"{API}/", "https://elsewhere.example", stage.issuer):
        answer = await post(stage.http, "/token", {**ASK, "resource": resource}, auth=("cli_machine", API_SECRET))
        assert refusal(answer) == (400, "invalid_target"), resource


async def test_who_is_not_registered_for_it_gets_none(stage: Stage) -> None:
    """§4.4: confidential clients only, even where a registration were to say otherwise."""
    answer = await post(stage.http, "/token", ASK, auth=(WEB, WEB_SECRET))
    assert refusal(answer) == (400, "unauthorized_client")
    public: dict[str, Any] = {"token_endpoint_auth_method": "none", "redirect_uris": [PUBLIC_REDIRECT]}
    await register(stage, "cli_tab", **public, grant_types=["client_credentials", "authorization_code"])
    for client_id in (PUBLIC, "cli_tab"):
        answer = await post(stage.http, "/token", {**ASK, "client_id": client_id})
        assert refusal(answer) == (400, "unauthorized_client")
    machine = await register_machine(stage)
    answer = await post(stage.http, "/token", {"grant_type": "refresh_token"}, auth=(machine, API_SECRET))
    assert refusal(answer) == (400, "unauthorized_client")
    question = stage.question(machine, redirect_uri=WEB_REDIRECT)
    assert (await stage.authorize(await stage.browser(), question)).status_code == 400


@pytest.mark.parametrize("change", ["disabled", "another secret", "no such grant", "removed"])
async def test_a_change_of_the_client_holds_at_once_on_every_replica(stage: Stage, change: str) -> None:
    """The other broker still has its copy, and nothing is spent that would notice."""
    machine = await register_machine(stage)
    auth = (machine, API_SECRET)
    async with another(stage) as other:
        assert (await post(other, "/token", ASK, auth=auth)).status_code == 200
        now, transact = stage.clock(), stage.database.transact
        match change:
            case "disabled":
                await transact(clients.disable, machine, now=now)
            case "another secret":
                await transact(clients.set_secret, machine, b"x" * 32, now=now)
            case "no such grant":
                registered = {"grant_types": ["authorization_code"], "redirect_uris": [WEB_REDIRECT]}
                await transact(clients.set_metadata, machine, registered, now=now)
            case _:
                await transact(clients.remove, machine, now=now)
        expected = (400, "unauthorized_client") if change == "no such grant" else (401, "invalid_client")
        assert refusal(await post(other, "/token", ASK, auth=auth)) == expected
