"""`private_key_jwt` over HTTP (RFC 7523, OIDC Core §9): what the pure checks cannot show."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from broker.simulator.serve import running as serving
from broker.store import clients
from tests.client_auth.signing import jwk, key
from tests.journeys.test_two_brokers import another
from tests.provider.proving import API_SECRET, assertion, post, refusal, register, register_machine
from tests.stage import PUBLIC, WEB, WEB_SECRET, Stage

KEYS = {"keys": [jwk(key("ES256"))]}
METHOD: dict[str, Any] = {"token_endpoint_auth_method": "private_key_jwt", "jwks": KEYS}
ASK = {"grant_type": "client_credentials"}


async def machine(stage: Stage, **metadata: Any) -> str:
    registered = {**METHOD, "grant_types": ["client_credentials"], "scope": "read"}
    return await register(stage, "cli_keys", **(registered | metadata))


async def test_it_opens_every_back_channel_endpoint_each_time_with_a_new_name(stage: Stage) -> None:
    """RFC 7523 §2.2; RFC 9126 §2, RFC 7662 §2.1 and RFC 7009 §2.1 authenticate as the token endpoint does."""
    client = await machine(
        stage,
        grant_types=["client_credentials", "authorization_code"],
        redirect_uris=["https://app.example/callback"],
        scope="openid read",
    )
    issued = await post(stage.http, "/token", {**ASK, **assertion(stage, client)})
    assert issued.status_code == 200, issued.text
    token = issued.json()["access_token"]
    question = stage.question(client, redirect_uri="https://app.example/callback")
    for path, form, status in (
        ("/par", question, 201),
        ("/introspect", {"token": token}, 200),
        ("/revoke", {"token": token}, 200),
    ):
        proven = assertion(stage, client)
        assert refusal(await post(stage.http, path, form)) == (401, "invalid_client"), path
        assert (await post(stage.http, path, {**form, **proven})).status_code == status, path
        assert refusal(await post(stage.http, path, {**form, **proven})) == (401, "invalid_client"), path
        assert refusal(await post(stage.http, "/token", {**ASK, **proven})) == (401, "invalid_client"), path


async def test_only_the_issuer_itself_is_the_audience(stage: Stage) -> None:
    """The address of an endpoint, which RFC 7523 §3 once suggested, is a confusion another server could use."""
    client = await machine(stage)
    for aud in (
        f"{stage.issuer}/token",
        f"{stage.issuer}/",
        [stage.issuer],
        [stage.issuer, "https://other.example"],
        "https://other.example",
        client,
        "",
        None,
    ):
        answer = await post(stage.http, "/token", {**ASK, **assertion(stage, client, aud=aud)})
        assert refusal(answer) == (401, "invalid_client"), aud
        assert answer.headers["www-authenticate"] == 'Basic realm="broker"'
        assert answer.json()["error_description"] == "Client authentication failed."
    assert (await post(stage.http, "/token", {**ASK, **assertion(stage, client)})).status_code == 200


@pytest.mark.usefixtures("patient")
async def test_of_two_hundred_copies_on_two_brokers_one_is_taken(stage: Stage) -> None:
    """RFC 7523 §3: the `jti` counts once, whichever replica sees it first, for as long as the assertion lives."""
    client = await machine(stage)
    form = {**ASK, **assertion(stage, client)}
    async with another(stage) as other:
        copies = (post(http, "/token", form) for http in (stage.http, other) for _ in range(100))
        answers = [answer.status_code for answer in await asyncio.gather(*copies)]
        assert (answers.count(200), answers.count(401)) == (1, 199)
        stage.clock.advance(59)
        assert (await post(other, "/token", form)).status_code == 401


async def test_a_name_is_used_up_by_a_client_for_itself_alone(stage: Stage) -> None:
    client = await machine(stage)
    other = await register(stage, "cli_other", **METHOD, grant_types=["client_credentials"])
    for who in (client, other):
        form = {**ASK, **assertion(stage, who, jti="the same name")}
        assert (await post(stage.http, "/token", form)).status_code == 200


async def test_an_assertion_that_is_not_taken_uses_up_nothing(stage: Stage) -> None:
    client = await machine(stage)
    stranger = assertion(stage, client, key("ES256", "stranger"), jti="n")
    assert refusal(await post(stage.http, "/token", {**ASK, **stranger})) == (401, "invalid_client")
    assert (await post(stage.http, "/token", {**ASK, **assertion(stage, client, jti="n")})).status_code == 200


async def test_two_ways_at_once_are_refused(stage: Stage) -> None:
    """RFC 6749 §2.3: one method per request, even where each would do alone."""
    client = await machine(stage)
    secret = {"client_id": client, "client_secret": "brs_x"}
    for auth, more in (((client, "brs_x"), {}), ((WEB, WEB_SECRET), {}), (None, secret)):
        answer = await post(stage.http, "/token", {**ASK, **assertion(stage, client), **more}, auth=auth)
        assert refusal(answer) == (400, "invalid_request"), auth
    mixed = {**ASK, **assertion(stage, client), "client_id": WEB}
    assert refusal(await post(stage.http, "/token", mixed)) == (400, "invalid_request")
    named = {**ASK, **assertion(stage, client), "client_id": client}
    assert (await post(stage.http, "/token", named)).status_code == 200


async def test_a_client_is_taken_by_its_registered_way_alone(stage: Stage) -> None:
    """Neither a secret nor nothing at all for a client with keys, and no assertion for one with a secret."""
    client = await machine(stage)
    # A secret that is left over from before the client had keys.
    await stage.database.transact(clients.set_secret, client, b"x" * 32, now=stage.clock())
    await register_machine(stage, "cli_secret", jwks=KEYS)
    for auth, form in (
        ((client, API_SECRET), {}),
        (None, {"client_id": client, "client_secret": API_SECRET}),
        (None, {"client_id": client}),
        (None, assertion(stage, "cli_secret")),
        (None, assertion(stage, PUBLIC)),
        (None, assertion(stage, "cli_nobody")),
    ):
        answer = await post(stage.http, "/token", {**ASK, **form}, auth=auth)
        assert refusal(answer) == (401, "invalid_client"), form
        assert "secret" not in answer.text


@contextlib.asynccontextmanager
async def publishing(keys: list[dict[str, Any]], asked: list[str]) -> AsyncIterator[str]:
    """A client's own key server: the address of its set."""

    async def answer(request: Request) -> JSONResponse:
        asked.append(request.url.path)
        return JSONResponse({"keys": keys})

    async with serving(Starlette(routes=[Route("/jwks.json", answer)])) as origin:
        yield f"{origin}/jwks.json"


