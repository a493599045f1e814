"""A parameter counts once, and only where it belongs: repeated, or in the query of a POST, it opens nothing.

RFC 6749 §3.1, §3.2 and §2.3.1; RFC 6750 §2.
"""

from urllib.parse import urlencode

import httpx

from tests.attacks.attacker import code_form, pushed, signed_in
from tests.stage import PUBLIC, WEB, WEB_SECRET, Stage, answer_in

FORM = {"content-type": "application/x-www-form-urlencoded"}


async def posted(stage: Stage, path: str, pairs: list[tuple[str, str]], query: str = "") -> httpx.Response:
    address = f"{path}?{query}" if query else path
    return await stage.http.post(address, content=urlencode(pairs), headers=FORM, auth=(WEB, WEB_SECRET))


async def test_a_repeated_field_is_refused_at_every_back_channel_endpoint_and_spends_nothing(
    file_stage: Stage,
) -> None:
    browser, tokens = await signed_in(file_stage)
    sent = await file_stage.authorize(browser, file_stage.question())
    code = answer_in(sent.headers["location"])["code"]
    forms: dict[str, dict[str, str]] = {
        "/token": code_form(code),
        "/par": file_stage.question(),
        "/introspect": {"token": tokens["access_token"]},
        "/revoke": {"token": tokens["access_token"]},
    }
    for path, form in forms.items():
        for name, value in form.items():
            for again in (value, "another"):
                answer = await posted(file_stage, path, [*form.items(), (name, again)])
                assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request"), (path, name)
        unknown = await posted(file_stage, path, [*form.items(), ("unheard", "of"), ("unheard", "of")])
        assert unknown.status_code == 400, path
    assert (await file_stage.redeem(code)).status_code == 200
    assert (await file_stage.userinfo(tokens["access_token"])).status_code == 200


async def test_what_a_post_needs_is_never_taken_from_its_query(file_stage: Stage) -> None:
    """Credentials and tokens in an address would be in every log on the way (RFC 6749 §2.3.1, RFC 9700 §4.3.2)."""
    browser, tokens = await signed_in(file_stage)
    sent = await file_stage.authorize(browser, file_stage.question())
    form = code_form(answer_in(sent.headers["location"])["code"])
    for path, fields in (
        ("/token", form),
        ("/par", file_stage.question()),
        ("/introspect", {"token": tokens["access_token"]}),
        ("/revoke", {"token": tokens["refresh_token"]}),
    ):
        for name in fields:
            rest = [pair for pair in fields.items() if pair[0] != name]
            answer = await posted(file_stage, path, rest, urlencode({name: fields[name]}))
            # Of a pushed request some fields are optional: what is in the query must then not have counted.
            if answer.status_code == 201:
                visit = {"client_id": WEB, "request_uri": answer.json()["request_uri"]}
                back = answer_in((await file_stage.authorize(browser, visit)).headers["location"])
                assert name in ("client_id", "scope", "state", "nonce"), name
                assert name != "state" or "state" not in back
            else:
                assert answer.status_code in (400, 401), (path, name)
    body = urlencode(form)
    in_query = await file_stage.http.post(
        f"/token?client_id={WEB}&client_secret={WEB_SECRET}", content=body, headers=FORM
    )
    assert (in_query.status_code, in_query.json()["error"]) == (401, "invalid_client")
    assert (await posted(file_stage, "/token", list(form.items()), "code=x&grant_type=y")).status_code == 200
    for where in ({"params": {"access_token": tokens["access_token"]}}, {"params": {"token": "x"}}):
        assert (await file_stage.http.get("/userinfo", **where)).status_code == 401


async def test_a_form_at_authorize_counts_alone_and_a_repeated_parameter_goes_to_the_app(
    file_stage: Stage,
) -> None:
    browser, _ = await signed_in(file_stage)
    form = file_stage.question(state="from-the-body")
    address = (
        f"{file_stage.issuer}/authorize?client_id={PUBLIC}&state=from-the-query&redirect_uri=https://evil.example/"
    )
    answer = await browser.post(address, data=form)
    assert answer_in(answer.headers["location"])["state"] == "from-the-body"
    for name in ("client_id", "redirect_uri", "request_uri"):
        query = urlencode([*form.items(), (name, "x"), (name, "y")])
        shown = await browser.get(f"{file_stage.issuer}/authorize?{query}")
        assert (shown.status_code, "location" in shown.headers) == (400, False), name
    for name in ("scope", "state", "nonce", "response_type", "code_challenge", "prompt", "unheard"):
        query = urlencode([*form.items(), (name, "code"), (name, "none")])
        told = answer_in((await browser.get(f"{file_stage.issuer}/authorize?{query}")).headers["location"])
        assert told["error"] == "invalid_request", name
        assert ("state" in told) == (name != "state")


async def test_the_query_beside_a_pushed_request_changes_nothing(file_stage: Stage) -> None:
    """RFC 9126 §4; RFC 9101 §6.3: the request is what was pushed."""
    browser, _ = await signed_in(file_stage)
    visit = {
        "client_id": WEB,
        "request_uri": await pushed(file_stage, state="pushed", scope="openid"),
        "state": "query",
        "scope": "openid profile offline_access",
        "code_challenge": "x" * 43,
        "nonce": "query",
    }
    answer = answer_in((await file_stage.authorize(browser, visit)).headers["location"])
    assert answer["state"] == "pushed"
    tokens = (await file_stage.redeem(answer["code"])).json()
    assert tokens["scope"] == "openid"


async def test_two_ways_to_show_a_token_or_a_client_are_refused(file_stage: Stage) -> None:
    _, tokens = await signed_in(file_stage)
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    twice = await file_stage.http.post("/userinfo", data={"access_token": tokens["access_token"]}, headers=bearer)
    assert (twice.status_code, twice.json()["error"]) == (400, "invalid_request")
    for form in (
        {"client_id": WEB, "client_secret": WEB_SECRET},
        {"client_secret": WEB_SECRET},
        {"client_assertion": "a.b.c"},
        {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
        {"client_id": PUBLIC},
    ):
        answer = await file_stage.http.post("/introspect", data={"token": "x", **form}, auth=(WEB, WEB_SECRET))
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request"), form
