"""The calls apart from a sign-in: refreshing, revoking, and proving key and secret."""

from typing import Any

import httpx
import pytest
import respx

from broker.opaque import Secret
from broker.upstream.connector import Approval, Misconfigured, Rejected, TokenPair, Unavailable, UpstreamError
from broker.upstream.tiktok import TikTok
from broker.upstream.tiktok_answers import Issued

NOW = 1_800_000_000
TOKEN_URL = "https://open.tiktokapis.com/v2/oauth/token/"
REVOKE_URL = "https://open.tiktokapis.com/v2/oauth/revoke/"
CREDENTIALS = b"client_key=aw0example0key01&client_secret=ExampleClientSecret0123456789abcdef"
PAIR: dict[str, object] = {
    "access_token": "act.new",
    "expires_in": 7200,
    "open_id": "open-1",
    "refresh_expires_in": 15552000,
    "refresh_token": "rft.new",
    "scope": "user.info.basic",
    "token_type": "Bearer",
}
LOG_ID = "202206221854370101130062072500FFA2"


async def test_a_refresh_is_the_documented_form_and_gives_a_new_pair(tiktok: TikTok, router: respx.Router) -> None:
    call = router.post(TOKEN_URL).respond(json=PAIR)
    refreshed = await tiktok.refresh(Secret("rft.old!1"))
    assert call.calls.last.request.content == CREDENTIALS + b"&grant_type=refresh_token&refresh_token=rft.old%211"
    pair = TokenPair(Secret("act.new"), Secret("rft.new"), NOW + 7200, NOW + 15552000, scopes=("user.info.basic",))
    assert refreshed == Issued("open-1", pair)


async def test_a_refresh_that_names_no_scopes_leaves_them_as_they_were(
    tiktok: TikTok, router: respx.Router
) -> None:
    router.post(TOKEN_URL).respond(json=PAIR | {"scope": None})
    assert (await tiktok.refresh(Secret("rft.old"))).tokens.scopes == ()


def error(code: object, description: str = "") -> dict[str, object]:
    return {"error": code, "error_description": description, "log_id": LOG_ID}


REFUSALS: list[tuple[str, int, dict[str, object], type[UpstreamError]]] = [
    ("refresh", 200, error("invalid_grant", "Refresh token is invalid or expired."), Rejected),
    ("refresh", 400, error("invalid_grant"), Rejected),
    ("refresh", 200, error("invalid_client"), Misconfigured),
    ("refresh", 200, error("invalid_request", "Client secret is missed in request."), Misconfigured),
    ("refresh", 200, error("invalid_request", "The request parameters are malformed."), Misconfigured),
    ("refresh", 200, error("never_heard_of"), Misconfigured),
    ("refresh", 200, error("server_error"), Unavailable),
    ("refresh", 200, error(7), Unavailable),
    ("refresh", 503, error("server_error"), Unavailable),
    ("revoke", 200, error("invalid_grant"), Rejected),
    ("revoke", 401, {"error": {"code": "access_token_invalid", "message": "", "log_id": LOG_ID}}, Rejected),
    ("revoke", 200, error("invalid_client"), Misconfigured),
    ("revoke", 200, error(""), Misconfigured),
    ("revoke", 200, error(False), Unavailable),
    ("revoke", 200, {"error": {}}, Unavailable),
    ("revoke", 400, {}, Unavailable),
    ("revoke", 302, {}, Unavailable),
    ("revoke", 500, {}, Unavailable),
    ("client_credentials", 200, error("invalid_client"), Misconfigured),
    ("client_credentials", 401, error("invalid_client"), Misconfigured),
    ("client_credentials", 200, error("temporarily_unavailable"), Unavailable),
    ("client_credentials", 200, {"access_token": "clt.a", "expires_in": 7200}, Unavailable),
    ("client_credentials", 200, {"token_type": "Bearer"}, Unavailable),
]


async def attempt(tiktok: TikTok, place: str) -> None:
    match place:
        case "refresh":
            await tiktok.refresh(Secret("rft.old"))
        case "revoke":
            await tiktok.revoke(Secret("act.old"))
        case _:
            await tiktok.prove_credentials()


@pytest.mark.parametrize(("place", "status", "body", "outcome"), REFUSALS)
async def test_each_refusal_has_its_meaning_and_is_not_asked_twice(
    tiktok: TikTok,
    router: respx.Router,
    place: str,
    status: int,
    body: dict[str, Any],
    outcome: type[UpstreamError],
) -> None:
    call = router.post(REVOKE_URL if place == "revoke" else TOKEN_URL).respond(status, json=body)
    with pytest.raises(UpstreamError) as caught:
        await attempt(tiktok, place)
    assert type(caught.value) is outcome
    assert caught.value.trace.endpoint == place
    if "error_description" in body:
        assert caught.value.trace.log_id == LOG_ID
    assert ".old" not in f"{caught.value} {caught.value!r} {caught.value.trace!r}"
    assert call.call_count == 1


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(200, json={}),
        httpx.Response(200),
        httpx.Response(204),
        httpx.Response(200, text="OK"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"error": {"code": "ok", "message": ""}}),
        httpx.Response(200, json={"error": None}),
    ],
)
async def test_revoking_succeeds_whatever_a_body_without_an_error_is(
    tiktok: TikTok, router: respx.Router, response: httpx.Response
) -> None:
    call = router.post(REVOKE_URL).mock(return_value=response)
    await tiktok.revoke(Secret("act.old!1"))
    assert call.calls.last.request.content == CREDENTIALS + b"&token=act.old%211"


async def test_key_and_secret_are_proven_by_a_token_in_our_own_name(tiktok: TikTok, router: respx.Router) -> None:
    body = {"access_token": "clt.a", "expires_in": 7200, "token_type": "Bearer"}
    call = router.post(TOKEN_URL).respond(json=body)
    await tiktok.prove_credentials()
    assert call.calls.last.request.content == CREDENTIALS + b"&grant_type=client_credentials"


async def test_a_native_verifier_is_sent_whatever_our_own_pkce_is(make_tiktok: Any, router: respx.Router) -> None:
    """TikTok's Android SDK makes verifiers of 32 characters, and always sends their challenge."""
    router.get("https://open.tiktokapis.com/v2/user/info/").respond(
        json={"data": {"user": {"open_id": "open-1", "union_id": "u"}}, "error": {"code": "ok"}}
    )
    call = router.post(TOKEN_URL).respond(json=PAIR)
    await make_tiktok(pkce="none").sign_in(
        Approval(Secret("c"), ()), verifier="a" * 32, redirect_uri="https://app.example/", native=True
    )
    assert call.calls.last.request.content.endswith(b"&code_verifier=" + b"a" * 32)
