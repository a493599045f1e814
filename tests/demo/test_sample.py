"""The sample app alone: what it promises whatever the broker answers."""

import httpx2
import pytest

from broker.demo.browser import Browser
from broker.demo.sample.pages import image_source
from broker.demo.sample.sessions import COOKIE
from tests.demo.stage import Stage


def raw(browser: Browser) -> httpx2.AsyncClient:
    """The browser's HTTP client, for looking at headers."""
    return browser._http


async def test_the_button_leads_through_the_broker_to_a_page_with_the_profile(stage: Stage) -> None:
    page = await stage.sign_in()
    assert page.url == f"{stage.app}/"
    assert page.shown("display-name") == 'Ada <script>alert("x")</script> & Co'
    assert page.shown("union-id") == "u-1"
    assert page.shown("sub") == "usr_1"
    asked = stage.provider.asked[0]
    assert asked["scope"] == "openid profile offline_access"
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert "code_verifier" in stage.provider.redeemed[0]


async def test_both_tokens_are_shown_raw_and_decoded_with_their_times_in_words(stage: Stage) -> None:
    page = await stage.sign_in()
    assert page.shown("raw-id-token").count(".") == 2
    shown = page.shown("access-token")
    assert '"typ": "at+jwt"' in shown
    assert '"client_id": "cli_sample"' in shown
    assert "UTC, in 10 minutes" in shown or "UTC, in 9 minutes" in shown
    assert "1 minute ago" in page.shown("id-token")


async def test_the_refresh_token_is_on_no_page_and_no_token_is_in_a_cookie(stage: Stage) -> None:
    await stage.sign_in()
    response = await raw(stage.browser).get(f"{stage.app}/")
    assert "brt_1" not in response.text
    assert [cookie.name for cookie in raw(stage.browser).cookies.jar] == [COOKIE]
    assert len(str(raw(stage.browser).cookies[COOKIE])) < 80


async def test_pages_run_no_script_load_the_picture_and_are_kept_by_no_cache(stage: Stage) -> None:
    await stage.sign_in()
    response = await raw(stage.browser).get(f"{stage.app}/")
    assert "<script" not in response.text
    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'")
    assert f"img-src 'self' {stage.provider.issuer};" in policy
    assert f"form-action 'self' {stage.provider.issuer};" in policy
    assert response.headers["cache-control"] == "no-store"


async def test_signing_in_changes_the_cookie(stage: Stage) -> None:
    """A cookie planted in a browser before the sign-in is worth nothing after it (session fixation)."""
    await stage.sign_in()
    first = raw(stage.browser).cookies[COOKIE]
    await stage.sign_in()
    assert raw(stage.browser).cookies[COOKIE] != first
    old = await raw(stage.browser).get(f"{stage.app}/", headers={"cookie": f"{COOKIE}={first}"})
    assert "display-name" not in old.text


async def test_the_session_ends_after_eight_hours(stage: Stage) -> None:
    await stage.sign_in()
    stage.clock.now += 8 * 3600
    assert "sign-in" in (await stage.browser.open(f"{stage.app}/")).links


async def test_refresh_spends_the_refresh_token_and_shows_new_tokens(stage: Stage) -> None:
    before = await stage.sign_in()
    page = await stage.browser.submit(before, "/refresh")
    assert page.shown("raw-access-token") != before.shown("raw-access-token")
    assert "New tokens" in page.shown("notice")
    await stage.browser.submit(page, "/refresh")
    assert [sent["refresh_token"] for sent in stage.provider.redeemed[1:]] == ["brt_1", "brt_2"]


async def test_a_refresh_that_is_refused_ends_the_sign_in_with_a_sentence(stage: Stage) -> None:
    page = await stage.sign_in()
    stage.provider.refusal = "invalid_grant"
    page = await stage.browser.submit(page, "/refresh")
    assert "has ended" in page.shown("trouble")
    assert "<b>because</b>" in page.text
    assert "sign-in" in (await stage.browser.open(f"{stage.app}/")).links


async def test_a_refresh_that_names_somebody_else_signs_nobody_in(stage: Stage) -> None:
    page = await stage.sign_in()
    stage.provider.claims = {"sub": "usr_2"}
    page = await stage.browser.submit(page, "/refresh")
    assert "has ended" in page.shown("trouble")
    assert "sign-in" in (await stage.browser.open(f"{stage.app}/")).links


async def test_the_backend_call_shows_what_the_api_answered(stage: Stage) -> None:
    page = await stage.browser.submit(await stage.sign_in(), "/call-backend")
    assert page.shown("backend-status") == "200"
    assert '"sub": "usr_1"' in page.shown("backend-answer")


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ({"error": "access_denied"}, "did not get your permission"),
        ({"error": "temporarily_unavailable"}, "TikTok is not answering"),
        ({"error": "server_error"}, "could not finish"),
        ({"error": "invalid_scope"}, "set up wrongly"),
        ({"error": "from_the_future"}, "did not work"),
    ],
)
async def test_every_error_of_the_broker_becomes_a_sentence_and_a_way_on(
    stage: Stage, answer: dict[str, str], sentence: str
) -> None:
    stage.provider.answer = answer
    page = await stage.sign_in()
    assert sentence in page.shown("trouble")
    assert page.shown("error") == answer["error"]
    assert page.shown("what-to-do")
    assert page.links["sign-in"] == "/login"


