"""Two secrets of one client during a change: each app server takes the new one when it can."""

import pytest

from broker import opaque
from broker.store import clients
from tests.journeys.test_two_brokers import another
from tests.provider.proving import post, refusal
from tests.stage import WEB, WEB_SECRET, Stage

NEW, NEWER = "brs_new-secret", "brs_newer-secret"
PATHS = {"/token": 400, "/introspect": 200, "/revoke": 200, "/par": 400}
FORM = {"grant_type": "refresh_token", "refresh_token": "brt_x", "token": "x"}


async def change(stage: Stage, secret: str, *, keep: int | None) -> None:
    """Give the client a new secret; the old one stays good for `keep` seconds."""
    until = None if keep is None else stage.clock() + keep
    digest = opaque.digest(secret)
    assert await stage.database.transact(clients.set_secret, WEB, digest, old_until=until, now=stage.clock())


async def test_both_are_good_everywhere_until_the_old_ones_time_is_over(stage: Stage) -> None:
    """To the second, on the replica that knew the client before as well as on one that did not."""
    tokens = await stage.sign_in()
    async with another(stage) as fresh:
        assert (await stage.refresh(tokens["refresh_token"])).status_code == 200
        await change(stage, NEW, keep=3600)
        for wait in (0, 3599):
            stage.clock.advance(wait)
            for http in (stage.http, fresh):
                for secret in (WEB_SECRET, NEW):
                    for path, status in PATHS.items():
                        answer = await post(http, path, FORM, auth=(WEB, secret))
                        assert answer.status_code == status, (path, secret)
        stage.clock.advance(1)
        for http in (stage.http, fresh):
            for path in PATHS:
                old = await post(http, path, FORM, auth=(WEB, WEB_SECRET))
                assert refusal(old) == (401, "invalid_client"), path
            assert (await post(http, "/introspect", FORM, auth=(WEB, NEW))).status_code == 200


async def test_a_sign_in_goes_on_under_the_old_one(stage: Stage) -> None:
    """What one secret began, the other one ends: a code, a refresh token."""
    code = (await stage.come_back(await stage.browser(), stage.question()))["code"]
    await change(stage, NEW, keep=60)
    redeemed = await stage.redeem(code)
    assert redeemed.status_code == 200
    form = {"grant_type": "refresh_token", "refresh_token": redeemed.json()["refresh_token"]}
    assert (await post(stage.http, "/token", form, auth=(WEB, NEW))).status_code == 200


@pytest.mark.parametrize("keep", [None, 0])
async def test_without_a_time_the_old_one_is_void_at_once(stage: Stage, keep: int | None) -> None:
    async with another(stage) as other:
        assert (await post(other, "/introspect", FORM, auth=(WEB, WEB_SECRET))).status_code == 200
        tokens = await stage.sign_in()
        await change(stage, NEW, keep=keep)
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        assert refusal(await post(other, "/token", form, auth=(WEB, WEB_SECRET))) == (401, "invalid_client")
        assert (await post(other, "/token", form, auth=(WEB, NEW))).status_code == 200


async def test_never_are_three_good(stage: Stage) -> None:
    """Who changes twice in a hurry has lost the first one to somebody, and it must end."""
    await change(stage, NEW, keep=3600)
    await change(stage, NEWER, keep=3600)
    stage.clock.advance(5)
    for secret, status in ((WEB_SECRET, 401), (NEW, 200), (NEWER, 200)):
        assert (await post(stage.http, "/introspect", FORM, auth=(WEB, secret))).status_code == status, secret
