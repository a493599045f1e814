"""Pushed authorization requests (RFC 9126): kept a minute for the app that pushed them, spent with their code."""

import asyncio
from typing import Any

import httpx

from tests.by_hand import execute
from tests.client_auth.signing import jwk, key
from tests.journeys.tables import changed, contents, written
from tests.provider.proving import API_SECRET, assertion, post, refusal, register
from tests.provider.visiting import enter, to_app, to_tiktok, told
from tests.stage import PUBLIC, WEB, WEB_REDIRECT, WEB_SECRET, Stage

PREFIX = "urn:ietf:params:oauth:request_uri:"
AUTH = (WEB, WEB_SECRET)
AUDIENCE = ["https://one.example/", "https://two.example/"]


async def push(stage: Stage, **changes: str) -> str:
    """Push a good request of the web app, with changes; the `request_uri`."""
    answer = await post(stage.http, "/par", stage.question(**changes), auth=AUTH)
    assert answer.status_code == 201, answer.text
    request_uri: str = answer.json()["request_uri"]
    return request_uri


async def visit(
    stage: Stage, browser: httpx.AsyncClient, request_uri: str, client_id: str = WEB, **more: str
) -> httpx.Response:
    return await stage.authorize(browser, {"client_id": client_id, "request_uri": request_uri, **more})


def assert_unknown(answer: httpx.Response) -> None:
    """Nobody knows who asked, so it is a page."""
    assert (answer.status_code, "location" in answer.headers) == (400, False)
    assert "<code>invalid_request_uri</code>" in answer.text


async def test_a_pushed_request_is_answered_as_if_it_had_been_sent(stage: Stage) -> None:
    """§2.2: 201, JSON, not to be cached; §4: the browser brings nothing but the reference."""
    answer = await post(stage.http, "/par", stage.question(state="pushed", nonce="pushed-nonce"), auth=AUTH)
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    pushed = answer.json()
    assert set(pushed) == {"request_uri", "expires_in"}
    assert pushed["expires_in"] == 60
    assert pushed["request_uri"].startswith(PREFIX)
    browser = await stage.browser()
    sent = await visit(stage, browser, pushed["request_uri"])
    back = await browser.get(await stage.consent(browser, sent.headers["location"]))
    told_app = to_app(stage, back)
    assert told_app["state"] == "pushed"
    tokens = (await stage.redeem(told_app["code"])).json()
    assert told(tokens)["nonce"] == "pushed-nonce"
    # From a session, too.
    again = await visit(stage, browser, await push(stage, state="again"))
    assert to_app(stage, again)["state"] == "again"


async def test_it_is_spent_when_its_code_is_issued_and_not_by_looking(stage: Stage) -> None:
    """§7.3: a page that is loaded again on the way to TikTok goes on; a second code there is not."""
    first, second = await stage.browser(), await stage.browser()
    request_uri = await push(stage)
    for _ in range(2):
        sent = await visit(stage, first, request_uri)
    other = await visit(stage, second, request_uri)
    callback = await stage.consent(first, sent.headers["location"])
    late = await stage.consent(second, other.headers["location"])
    assert "code" in to_app(stage, await first.get(callback))
    before = await contents(stage.database)
    refused = await second.get(late)
    assert (refused.status_code, "cannot go on here" in refused.text) == (400, True)
    assert "broker_session" not in second.cookies
    assert await changed(stage.database, before) == [("sign_in.refused", "login_spent")]
    for browser in (first, second):
        assert_unknown(await visit(stage, browser, request_uri))


async def test_two_browsers_racing_with_one_request_get_one_code(stage: Stage) -> None:
    browsers = [await stage.browser() for _ in range(4)]
    for browser in browsers[:2]:
        await enter(stage, browser)
    grants = (await written(stage.database))["grants"]
    request_uri = await push(stage)
    # Two come from TikTok, two are signed in here.
    callbacks = []
    for browser in browsers[2:]:
        sent = await visit(stage, browser, request_uri)
        callbacks.append(await stage.consent(browser, sent.headers["location"]))
    answers = await asyncio.gather(
        *(browser.get(callback) for browser, callback in zip(browsers[2:], callbacks, strict=True)),
        *(visit(stage, browser, request_uri) for browser in browsers[:2]),
    )
    locations = [answer.headers.get("location", "") for answer in answers]
    assert len([location for location in locations if "code=" in location]) == 1
    assert (await written(stage.database))["grants"] == grants + 1


async def test_the_minute_is_to_the_second_and_for_the_first_visit_only(stage: Stage) -> None:
    early, late = await stage.browser(), await stage.browser()
    request_uri = await push(stage)
    stage.clock.advance(59)
    sent = await visit(stage, early, request_uri)
    stage.clock.advance(1)
    assert_unknown(await visit(stage, late, request_uri))
    stage.clock.advance(100)
    callback = await stage.consent(early, sent.headers["location"])
    assert "code" in to_app(stage, await early.get(callback))


async def test_it_belongs_to_the_app_that_pushed_it(file_stage: Stage) -> None:
    """§2.2, §7.1: nobody else's reference, nor a guessed one."""
    stage, browser = file_stage, await file_stage.browser()
    await register(stage, "cli_other", secret=API_SECRET, redirect_uris=[WEB_REDIRECT])
    request_uri = await push(stage)
    for client_id in (PUBLIC, "cli_other"):
        assert_unknown(await visit(stage, browser, request_uri, client_id))
    secret = request_uri.removeprefix(PREFIX)
    for forged in ("", "x", secret[:-1], secret + "a", secret.swapcase(), f"{secret} ", f"%20{secret}"):
        assert_unknown(await visit(stage, browser, PREFIX + forged, redirect_uri=WEB_REDIRECT))
    # Anything else is a request by reference, which nobody fetches.
    answer = to_app(stage, await visit(stage, browser, secret, redirect_uri=WEB_REDIRECT))
    assert answer["error"] == "request_uri_not_supported"
    assert to_tiktok(stage, await visit(stage, browser, request_uri))


