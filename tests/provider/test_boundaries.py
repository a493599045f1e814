"""Everything that has a time is good in its last second and refused in the next, with the settings as they are.

The state machine in `test_lifecycle_machine` finds such edges when chance leads it there; this table is at each.
"""

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import pytest

from tests.client_auth.signing import jwk, key
from tests.provider.proving import API_SECRET, assertion, post, proof, register, register_machine
from tests.stage import WEB, WEB_SECRET, Stage, answer_in

Attempt = Callable[[], Awaitable[bool]]
ASK = {"grant_type": "client_credentials"}
MONTH = 30 * 86_400


@dataclass(frozen=True)
class Limit:
    """`begin` makes something that may be attempted for `seconds`, counted from its end."""

    seconds: int
    begin: Callable[[Stage], Coroutine[Any, Any, Attempt]]


async def code(stage: Stage) -> Attempt:
    found = (await stage.come_back(await stage.browser(), stage.question()))["code"]

    async def redeems() -> bool:
        return (await stage.redeem(found)).status_code == 200

    return redeems


async def refresh_token(stage: Stage) -> Attempt:
    return refreshing(stage, (await stage.sign_in())["refresh_token"])


def refreshing(stage: Stage, token: str) -> Attempt:
    async def refreshes() -> bool:
        return (await stage.refresh(token)).status_code == 200

    return refreshes


async def spent_refresh_token(stage: Stage) -> Attempt:
    token = (await stage.sign_in())["refresh_token"]
    assert (await stage.refresh(token)).status_code == 200
    return refreshing(stage, token)


async def grant(stage: Stage) -> Attempt:
    """A year after it was born no sliding helps; here five days before that."""
    token = (await stage.sign_in())["refresh_token"]
    for _ in range(12):
        stage.clock.advance(MONTH - 1)
        token = (await stage.refresh(token)).json()["refresh_token"]
    stage.clock.advance(12)
    return refreshing(stage, token)


async def access_token(stage: Stage) -> Attempt:
    token = (await stage.sign_in())["access_token"]

    async def opens() -> bool:
        about = await post(stage.http, "/introspect", {"token": token}, auth=(WEB, WEB_SECRET))
        told: bool = about.json()["active"]
        assert ((await stage.userinfo(token)).status_code == 200) is told
        return told

    return opens


async def session(stage: Stage) -> Attempt:
    browser = await stage.browser()
    await stage.come_back(browser, stage.question())

    async def answers() -> bool:
        sent = await stage.authorize(browser, stage.question(prompt="none"))
        return "code" in answer_in(sent.headers["location"])

    return answers


async def login(stage: Stage) -> Attempt:
    browser = await stage.browser()
    to_tiktok = (await stage.authorize(browser, stage.question())).headers["location"]

    async def finishes() -> bool:
        arrived = await browser.get(await stage.consent(browser, to_tiktok))
        return arrived.status_code == 302 and "code" in answer_in(arrived.headers["location"])

    return finishes


async def pushed_request(stage: Stage) -> Attempt:
    answer = await post(stage.http, "/par", stage.question(), auth=(WEB, WEB_SECRET))
    visit = {"client_id": WEB, "request_uri": answer.json()["request_uri"]}

    async def is_known() -> bool:
        sent = await stage.authorize(await stage.browser(), visit)
        return sent.status_code == 302 and sent.headers["location"].startswith(f"{stage.simulator}/")

    return is_known


async def keyed(stage: Stage, **claims: Any) -> Attempt:
    form = {**ASK, **assertion(stage, "cli_keys", **claims)}

    async def authenticates() -> bool:
        return (await post(stage.http, "/token", form)).status_code == 200

    return authenticates


async def assertion_by_exp(stage: Stage) -> Attempt:
    return await keyed(stage, iat=None)


async def assertion_by_iat(stage: Stage) -> Attempt:
    return await keyed(stage, exp=stage.clock() + 3_600)


async def dpop_proof(stage: Stage) -> Attempt:
    shown = proof(stage)

    async def counts() -> bool:
        return (await post(stage.http, "/token", ASK, auth=MACHINE, headers=shown)).status_code == 200

    return counts


MACHINE = ("cli_machine", API_SECRET)
LIMITS = {
    "code": Limit(60, code),
    "refresh token": Limit(MONTH, refresh_token),
    "grace": Limit(60, spent_refresh_token),
    "grant": Limit(5 * 86_400, grant),
    "access token": Limit(600, access_token),
    "session": Limit(7 * 86_400, session),
    "login": Limit(600, login),
    "pushed request": Limit(60, pushed_request),
    "exp of an assertion": Limit(60, assertion_by_exp),
    "iat of an assertion": Limit(300, assertion_by_iat),
    # RFC 9449 §4.3 point 11: the proof's own second, and sixty more.
    "iat of a proof": Limit(61, dpop_proof),
}


@pytest.fixture
async def stage(file_stage: Stage) -> Stage:
    """With a client of each kind that these rows need."""
    await register_machine(file_stage)
    keys: dict[str, Any] = {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [jwk(key("ES256"))]}}
    await register(file_stage, "cli_keys", **keys, grant_types=["client_credentials"])
    return file_stage


async def test_the_last_second_is_good_and_the_next_is_not(stage: Stage) -> None:
    for name, limit in LIMITS.items():
        for seconds, good in ((limit.seconds - 1, True), (limit.seconds, False)):
            attempt = await limit.begin(stage)
            stage.clock.advance(seconds)
            assert await attempt() is good, (name, seconds)
