"""Every refusal of `/authorize`: a page while nobody is known, from then on a redirect with `state` and `iss`."""

from typing import Any

import pytest

from broker.store import clients
from tests.stage import PUBLIC, PUBLIC_REDIRECT, WEB, WEB_REDIRECT, HeldClock
from tests.web.front import ISSUER, Front, query_of, question

# What was changed in a good request, and the error code on the page (RFC 6749 §4.1.2.1).
SHOWN: list[tuple[dict[str, Any], str]] = [
    ({"client_id": None}, "invalid_request"),
    ({"client_id": ""}, "invalid_request"),
    ({"client_id": "cli_nobody"}, "invalid_client"),
    ({"client_id": "cli_web\x00"}, "invalid_request"),
    ({"client_id": [WEB, WEB]}, "invalid_request"),
    ({"request_uri": "urn:ietf:params:oauth:request_uri:unheard-of"}, "invalid_request_uri"),
    ({"redirect_uri": None}, "invalid_request"),
    ({"redirect_uri": [WEB_REDIRECT, WEB_REDIRECT]}, "invalid_request"),
    ({"redirect_uri": [WEB_REDIRECT, "https://evil.example/"]}, "invalid_request"),
    *(
        ({"redirect_uri": uri}, "invalid_request")
        for uri in (
            "https://evil.example/callback",
            WEB_REDIRECT + "/",
            WEB_REDIRECT + "?x=1",
            WEB_REDIRECT + "#x",
            WEB_REDIRECT + ".evil.example",
            WEB_REDIRECT[:-1],
            WEB_REDIRECT.upper(),
            WEB_REDIRECT.replace("https", "http"),
            WEB_REDIRECT.replace("app.example", "app.example:443"),
            WEB_REDIRECT.replace("app.example", "app.example@evil.example"),
            WEB_REDIRECT.replace("app.example", "app.example\\@evil.example"),
            WEB_REDIRECT.replace("app.example", "app.example."),
            WEB_REDIRECT.replace("/callback", "/%63allback"),
            WEB_REDIRECT.replace("/callback", "/x/../callback"),
            " " + WEB_REDIRECT,
            WEB_REDIRECT + "\n",
            "//app.example/callback",
            "javascript:alert(1)",
        )
    ),
]

# What was changed, and the error that the app hears.
REDIRECTED: list[tuple[dict[str, Any], str]] = [
    ({"response_type": None}, "invalid_request"),
    ({"response_type": "token"}, "unsupported_response_type"),
    ({"response_type": "code id_token"}, "unsupported_response_type"),
    ({"response_mode": "fragment"}, "invalid_request"),
    ({"response_mode": "form_post.jwt"}, "invalid_request"),
    ({"response_mode": "web_message"}, "invalid_request"),
    ({"response_mode": ["query", "form_post"]}, "invalid_request"),
    ({"request": "eyJ"}, "request_not_supported"),
    ({"request_uri": "urn:x"}, "request_uri_not_supported"),
    ({"request_uri": "https://app.example/request.jwt"}, "request_uri_not_supported"),
    ({"registration": "{}"}, "registration_not_supported"),
    ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
    ({"code_challenge": None}, "invalid_request"),
    ({"code_challenge_method": None}, "invalid_request"),
    ({"code_challenge_method": "plain"}, "invalid_request"),
    ({"code_challenge_method": "s256"}, "invalid_request"),
    ({"code_challenge": "short"}, "invalid_request"),
    ({"code_challenge": "=" * 43}, "invalid_request"),
    ({"code_challenge": "a" * 44}, "invalid_request"),
    ({"scope": 'a"b'}, "invalid_scope"),
    ({"scope": ["openid", "profile"]}, "invalid_request"),
    ({"nonce": "n" * 501}, "invalid_request"),
    ({"nonce": "é"}, "invalid_request"),
    ({"nonce": ["a", "b"]}, "invalid_request"),
    ({"prompt": "none"}, "login_required"),
    ({"prompt": "none login"}, "invalid_request"),
    ({"prompt": "create"}, "invalid_request"),
    ({"max_age": "-1"}, "invalid_request"),
    ({"max_age": "soon"}, "invalid_request"),
    ({"max_age": ["1", "2"]}, "invalid_request"),
    ({"id_token_hint": "not.a.jwt"}, "invalid_request"),
    ({"dpop_jkt": "short"}, "invalid_request"),
    ({"resource": "https://api.example/"}, "invalid_target"),
    ({"ui_locales": ["en", "de"]}, "invalid_request"),
    ({"state": "s" * 1_501}, "invalid_request"),
    ({"state": "ü"}, "invalid_request"),
]


async def test_without_a_known_client_and_its_redirect_uri_there_is_a_page_and_no_redirect(front: Front) -> None:
    for change, error in SHOWN:
        answer = await front.authorize(**change)
        assert (answer.status_code, "location" in answer.headers) == (400, False), change
        assert f"<code>{error}</code>" in answer.text, change
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "set-cookie" not in answer.headers


