"""What is no picture, cannot be had now, or is not TikTok's to give is not copied, and nobody is told it was."""

from dataclasses import replace

import pytest

from broker.simulator.faults import Fault
from broker.store import avatars
from tests.avatars.picturing import (
    HOUR,
    claims,
    counted,
    fetched,
    logged,
    picture_told,
    settled,
    take_picture,
    waiting,
)
from tests.stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="module")

SVG = "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"


def answered(media_type: str, body: str) -> Fault:
    """The picture host says something else, in good order."""
    return Fault("avatars", "status", status=200, headers={"content-type": media_type}, body=body)


GONE = {
    "a redirect": Fault("avatars", "redirect", location="/_simulator/state"),
    "a page": answered("text/html", "GIF89a"),
    "script in a picture": answered("image/svg+xml", SVG),
    "script as a picture": answered("image/png", SVG),
    "too much": answered("image/gif", "GIF89a" * 90_000),
    "an expired link": Fault("avatars", "status", status=403, body="expired"),
    "nothing": Fault("avatars", "status", status=404),
}


@pytest.mark.parametrize("fault", GONE)
async def test_what_is_no_picture_is_asked_for_once_until_the_next_sign_in(
    stage: Stage, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    take_picture(stage, "p5")
    stage.world.faults.add(GONE[fault])
    before = fetched(stage)
    capsys.readouterr()
    async with counted(stage, "failed", 1):
        tokens = await stage.sign_in(person="p5")
        await settled(stage)
    (line,) = [line for line in logged(capsys) if line["event"] == "avatar.not_copied"]
    assert "x-signature" not in str(line)
    assert claims(tokens)["sub"] not in str(line)
    assert fetched(stage) == before + 1
    # What was copied before stays the picture; without any, there is none.
    told = await picture_told(stage, tokens)
    assert told is None or (await stage.http.get(told)).status_code == 200
    async with counted(stage, "done", 1):
        tokens = await stage.sign_in(person="p5")
        await settled(stage)
    assert (await stage.http.get(claims(tokens)["picture"])).status_code == 200


async def test_without_any_copy_there_is_no_claim(stage: Stage) -> None:
    tokens = await stage.sign_in()
    await settled(stage)
    address = claims(tokens)["picture"]
    await stage.database.transact(avatars.forget, claims(tokens)["sub"])
    stage.world.faults.add(GONE["nothing"])
    tokens = await stage.sign_in()
    await settled(stage)
    assert await picture_told(stage, tokens) is None
    refused = await stage.http.get(address)
    assert refused.status_code == 404
    assert "retry-after" not in refused.headers


PASSING = {
    "an error": Fault("avatars", "status", status=500, times=2),
    "too many requests": Fault("avatars", "rate_limit", times=2),
    # aiohttp repeats a GET at once when the connection is lost.
    "a lost connection": Fault("avatars", "reset", times=4),
}


@pytest.mark.parametrize("fault", PASSING)
async def test_what_passes_is_tried_again_under_the_same_address(stage: Stage, fault: str) -> None:
    await stage.database.transact(avatars.forget, claims(await stage.sign_in())["sub"])
    await settled(stage)
    stage.world.faults.add(PASSING[fault])
    before = fetched(stage)
    tokens = await stage.sign_in()
    await settled(stage, left=1)
    address = claims(tokens)["picture"]
    assert address == await picture_told(stage, tokens)
    refused = await stage.http.get(address)
    assert (refused.status_code, refused.headers["retry-after"]) == (404, "2")
    assert refused.headers["cache-control"] == "no-store"
    # Who signs in meanwhile asks for nothing twice.
    assert claims(await stage.sign_in())["picture"] == address
    assert len(await waiting(stage)) == 1
    for pause, left in ((2, 1), (4, 0)):
        stage.clock.advance(pause)
        await settled(stage, left=left)
    assert (await stage.http.get(address)).status_code == 200
    assert fetched(stage) == before + (PASSING[fault].times or 0) + 1


async def test_after_an_hour_it_is_given_up_until_the_next_sign_in(stage: Stage) -> None:
    stage.world.faults.add(Fault("avatars", "status", status=500, times=None))
    await stage.sign_in()
    await settled(stage, left=1)
    async with counted(stage, "failed", 1):
        stage.clock.advance(HOUR)
        await settled(stage)
    stage.world.faults.clear()
    async with counted(stage, "done", 1):
        await stage.sign_in()
        await settled(stage)


async def test_a_link_that_expired_meanwhile_is_given_up_unless_a_sign_in_brings_a_new_one(stage: Stage) -> None:
    stage.world.switches = replace(stage.world.switches, avatar_lifetime=60)
    for again, outcome in ((False, "failed"), (True, "done")):
        take_picture(stage)
        stage.world.faults.add(Fault("avatars", "status", status=503))
        await stage.sign_in()
        await settled(stage, left=1)
        async with counted(stage, outcome, 1):
            if again:
                stage.clock.advance(1)
                await stage.sign_in()
                stage.clock.advance(59)
            else:
                stage.clock.advance(60)
            await settled(stage)


async def test_only_hosts_of_tiktok_are_asked(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """Not even on this machine, at another port than the simulator's."""
    before = fetched(stage)
    for origin in ("https://pictures.example", stage.issuer, stage.simulator.replace("127.0.0.1", "localhost")):
        take_picture(stage)
        stage.world.public_origin = origin
        async with counted(stage, "failed", 1):
            await stage.sign_in()
            await settled(stage)
    assert fetched(stage) == before
    reasons = [line["reason"] for line in logged(capsys) if line["event"] == "avatar.not_copied"]
    assert reasons[0] == "pictures.example is not known as a host of TikTok's pictures"
