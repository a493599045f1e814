"""The two calls as one sign-in."""

from collections.abc import Callable

import pytest
import respx

from broker.opaque import Secret
from broker.upstream.connector import Approval, Identity, Refused, Rejected, SignedIn, UpstreamError
from broker.upstream.tiktok import TikTok

NOW = 1_800_000_000
TOKEN_URL = "https://open.tiktokapis.com/v2/oauth/token/"
INFO_URL = "https://open.tiktokapis.com/v2/user/info/"
SECRETS = ["ExampleClientSecret0123456789abcdef", "the-code", "the-verifier", "act.access", "rft.refresh"]


def tokens(**members: object) -> dict[str, object]:
    return {
        "access_token": "act.access",
        "expires_in": 7200,
        "open_id": "open-1",
        "refresh_expires_in": 15552000,
        "refresh_token": "rft.refresh",
        "scope": "user.info.basic",
        "token_type": "Bearer",
        **members,
    }


def person(**members: object) -> dict[str, object]:
    user = {"open_id": "open-1", "union_id": "union-1", "display_name": "Tik Toker", **members}
    return {"data": {"user": user}, "error": {"code": "ok", "message": "", "log_id": ""}}


async def sign_in(tiktok: TikTok, *, callback_scopes: tuple[str, ...] = ("user.info.basic",)) -> SignedIn:
    approval = Approval(Secret("the-code"), callback_scopes)
    return await tiktok.sign_in(
        approval, verifier="the-verifier", redirect_uri="https://b.example/callback/tiktok"
    )


async def test_a_sign_in_is_two_calls_and_one_person(tiktok: TikTok, router: respx.Router) -> None:
    token_call = router.post(TOKEN_URL).respond(json=tokens())
    info_call = router.get(INFO_URL).respond(json=person())
    signed_in = await sign_in(tiktok)
    assert signed_in.identity == Identity("union-1", "open-1", "Tik Toker", None, None)
    assert signed_in.tokens.access_token == Secret("act.access")
    assert signed_in.tokens.refresh_token == Secret("rft.refresh")
    assert signed_in.tokens.access_expires_at == NOW + 7200
    assert signed_in.tokens.refresh_expires_at == NOW + 15552000
    assert signed_in.tokens.scopes == ("user.info.basic",)
    assert (token_call.call_count, info_call.call_count) == (1, 1)
    assert info_call.calls.last.request.headers["authorization"] == "Bearer act.access"


async def test_two_different_open_ids_are_rejected(tiktok: TikTok, router: respx.Router) -> None:
    router.post(TOKEN_URL).respond(json=tokens())
    router.get(INFO_URL).respond(json=person(open_id="Open-1"))
    with pytest.raises(Rejected, match="two different open_ids"):
        await sign_in(tiktok)


async def test_without_the_basic_scope_the_person_is_told_what_to_tick(
    tiktok: TikTok, router: respx.Router
) -> None:
    """And TikTok is not asked for what it would refuse."""
    router.post(TOKEN_URL).respond(json=tokens(scope="user.info.profile"))
    info_call = router.get(INFO_URL).respond(json=person())
    with pytest.raises(Refused) as caught:
        await sign_in(tiktok)
    assert "user.info.basic" in caught.value.description
    assert not info_call.called


@pytest.mark.parametrize("silent", [{"scope": None}, {"scope": ""}])
async def test_a_token_answer_without_scope_leaves_it_to_the_callback(
    tiktok: TikTok, router: respx.Router, silent: dict[str, object]
) -> None:
    router.post(TOKEN_URL).respond(json=tokens(**silent))
    router.get(INFO_URL).respond(json=person())
    assert (await sign_in(tiktok)).tokens.scopes == ("user.info.basic",)
    with pytest.raises(Refused):
        await sign_in(tiktok, callback_scopes=())


async def test_what_the_token_answer_grants_overrules_the_callback(tiktok: TikTok, router: respx.Router) -> None:
    router.post(TOKEN_URL).respond(json=tokens())
    info_call = router.get(INFO_URL).respond(json=person())
    await sign_in(tiktok, callback_scopes=("user.info.basic", "user.info.profile"))
    assert "username" not in info_call.calls.last.request.url.params["fields"]


async def test_a_missing_scope_never_leads_to_a_refresh(tiktok: TikTok, router: respx.Router) -> None:
    token_call = router.post(TOKEN_URL).respond(json=tokens())
    info_call = router.get(INFO_URL).respond(401, json={"error": {"code": "scope_not_authorized"}})
    with pytest.raises(Refused):
        await sign_in(tiktok)
    assert (token_call.call_count, info_call.call_count) == (1, 1)


@pytest.mark.parametrize("echo", SECRETS)
async def test_no_failure_repeats_a_secret(tiktok: TikTok, router: respx.Router, echo: str) -> None:
    """Even when TikTok's answer quotes it back at us in every place it can."""
    quoting = {"error": echo, "error_description": echo, "log_id": echo}
    router.post(TOKEN_URL).respond(400, json=quoting, headers={"x-tt-logid": echo, "retry-after": echo})
    with pytest.raises(UpstreamError) as caught:
        await sign_in(tiktok)
    error = caught.value
    for shown in (str(error), repr(error), repr(error.trace), repr(error.trace.fields()), repr(tiktok)):
        assert echo not in shown


async def test_no_result_shows_a_token(tiktok: TikTok, router: respx.Router) -> None:
    router.post(TOKEN_URL).respond(json=tokens())
    router.get(INFO_URL).respond(json=person())
    shown = repr(await sign_in(tiktok))
    assert all(secret not in shown for secret in SECRETS)


async def test_two_registrations_do_not_share_anything(
    make_tiktok: Callable[..., TikTok], router: respx.Router
) -> None:
    call = router.post("https://other.example/v2/oauth/token/").respond(json=tokens())
    router.get("https://other.example/v2/user/info/").respond(json=person())
    await sign_in(make_tiktok(client_key="sbaw1", client_secret=Secret("second"), api_url="https://other.example"))
    assert call.calls.last.request.content.startswith(b"client_key=sbaw1&client_secret=second&")