async def test_other_refusals_go_to_the_app_with_description_state_and_iss(front: Front) -> None:
    for change, error in REDIRECTED:
        answer = await front.authorize(**change)
        assert answer.status_code == 302, change
        address, _, _ = answer.headers["location"].partition("?")
        told = query_of(answer.headers["location"])
        assert address == WEB_REDIRECT
        assert told.pop("error") == [error], change
        (description,) = told.pop("error_description")
        assert description.isascii(), change
        assert not set(description) & set('"\\')
        assert description.endswith(".")
        assert told == {"state": [change.get("state", "the-state")], "iss": [ISSUER]}, change
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("state", [["a", "b"], "a\nb"])
async def test_a_state_that_cannot_be_read_is_not_echoed(front: Front, state: object) -> None:
    told = query_of((await front.authorize(state=state)).headers["location"])
    assert told["error"] == ["invalid_request"]
    assert "state" not in told


async def test_of_several_faults_the_first_in_order_is_named(front: Front) -> None:
    """Redirect URI before everything, then unsupported parameters, response type, state, PKCE, nonce, prompt."""
    change: dict[str, Any] = {
        "prompt": "none",
        "nonce": "n" * 501,
        "code_challenge": None,
        "state": "s" * 1_501,
        "response_type": "token",
        "request": "eyJ",
        "redirect_uri": "https://evil.example/",
    }
    found = []
    while change:
        answer = await front.authorize(**change)
        location = answer.headers.get("location")
        found.append(query_of(location)["error_description"][0].split()[1] if location else "page")
        change.popitem()
    assert found == ["page", "parameter", "response_type", "state", "is", "nonce", "is"]


async def test_a_disabled_client_is_nobody(front: Front) -> None:
    await front.database.transact(clients.disable, WEB, now=1)
    answer = await front.authorize()
    assert answer.status_code == 400
    assert "location" not in answer.headers


async def test_what_was_registered_a_second_ago_counts(front: Front, clock: HeldClock) -> None:
    """A copy of the client is kept for longer, and nobody is refused because of it."""
    new = "https://app.example/new"
    assert (await front.authorize(redirect_uri=new)).status_code == 400
    registered = {"redirect_uris": [WEB_REDIRECT, new]}
    await front.database.transact(clients.set_metadata, WEB, registered, now=1)
    clock.advance(1)
    assert (await front.authorize(redirect_uri=new)).status_code == 302
    await front.database.transact(clients.disable, WEB, now=1)
    clock.advance(1)
    assert (await front.authorize(redirect_uri="https://evil.example/")).status_code == 400
    await front.database.transact(clients.enable, WEB, now=1)
    clock.advance(1)
    assert (await front.authorize()).status_code == 302


async def test_a_native_app_may_come_with_any_port_on_its_loopback_address_only(front: Front) -> None:
    """RFC 8252 §7.3."""
    for port in (":49152", ":1", ""):
        uri = PUBLIC_REDIRECT.replace("127.0.0.1", "127.0.0.1" + port)
        assert (await front.authorize(PUBLIC, redirect_uri=uri)).status_code == 302
    for uri in ("http://localhost:49152/callback", "http://127.0.0.2/callback", "http://127.0.0.1:/callback"):
        assert (await front.authorize(PUBLIC, redirect_uri=uri)).status_code == 400


async def test_a_web_app_on_loopback_comes_with_its_own_port(front: Front, clock: HeldClock) -> None:
    metadata = {"redirect_uris": ["http://127.0.0.1:8080/callback"]}
    await front.database.transact(clients.add, "cli_local", metadata, b"x" * 32, now=clock())
    for port, status in (("8080", 302), ("8081", 400)):
        answer = await front.authorize("cli_local", redirect_uri=f"http://127.0.0.1:{port}/callback")
        assert answer.status_code == status


@pytest.mark.parametrize("query", ["client_id=%ff", "client_id=%c3%28", "a=1&" * 101, "%ed%a0%80=1", "a=\x80"])
async def test_an_unreadable_query_is_a_page(front: Front, query: str) -> None:
    answer = await front.http.get(f"/authorize?{query}")
    assert answer.status_code == 400
    assert "<code>invalid_request</code>" in answer.text


async def test_a_query_beyond_16_kib_is_too_large(front: Front) -> None:
    exactly = "client_id=" + "x" * (16_384 - len("client_id="))
    assert (await front.http.get(f"/authorize?{exactly}")).status_code == 400
    answer = await front.http.get(f"/authorize?{exactly}x")
    assert answer.status_code == 413
    assert "16 KiB" in answer.text


async def test_a_client_may_waive_pkce_only_when_it_is_registered_so(front: Front, clock: HeldClock) -> None:
    waived = {"redirect_uris": [WEB_REDIRECT], "no_pkce": True}
    await front.database.transact(clients.add, "cli_waived", waived, b"x" * 32, now=clock())
    bare = question("cli_waived", redirect_uri=WEB_REDIRECT, code_challenge=None, code_challenge_method=None)
    assert (await front.http.get("/authorize", params=bare)).headers["location"].startswith("https://tiktok")
    # A challenge that is sent is still held to S256.
    plain = bare | {"code_challenge": "a" * 43}
    told = query_of((await front.http.get("/authorize", params=plain)).headers["location"])
    assert told["error"] == ["invalid_request"]