@pytest.mark.parametrize("answer", [{"state": "another"}, {"iss": "https://evil.example"}])
async def test_an_answer_that_is_not_ours_redeems_no_code(stage: Stage, answer: dict[str, str]) -> None:
    """RFC 6749 §10.12 and RFC 9207 §2.4."""
    stage.provider.answer = {"code": "brc_1", **answer}
    page = await stage.sign_in()
    assert "does not belong" in page.shown("trouble")
    assert stage.provider.redeemed == []


async def test_an_error_nobody_asked_for_shows_none_of_its_words(stage: Stage) -> None:
    page = await stage.browser.open(
        f"{stage.app}/callback?error=access_denied&error_description=Call+0900+123&state=x"
        f"&iss={stage.provider.issuer}"
    )
    assert page.status == 400
    assert "0900" not in page.text
    assert "does not belong" in page.shown("trouble")


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"aud": "cli_other"},
        {"iss": "https://evil.example"},
        {"exp": 1},
        {"at_hash": "x"},
    ],
)
async def test_a_wrong_id_token_signs_nobody_in(stage: Stage, claims: dict[str, object]) -> None:
    stage.provider.claims = claims
    page = await stage.sign_in()
    assert page.status == 502
    assert "could not be trusted" in page.shown("trouble")
    assert "sign-in" in (await stage.browser.open(f"{stage.app}/")).links


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"access_token": "a", "token_type": "Bearer"}'])
async def test_an_answer_that_is_no_answer_is_a_page_and_not_a_crash(stage: Stage, body: bytes) -> None:
    stage.provider.token_body = body
    page = await stage.sign_in()
    assert page.status == 502
    assert "does not answer as it should" in page.shown("trouble")


async def test_sign_out_goes_to_the_brokers_logout_where_there_is_one(stage: Stage) -> None:
    stage.provider.metadata = {"end_session_endpoint": f"{stage.provider.issuer}/logout"}
    page = await stage.sign_in()
    id_token = page.shown("raw-id-token")
    page = await stage.browser.submit(page, "/sign-out")
    assert "of the broker" in page.shown("notice")
    assert stage.provider.revoked == [id_token]
    assert "sign-in" in page.links


async def test_sign_out_revokes_the_refresh_token_where_there_is_no_logout(stage: Stage) -> None:
    stage.provider.metadata = {"revocation_endpoint": f"{stage.provider.issuer}/revoke"}
    page = await stage.browser.submit(await stage.sign_in(), "/sign-out")
    assert stage.provider.revoked == ["brt_1"]
    assert page.shown("notice") == "You are signed out of this app."


async def test_sign_out_holds_here_when_the_broker_cannot_be_told(stage: Stage) -> None:
    stage.provider.metadata = {"revocation_endpoint": "http://localhost:9/revoke"}
    page = await stage.browser.submit(await stage.sign_in(), "/sign-out")
    assert "could not be told" in page.shown("notice")
    assert "sign-in" in page.links


async def test_a_bare_visit_to_signed_out_is_a_page(stage: Stage) -> None:
    page = await stage.browser.open(f"{stage.app}/signed-out")
    assert page.status == 400
    assert "sign-in" in page.links


@pytest.mark.parametrize("origin", [None, "null", "http://localhost:1", "https://evil.example"])
@pytest.mark.parametrize("path", ["/refresh", "/call-backend", "/sign-out"])
async def test_a_form_posted_from_elsewhere_is_refused(stage: Stage, path: str, origin: str | None) -> None:
    await stage.sign_in()
    headers = {} if origin is None else {"origin": origin}
    response = await raw(stage.browser).post(f"{stage.app}{path}", headers=headers)
    assert response.status_code == 403
    assert "display-name" in (await raw(stage.browser).get(f"{stage.app}/")).text


async def test_another_name_for_the_app_leads_to_its_own(stage: Stage) -> None:
    """DNS rebinding finds nothing, and 127.0.0.1 does not lose its cookies on the way."""
    response = await raw(stage.browser).get(f"{stage.app}/callback?code=x", headers={"host": "evil.example"})
    assert response.status_code == 307
    assert response.headers["location"] == f"{stage.app}/"


@pytest.mark.parametrize("path", ["/refresh", "/call-backend", "/sign-out"])
async def test_the_buttons_do_no_harm_to_somebody_who_is_not_signed_in(stage: Stage, path: str) -> None:
    page = await stage.browser.submit(await stage.browser.open(f"{stage.app}/"), path)
    assert page.status == 200
    assert "sign-in" in page.links


@pytest.mark.parametrize("cookie", ["", "x", "=;=", f"{COOKIE}=", f"{COOKIE}=a; {COOKIE}=b", "\x80[]{}=\\"])
async def test_no_cookie_header_breaks_a_page(stage: Stage, cookie: str) -> None:
    response = await raw(stage.browser).get(f"{stage.app}/", headers={b"cookie": cookie.encode("latin-1")})
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("url", "source"),
    [
        ("https://p16.tiktokcdn.com/a.jpeg?x=1&y=2", "https://p16.tiktokcdn.com"),
        ("http://localhost:8002/avatars/1", "http://localhost:8002"),
        ("http://example.com/a.png", ""),
        ("javascript:alert(1)", ""),
        ("https://a b.example/", ""),
        ("https://x.example; script-src *", ""),
        ("https://user@x.example/", ""),
        ("https://[::1/", ""),
        (None, ""),
        (7, ""),
    ],
)
def test_only_a_plain_origin_enters_the_picture_policy(url: object, source: str) -> None:
    assert image_source(url) == source
