"""For whom a token is meant (RFC 8707): the app's own, those asked for, or fewer of them; never more."""

import pytest

from broker.oauth.errors import OAuthError
from broker.tokens.resources import narrowed
from tests.stage import Stage
from tests.tokens.apps import A, B, code_for, code_with, error, redeem, refresh, register, said

APP = "cli_api"
TARGET = (400, "invalid_target")


@pytest.mark.parametrize(
    ("asked", "granted", "audience", "expected"),
    [
        ((), "", (), ()),
        ((), "", (A, B), (A, B)),
        ((), A, (A, B), (A,)),
        ((A,), "", (A, B), (A,)),
        ((B, A), f"{A} {B}", (A, B), (B, A)),
        ((A, A), A, (A, B), (A,)),
        ((B,), A, (A, B), None),
        ((A,), "", (), None),
        ((A.upper(),), A, (A,), None),
    ],
)
def test_a_token_is_meant_for_what_was_granted_or_for_less(
    asked: tuple[str, ...], granted: str, audience: tuple[str, ...], expected: tuple[str, ...] | None
) -> None:
    if expected is not None:
        assert narrowed(asked, granted, audience) == expected
        return
    with pytest.raises(OAuthError) as refused:
        narrowed(asked, granted, audience)
    assert refused.value.code == "invalid_target"


async def test_an_app_with_audiences_gets_tokens_for_all_of_them(stage: Stage) -> None:
    await register(stage, APP, audience=[A, B])
    tokens = (await redeem(stage, APP, await code_for(stage, APP))).json()
    assert said(tokens["access_token"])["aud"] == [A, B, stage.issuer]


async def test_the_code_may_be_traded_for_one_of_the_resources_asked_for(stage: Stage) -> None:
    """§2.2; and the refresh token still stands for all of them."""
    await register(stage, APP, audience=[A, B])
    code = await code_with(stage, APP, B, A)
    tokens = (await redeem(stage, APP, code, resource=A)).json()
    assert said(tokens["access_token"])["aud"] == [A, stage.issuer]
    whole = (await refresh(stage, APP, tokens["refresh_token"])).json()
    assert said(whole["access_token"])["aud"] == [B, A, stage.issuer]
    narrow = (await refresh(stage, APP, whole["refresh_token"], resource=B, scope="profile")).json()
    assert said(narrow["access_token"])["aud"] == [B]


async def test_asking_for_too_much_costs_neither_code_nor_token(stage: Stage) -> None:
    await register(stage, APP, audience=[A, B])
    code = await code_with(stage, APP, A)
    for wrong in (B, [A, B], "https://c.example/", "no uri"):
        assert error(await redeem(stage, APP, code, resource=wrong)) == TARGET
    tokens = (await redeem(stage, APP, code)).json()
    for wrong in (B, [A, B]):
        assert error(await refresh(stage, APP, tokens["refresh_token"], resource=wrong)) == TARGET
    stage.clock.advance(60)
    assert said((await refresh(stage, APP, tokens["refresh_token"])).json()["access_token"])["aud"][0] == A


async def test_at_the_authorization_endpoint_an_unregistered_resource_is_refused(stage: Stage) -> None:
    browser = await stage.browser()
    sent = await stage.authorize(browser, {**stage.question(), "resource": A})
    assert "error=invalid_target" in sent.headers["location"]
