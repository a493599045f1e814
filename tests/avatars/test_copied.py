"""Pictures of people outlive TikTok's links: copied once for each picture, shown at an address that stays."""

import asyncio
import shutil
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from broker.app import running
from broker.avatars import endpoint
from broker.simulator.faults import Fault
from broker.simulator.serve import running as serving
from broker.store import avatars
from broker.store.database import Row, Transaction
from tests.avatars.picturing import (
    HOUR,
    claims,
    counted,
    fetched,
    picture_told,
    settled,
    take_picture,
    waiting,
)
from tests.by_hand import execute
from tests.stage import HeldClock, Stage, running_stage

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_picture_of_a_sign_in_is_copied_and_shown_for_good(stage: Stage) -> None:
    async with counted(stage, "done", 1):
        tokens = await stage.sign_in()
        await settled(stage)
    address = claims(tokens)["picture"]
    assert address == await picture_told(stage, tokens)
    assert address.startswith(f"{stage.issuer}/avatars/")
    shown = await stage.http.get(address)
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/png")
    link = await stage.database.read(avatars.wanted, claims(tokens)["sub"], address.rpartition("/")[2])
    assert link is not None
    assert shown.content == (await stage.http.get(link)).content
    assert shown.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert shown.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert shown.headers["cross-origin-resource-policy"] == "cross-origin"
    assert "set-cookie" not in shown.headers

    again = await stage.http.get(address, headers={"If-None-Match": f'"other", W/{shown.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["cache-control"] == shown.headers["cache-control"]
    for unlike in ('"other"', f"w/{shown.headers['etag']}", f'"a, {shown.headers["etag"]}'):
        other = await stage.http.get(address, headers={"If-None-Match": unlike})
        assert other.status_code == 200
    head = await stage.http.head(address)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(shown.content))
    assert (await stage.http.post(address)).status_code == 405


async def test_an_address_does_not_tell_whose_picture_it_is(stage: Stage) -> None:
    tokens = await stage.sign_in()
    told = claims(tokens)
    name = told["picture"].rpartition("/")[2]
    assert len(name) == 40
    for value in (told["sub"].removeprefix("usr_"), told["union_id"], told["open_id"]):
        assert value not in name
        assert name[:8] not in value
    for unknown in (name[::-1], name[:-1], name + "a", name.upper(), "x", "%2e%2e", f"{name}.png"):
        refused = await stage.http.get(f"/avatars/{unknown}")
        assert (refused.status_code, refused.json()["error"]) == (404, "not_found")
        assert "retry-after" not in refused.headers
        assert refused.headers["cache-control"] == "no-store"


async def test_a_sign_in_costs_two_calls_and_does_not_wait_for_the_picture(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its address is in the ID token from the start, and leads to the picture as soon as there is one."""
    monkeypatch.setattr(endpoint, "_PAUSES", (0.02,) * 100)
    gate = asyncio.Event()

    async def hold(_: float) -> None:
        await gate.wait()

    stage.world.sleep = hold
    stage.world.faults.add(Fault("avatars", "slow"))
    before = {name: stage.world.counters[name]["calls"] for name in ("token", "user_info")}
    tokens = await stage.sign_in()
    after = {name: stage.world.counters[name]["calls"] for name in ("token", "user_info")}
    assert {name: after[name] - before[name] for name in before} == {"token": 1, "user_info": 1}
    address = claims(tokens)["picture"]
    asked = asyncio.create_task(stage.http.get(address))
    gate.set()
    # Who asks while it is being copied is answered with the picture: an app shows it in the same second.
    assert (await asked).status_code == 200
    assert await picture_told(stage, tokens) == address


async def test_a_picture_is_fetched_once_however_often_its_person_signs_in(stage: Stage) -> None:
    """Signature, expiry and host of the link are new each time; the picture is the same."""
    first = claims(await stage.sign_in())["picture"]
    await settled(stage)
    before = fetched(stage)
    stage.clock.advance(2 * HOUR)
    stage.world.public_origin = stage.simulator.replace("127.0.0.1", "localhost")
    for _ in range(3):
        assert claims(await stage.sign_in())["picture"] == first
        assert await waiting(stage) == []
    assert fetched(stage) == before


async def test_another_picture_is_copied_once_and_old_addresses_lead_to_it(stage: Stage) -> None:
    """Apps keep addresses for months, and browsers the answers for good: so each picture has its own."""
    old = claims(await stage.sign_in())["picture"]
    await settled(stage)
    image = (await stage.http.get(old)).content
    before = fetched(stage)
    take_picture(stage)
    async with counted(stage, "done", 1):
        new = claims(await stage.sign_in())["picture"]
        await settled(stage)
    assert fetched(stage) == before + 1
    assert new != old
    assert (await stage.http.get(new)).content != image
    moved = await stage.http.get(old)
    assert (moved.status_code, moved.headers["location"]) == (302, new.removeprefix(stage.issuer))
    assert moved.headers["cache-control"] == "no-store"


async def test_of_two_replicas_one_copies(stage: Stage) -> None:
    before = fetched(stage)
    async with running(stage.settings, clock=stage.clock) as other, serving(other) as address:
        for person in ("p2", "p3", "p4", "p5"):
            take_picture(stage, person)
            picture = claims(await stage.sign_in(person=person))["picture"]
            await settled(stage)
            async with httpx.AsyncClient(base_url=address, timeout=60, verify=False) as http:
                assert (await http.get(picture.removeprefix(stage.issuer))).status_code == 200
    assert fetched(stage) == before + 4


async def test_whoever_is_forgotten_or_erased_has_no_picture_from_the_next_request_on(stage: Stage) -> None:
    for forgotten in (True, False):
        take_picture(stage)
        tokens = await stage.sign_in()
        await settled(stage)
        sub, address = claims(tokens)["sub"], claims(tokens)["picture"]
        etag = (await stage.http.get(address)).headers["etag"]
        if forgotten:
            await stage.database.transact(avatars.forget, sub)
            assert await picture_told(stage, tokens) is None
        else:
            await execute(stage.database, f"DELETE FROM users WHERE id = '{sub}'")
        assert (await stage.http.get(address)).status_code == 404
        assert (await stage.http.get(address, headers={"If-None-Match": etag})).status_code == 404
        # A fresh sign-in is welcome, and nothing leads from the old address to the new one.
        anew = claims(await stage.sign_in())["picture"]
        await settled(stage)
        assert (await stage.http.get(anew)).status_code == 200
        assert (await stage.http.get(address)).status_code == 404


async def test_a_copy_on_its_way_is_not_kept_for_somebody_who_was_forgotten(stage: Stage) -> None:
    gate, asked = asyncio.Event(), asyncio.Event()

    async def hold(_: float) -> None:
        asked.set()
        await gate.wait()

    stage.world.sleep = hold
    for erase in (False, True):
        take_picture(stage, "p2")
        stage.world.faults.add(Fault("avatars", "slow"))
        told = claims(await stage.sign_in(person="p2"))
        await asyncio.wait_for(asked.wait(), 2)
        if erase:
            await execute(stage.database, f"DELETE FROM users WHERE id = '{told['sub']}'")
        else:
            await stage.database.transact(avatars.forget, told["sub"])
        gate.set()
        await settled(stage)
        assert await stage.database.read(avatars.find, told["picture"].rpartition("/")[2]) is None
        asked.clear()
        gate.clear()


@pytest.mark.parametrize("mode", ["link", "off"])
async def test_links_are_passed_on_or_nothing_is_shown_as_the_operator_decides(
    sqlite_template: Path, tmp_path: Path, mode: str
) -> None:
    file = shutil.copy(sqlite_template, tmp_path / "broker.db")
    async with running_stage(f"sqlite:///{file}", HeldClock(), BROKER_AVATARS=mode) as stage:
        tokens = await stage.sign_in()
        picture = claims(tokens).get("picture")
        assert picture == await picture_told(stage, tokens)
        assert await waiting(stage) == []
        assert fetched(stage) == 0
        if mode == "link":
            assert picture is not None
            assert (await stage.http.get(picture)).content.startswith(b"\x89PNG")
        else:
            assert picture is None
            (row,) = await stage.database.read(_links)
            assert row["avatar_url"] is None


async def _links(tx: Transaction) -> list[Row]:
    return await tx.all(text("SELECT avatar_url FROM users"))
