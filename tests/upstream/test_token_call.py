"""Redeeming the code: what is sent, and what each documented answer means."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
import respx

from broker.opaque import Secret
from broker.upstream import connector
from broker.upstream.connector import Approval, TokenPair, UpstreamError
from broker.upstream.tiktok import TikTok
from broker.upstream.tiktok_answers import Issued

NOW = 1_800_000_000
URL = "https://open.tiktokapis.com/v2/oauth/token/"
VECTORS = Path(__file__).parents[1] / "vectors/tiktok"
TOKENS = json.loads((VECTORS / "tokens.json").read_text())
ERRORS = json.loads((VECTORS / "token_errors.json").read_text())


async def redeem(tiktok: TikTok, code: str = "abc*1!4608.va") -> Issued:
    approval = Approval(Secret(code), ("from.the.callback",))
    return await tiktok.redeem(approval, verifier="the-verifier", redirect_uri="https://b.example/callback/tiktok")


async def test_the_form_is_exactly_the_documented_one(tiktok: TikTok, router: respx.Router) -> None:
    """`*` and `!` of the code are encoded once; the credentials are in the body and nowhere else."""
    call = router.post(URL).respond(json=TOKENS[0]["body"])
    await redeem(tiktok)
    request = call.calls.last.request
    assert request.headers.get_list("content-type") == ["application/x-www-form-urlencoded"]
    assert "authorization" not in request.headers
    assert request.content == (
        b"client_key=aw0example0key01&client_secret=ExampleClientSecret0123456789abcdef&grant_type=authorization_code"
        b"&code=abc%2A1%214608.va&redirect_uri=https%3A%2F%2Fb.example%2Fcallback%2Ftiktok"
        b"&code_verifier=the-verifier"
    )


async def test_without_pkce_no_verifier_is_sent(make_tiktok: Callable[..., TikTok], router: respx.Router) -> None:
    call = router.post(URL).respond(json=TOKENS[0]["body"])
    await redeem(make_tiktok(pkce="none"))
    assert "code_verifier" not in dict(parse_qsl(call.calls.last.request.content.decode()))


@pytest.mark.parametrize("case", TOKENS, ids=lambda case: str(case["name"]))
async def test_token_answer(tiktok: TikTok, router: respx.Router, case: dict[str, Any]) -> None:
    router.post(URL).respond(case.get("status", 200), json=case["body"])
    assert await redeem(tiktok) == Issued(
        case["open_id"],
        TokenPair(
            access_token=Secret(case["access_token"]),
            refresh_token=Secret(case["refresh_token"]),
            access_expires_at=NOW + case["expires_in"],
            refresh_expires_at=NOW + case["refresh_expires_in"],
            scopes=tuple(case["scopes"]),
        ),
    )


async def test_lifetimes_count_from_before_the_call(
    make_tiktok: Callable[..., TikTok], router: respx.Router
) -> None:
    """A slow answer must not make a token look younger than it is."""
    ticks = iter([NOW, NOW + 7])
    router.post(URL).respond(json=TOKENS[0]["body"])
    redeemed = await redeem(make_tiktok(clock=lambda: next(ticks)))
    assert redeemed.tokens.access_expires_at == NOW + 7200


@pytest.mark.parametrize("case", ERRORS, ids=lambda case: str(case["name"]))
async def test_token_error(tiktok: TikTok, router: respx.Router, case: dict[str, Any]) -> None:
    """Each answer becomes the failure, the sentence and the trace that its vector names; no retry."""
    call = router.post(URL).respond(case["status"], json=case["body"], headers=case.get("headers", {}))
    with pytest.raises(UpstreamError) as caught:
        await redeem(tiktok)
    assert type(caught.value) is getattr(connector, case["outcome"])
    assert case["says"] in str(caught.value)
    if "trace" in case:
        assert caught.value.trace.fields() == case["trace"]
    assert call.call_count == 1


@pytest.mark.parametrize("error", ["invalid_grant", "", 0, False, [], {}, {"code": "ok"}, {"code": None}])
async def test_an_error_beside_tokens_is_a_failure(tiktok: TikTok, router: respx.Router, error: object) -> None:
    router.post(URL).respond(json=TOKENS[0]["body"] | {"error": error})
    with pytest.raises(UpstreamError):
        await redeem(tiktok)


WRONG: dict[str, tuple[object, ...]] = {
    "access_token": (None, "", 1, True, ["act.a"], "act. a", "act.\r\nX: y", "é", "x" * 4097),
    "refresh_token": (None, "", 1, {}, "rft.\n", "x" * 4097),
    "open_id": (None, "", 7, True, [], "a b", "\u0000", "名", "x" * 256),
    "expires_in": (None, "7200", True, 0, -1, 7200.0, 10**10, 10**30, []),
    "refresh_expires_in": (None, "1", False, 0, -5, 1.5, 10**10),
    "token_type": (None, "", "mac", 1, ["Bearer"]),
    "scope": (1, True, ["user.info.basic"], {}),
}
BAD_MEMBERS = [(name, value) for name, values in WRONG.items() for value in values]


@pytest.mark.parametrize(("name", "value"), BAD_MEMBERS, ids=[f"{n}={v!r:.20}" for n, v in BAD_MEMBERS])
async def test_a_member_of_the_wrong_kind_spoils_the_answer(
    tiktok: TikTok, router: respx.Router, name: str, value: object
) -> None:
    """No half token pair: the whole answer is strange, and the sentence names the member, not its value."""
    router.post(URL).mock(
        return_value=httpx.Response(200, content=json.dumps(TOKENS[0]["body"] | {name: value}).encode())
    )
    with pytest.raises(connector.Unavailable, match=f"`{name}`"):
        await redeem(tiktok)


@pytest.mark.parametrize("name", ["access_token", "refresh_token", "open_id", "expires_in", "refresh_expires_in"])
async def test_a_missing_member_spoils_the_answer(tiktok: TikTok, router: respx.Router, name: str) -> None:
    body = {key: value for key, value in TOKENS[0]["body"].items() if key != name}
    router.post(URL).respond(json=body)
    with pytest.raises(connector.Unavailable, match=f"`{name}`"):
        await redeem(tiktok)


async def test_ids_and_tokens_of_unusual_length_pass(tiktok: TikTok, router: respx.Router) -> None:
    long = {"open_id": "-" * 255, "access_token": "a" * 4096, "refresh_token": "r" * 4096}
    router.post(URL).respond(json=TOKENS[0]["body"] | long)
    assert (await redeem(tiktok)).open_id == "-" * 255


async def test_a_flood_of_scopes_is_cut(tiktok: TikTok, router: respx.Router) -> None:
    scopes = [f"scope.{number}" for number in range(500)]
    router.post(URL).respond(json=TOKENS[0]["body"] | {"scope": ",".join(scopes)})
    assert (await redeem(tiktok)).tokens.scopes == tuple(scopes[:100])
