"""`POST /revoke` (RFC 7009): what an app throws away is gone with everything that came of it."""

from typing import Any

import httpx
import pytest

from broker.store.database import DatabaseUnavailable
from tests.journeys.test_two_brokers import another
from tests.provider.proving import API_SECRET, post, refusal, register_machine
from tests.stage import PUBLIC, WEB, WEB_SECRET, Stage
from tests.store.rows import row

WEB_AUTH = (WEB, WEB_SECRET)


async def revoke(stage: Stage, token: str, auth: tuple[str, str] | None = WEB_AUTH, **form: str) -> httpx.Response:
    return await post(stage.http, "/revoke", {"token": token, **form}, auth=auth)


def assert_done(answer: httpx.Response) -> None:
    """§2.2: 200, and nothing that anybody could read."""
    assert (answer.status_code, answer.content) == (200, b"")
    assert "content-type" not in answer.headers


async def is_alive(stage: Stage, tokens: dict[str, Any], auth: tuple[str, str] | None = WEB_AUTH) -> bool:
    """Whether the sign-in still stands; both kinds of token, at both places, must say the same."""
    form = {} if auth else {"client_id": PUBLIC}
    said = [(await stage.userinfo(tokens["access_token"])).status_code == 200]
    for kind in ("access_token", "refresh_token"):
        about = await post(stage.http, "/introspect", {"token": tokens[kind], **form}, auth=auth)
        said.append(about.json()["active"])
    assert len(set(said)) == 1, said
    return said[0]


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_either_kind_ends_the_grant_and_everything_of_it(stage: Stage, kind: str) -> None:
    """§2.1: also the tokens issued before and after; whatever the hint says, and however often it is asked."""
    first = await stage.sign_in()
    newest = (await stage.refresh(first["refresh_token"])).json()
    bystander = await stage.sign_in()
    for hint in ("refresh_token", "access_token", "nonsense", ""):
        assert_done(await revoke(stage, newest[kind], token_type_hint=hint))
    assert not await is_alive(stage, newest)
    assert (await stage.userinfo(first["access_token"])).status_code == 401
    for tokens in (first, newest):
        assert refusal(await stage.refresh(tokens["refresh_token"])) == (400, "invalid_grant")
    assert await is_alive(stage, bystander)
    kept = await row(stage.database, "SELECT count(*) AS events FROM audit_events WHERE event = 'grant.revoked'")
    assert kept["events"] == 1


async def test_it_holds_at_once_on_every_replica(stage: Stage) -> None:
    tokens = await stage.sign_in()
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    async with another(stage) as other:
        assert (await other.get("/userinfo", headers=bearer, auth=None)).status_code == 200
        assert_done(await revoke(stage, tokens["refresh_token"]))
        assert (await other.get("/userinfo", headers=bearer, auth=None)).status_code == 401


async def test_a_code_not_redeemed_yet_is_no_token(stage: Stage) -> None:
    """It may be thrown away by not using it; sent here, it is unknown like any other text."""
    code = (await stage.come_back(await stage.browser(), stage.question()))["code"]
    assert_done(await revoke(stage, code))
    assert (await stage.redeem(code)).status_code == 200


async def test_unknown_and_foreign_tokens_are_answered_alike_and_left_alone(stage: Stage) -> None:
    """§2.2: nobody learns here which tokens there are, and nobody ends those of others."""
    public = await stage.sign_in(PUBLIC)
    web = await stage.sign_in()
    for token in (public["access_token"], public["refresh_token"], web["id_token"], "x", "brt_x", "a.b.c"):
        assert_done(await revoke(stage, token))
    for kind in ("access_token", "refresh_token"):
        assert_done(await revoke(stage, web[kind], None, client_id=PUBLIC))
    assert await is_alive(stage, web)
    assert await is_alive(stage, public, None)
    stage.clock.advance(600)
    assert_done(await revoke(stage, web["access_token"]))
    assert (await stage.refresh(web["refresh_token"])).status_code == 200


async def test_a_public_client_throws_its_own_away(stage: Stage) -> None:
    """§2.1: no secret, but the token itself; also from another origin in a browser (CORS)."""
    tokens = await stage.sign_in(PUBLIC)
    assert_done(await revoke(stage, tokens["refresh_token"], None, client_id=PUBLIC))
    assert not await is_alive(stage, tokens, None)
    preflight = {"Origin": "https://spa.example", "Access-Control-Request-Method": "POST"}
    assert (await stage.http.options("/revoke", headers=preflight)).headers["access-control-allow-origin"] == "*"


async def test_a_machines_token_ends_alone(stage: Stage) -> None:
    auth = (await register_machine(stage), API_SECRET)
    first, second = [
        (await post(stage.http, "/token", {"grant_type": "client_credentials"}, auth=auth)).json()["access_token"]
        for _ in range(2)
    ]
    assert_done(await revoke(stage, first, WEB_AUTH))
    for token, active in ((first, True), (second, True)):
        assert (await post(stage.http, "/introspect", {"token": token}, auth=auth)).json()["active"] is active
    for _ in range(2):
        assert_done(await revoke(stage, first, auth))
    for token, active in ((first, False), (second, True)):
        assert (await post(stage.http, "/introspect", {"token": token}, auth=auth)).json()["active"] is active


async def test_who_proves_nothing_ends_nothing(stage: Stage) -> None:
    tokens = await stage.sign_in()
    token = tokens["refresh_token"]
    for auth in (None, (WEB, "brs_wrong"), ("cli_nobody", "x")):
        assert refusal(await revoke(stage, token, auth)) == (401, "invalid_client"), auth
    assert refusal(await revoke(stage, token, None, client_id=WEB)) == (401, "invalid_client")
    assert refusal(await post(stage.http, "/revoke", {}, auth=WEB_AUTH)) == (400, "invalid_request")
    assert await is_alive(stage, tokens)


async def test_a_database_that_could_not_do_it_is_not_answered_200(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """§2.2.1: 503 and when to come back; then the token must be taken to exist still."""
    tokens = await stage.sign_in()

    async def away(*args: Any, **kwargs: Any) -> None:
        raise DatabaseUnavailable("the server is away")

    with monkeypatch.context() as patched:
        for way in ("run", "transact"):
            patched.setattr(type(stage.database), way, away)
        for kind in ("access_token", "refresh_token"):
            answer = await revoke(stage, tokens[kind])
            assert refusal(answer) == (503, "temporarily_unavailable")
            assert int(answer.headers["retry-after"]) > 0
        assert_done(await revoke(stage, "unknown"))
    assert await is_alive(stage, tokens)