async def test_other_parameters_of_the_visit_are_ignored(file_stage: Stage) -> None:
    """§4: what the app authenticated for cannot be added to on the way through the browser."""
    stage, browser = file_stage, await file_stage.browser()
    await enter(stage, browser)
    more = {
        "redirect_uri": "https://evil.example/",
        "state": "theirs",
        "scope": "openid",
        "prompt": "none login",
        "response_type": "token",
        "response_mode": "form_post",
        "code_challenge": "x",
        "request": "eyJ",
        "id_token_hint": "x",
    }
    answer = to_app(stage, await visit(stage, browser, await push(stage), **more))
    assert answer["state"] == "the-state"
    tokens = (await stage.redeem(answer["code"])).json()
    assert tokens["scope"] == "openid profile offline_access"


async def test_an_app_may_be_held_to_pushing(file_stage: Stage) -> None:
    """§5, §6 `require_pushed_authorization_requests`."""
    stage, browser = file_stage, await file_stage.browser()
    flag: dict[str, Any] = {"require_pushed_authorization_requests": True}
    await register(stage, "cli_pushes", secret=WEB_SECRET, redirect_uris=[WEB_REDIRECT], **flag)
    question = stage.question("cli_pushes", redirect_uri=WEB_REDIRECT)
    for changes in ({}, {"prompt": "none"}):
        answer = to_app(stage, await stage.authorize(browser, question | changes))
        assert (answer["error"], answer["state"]) == ("invalid_request", "the-state")
    pushed = await post(stage.http, "/par", question, auth=("cli_pushes", WEB_SECRET))
    assert to_tiktok(stage, await visit(stage, browser, pushed.json()["request_uri"], "cli_pushes"))


async def test_faults_are_told_where_they_are_pushed(file_stage: Stage) -> None:
    """§2.3: as the token endpoint does, and nothing is kept."""
    for changes, expected in (
        ({"request_uri": PREFIX + "x"}, "invalid_request"),
        ({"request_uri": "https://app.example/request.jwt"}, "invalid_request"),
        ({"request": "eyJ"}, "request_not_supported"),
        ({"redirect_uri": "https://evil.example/"}, "invalid_request"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"scope": 'a"b'}, "invalid_scope"),
        ({"resource": "https://unheard.example/"}, "invalid_target"),
        ({"state": "s" * 1_501}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"max_age": "x"}, "invalid_request"),
        ({"client_id": PUBLIC}, "invalid_request"),
        ({"pad": "x" * 17_000}, "invalid_request"),
    ):
        form: dict[str, str | None] = {**file_stage.question(), **changes}
        given = {name: value for name, value in form.items() if value is not None}
        answer = await post(file_stage.http, "/par", given, auth=AUTH)
        assert refusal(answer) == (413 if "pad" in changes else 400, expected), changes
    for auth, more in (((WEB, "wrong"), {}), (None, {}), (None, {"client_secret": WEB_SECRET})):
        answer = await post(file_stage.http, "/par", file_stage.question() | more, auth=auth)
        assert refusal(answer) == (401, "invalid_client")
    assert (await contents(file_stage.database))["pushed_requests"] == []


async def test_an_app_that_proves_nothing_can_push_nothing(file_stage: Stage) -> None:
    """What anybody may send must leave no row."""
    answer = await post(file_stage.http, "/par", file_stage.question(PUBLIC))
    assert refusal(answer) == (400, "unauthorized_client")
    assert (await contents(file_stage.database))["pushed_requests"] == []


async def test_resources_pushed_survive_and_credentials_are_not_kept(file_stage: Stage) -> None:
    """RFC 8707 §2 for the repeated parameter."""
    stage, browser = file_stage, await file_stage.browser()
    ways: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
        "cli_post": ({"token_endpoint_auth_method": "client_secret_post"}, {"client_secret": API_SECRET}),
        "cli_signs": (
            {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [jwk(key("ES256"))]}},
            assertion(stage, "cli_signs"),
        ),
    }
    await enter(stage, browser)
    for client_id, (metadata, credentials) in ways.items():
        common = {"redirect_uris": [WEB_REDIRECT], "audience": AUDIENCE}
        await register(stage, client_id, secret=API_SECRET, **common, **metadata)
        form = stage.question(client_id, redirect_uri=WEB_REDIRECT) | credentials
        pushed = await stage.http.post("/par", data=form | {"resource": AUDIENCE})
        assert pushed.status_code == 201, pushed.text
        assert "code" in to_app(stage, await visit(stage, browser, pushed.json()["request_uri"], client_id))
        kept = await contents(stage.database)
        assert [row["resources"] for row in kept["grants"] if row["client_id"] == client_id] == [
            " ".join(AUDIENCE)
        ]
        for secret in (*credentials.values(), pushed.json()["request_uri"]):
            assert secret not in repr(kept["pushed_requests"])
        assert "client_assertion" not in repr(kept["pushed_requests"])


async def test_a_request_pushed_before_the_app_changed_is_held_to_what_holds_now(file_stage: Stage) -> None:
    """§7.4: the redirect URI may have been taken away in that minute."""
    stage, browser = file_stage, await file_stage.browser()
    request_uri = await push(stage)
    changed = '{"redirect_uris": ["https://new.example/callback"]}'
    await execute(stage.database, f"UPDATE clients SET client_metadata = '{changed}', version = 2")
    stage.clock.advance(5)
    answer = await visit(stage, browser, request_uri)
    assert (answer.status_code, "location" in answer.headers) == (400, False)