async def test_keys_are_fetched_from_the_jwks_uri_and_kept(stage: Stage) -> None:
    """RFC 7591 §2: the client changes its keys by itself; the new one is found though the old set is kept."""
    keys, asked = [jwk(key("ES256"), kid="one")], list[str]()
    async with publishing(keys, asked) as uri:
        client = await machine(stage, jwks={}, jwks_uri=uri)
        for _ in range(3):
            assert (await post(stage.http, "/token", {**ASK, **assertion(stage, client)})).status_code == 200
        assert asked == ["/jwks.json"]
        keys[:] = [jwk(key("ES256", "next"), kid="two")]
        stage.clock.advance(301)
        old = {**ASK, **assertion(stage, client)}
        assert refusal(await post(stage.http, "/token", old)) == (401, "invalid_client")
        new = {**ASK, **assertion(stage, client, key("ES256", "next"))}
        assert (await post(stage.http, "/token", new)).status_code == 200
        assert len(asked) == 2


@pytest.mark.parametrize("uri", ["http://127.0.0.1:9/jwks.json", "https://10.0.0.1/jwks.json"])
async def test_a_jwks_uri_that_gives_nothing_lets_nobody_in(stage: Stage, uri: str) -> None:
    client = await machine(stage, jwks={}, jwks_uri=uri)
    assert refusal(await post(stage.http, "/token", {**ASK, **assertion(stage, client)})) == (
        401,
        "invalid_client",
    )


async def test_a_new_key_holds_at_once_and_the_old_one_no_longer(stage: Stage) -> None:
    """The client is kept for some seconds, but no longer than its registration stays as it was."""
    client = await machine(stage)
    assert (await post(stage.http, "/token", {**ASK, **assertion(stage, client)})).status_code == 200
    renewed = {**METHOD, "jwks": {"keys": [jwk(key("ES256", "next"))]}, "grant_types": ["client_credentials"]}
    await stage.database.transact(clients.set_metadata, client, renewed, now=stage.clock())
    old, new = assertion(stage, client), assertion(stage, client, key("ES256", "next"))
    assert refusal(await post(stage.http, "/token", {**ASK, **old})) == (401, "invalid_client")
    assert (await post(stage.http, "/token", {**ASK, **new})).status_code == 200
