"""Pictures of people outlive TikTok's links: copied once for each picture, shown at an address that stays."""

import asyncio
import contextlib
import itertools
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import jwt
import orjson
import pytest
import pytest_asyncio
from sqlalchemy import text

from broker import outbox, telemetry
from broker.app import running
from broker.avatars import endpoint
from broker.simulator.faults import Fault
from broker.simulator.serve import running as serving
from broker.store import avatars
from broker.store.database import Row, Transaction
from tests.postgres import PostgresServer
from tests.stage import HeldClock, Stage, running_stage

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOUR = 3600
SVG = "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
_numbers = itertools.count()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def module_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if request.param == "sqlite":
        file = tmp_path_factory.mktemp("avatars") / "broker.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), file)
        yield f"sqlite:///{file}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.create_database(copy_of=request.getfixturevalue("postgres_template"))
    yield url
    server.drop_database(url)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(module_url: str) -> AsyncIterator[Stage]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outbox, "_LOOK_SECONDS", 0.02)
        patch.setattr(endpoint, "_PAUSES", (0.02, 0.05))
        async with running_stage(module_url, HeldClock(), BROKER_AVATARS="copy") as stage:
            yield stage


@pytest.fixture
def stage(shared: Stage) -> Stage:
    """The one stage of the module, with nothing going wrong, and Ada with a picture nobody has seen."""
    shared.world.faults.clear()
    shared.world.public_origin = None
    shared.world.switches = replace(shared.world.switches, avatar_lifetime=48 * HOUR)
    take_picture(shared)
    return shared


def take_picture(stage: Stage, person: str = "p1") -> None:
    """The person takes another picture at TikTok."""
    stage.world.people[person] = replace(stage.world.people[person], picture=f"picture {next(_numbers)}")


def claims(tokens: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = jwt.decode(tokens["id_token"], options={"verify_signature": False})
    return told


async def picture_told(stage: Stage, tokens: dict[str, Any]) -> str | None:
    """What `/userinfo` says now."""
    found: str | None = (await stage.userinfo(tokens["access_token"])).json().get("picture")
    return found


def fetched(stage: Stage) -> int:
    """How many calls TikTok's picture host has had."""
    return stage.world.counters["avatars"]["calls"]


async def waiting(stage: Stage) -> list[Row]:
    async def rows(tx: Transaction) -> list[Row]:
        return await tx.all(text("SELECT id, due_at, attempts FROM outbox WHERE kind = 'avatar'"))

    return await stage.database.read(rows)


async def settled(stage: Stage, *, left: int = 0) -> None:
    """Return when so many pictures are left, none of them in work; TimeoutError after two seconds."""
    async with asyncio.timeout(2):
        while True:
            rows = await waiting(stage)
            # In work, a row is due after its lease of thirty seconds; the first pauses are shorter.
            if len(rows) == left and all(0 < row["due_at"] - stage.clock() < 30 for row in rows):
                return
            await stage.http.get("/healthz")


@contextlib.contextmanager
def counted(outcome: str, by: int) -> Iterator[None]:
    """So many pictures come to this end in the block."""
    before = telemetry.AVATARS.labels(outcome)._value.get()
    yield
    assert telemetry.AVATARS.labels(outcome)._value.get() - before == by


async def execute(stage: Stage, sql: str) -> None:
    async def run(tx: Transaction) -> int:
        return await tx.run(text(sql))

    await stage.database.transact(run)


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in capsys.readouterr().err.splitlines()]


async def test_the_picture_of_a_sign_in_is_copied_and_shown_for_good(stage: Stage) -> None:
    with counted("done", 1):
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
    other = await stage.http.get(address, headers={"If-None-Match": '"other"'})
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
    with counted("done", 1):
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
            async with httpx.AsyncClient(base_url=address, timeout=10) as http:
                assert (await http.get(picture.removeprefix(stage.issuer))).status_code == 200
    assert fetched(stage) == before + 4


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
    with counted("failed", 1):
        tokens = await stage.sign_in(person="p5")
        await settled(stage)
    (line,) = [line for line in logged(capsys) if line["event"] == "avatar.not_copied"]
    assert "x-signature" not in str(line)
    assert claims(tokens)["sub"] not in str(line)
    assert fetched(stage) == before + 1
    promised = claims(tokens)["picture"]
    # What was copied before stays the picture; without any, there is none.
    assert await picture_told(stage, tokens) != promised
    with counted("done", 1):
        tokens = await stage.sign_in(person="p5")
        await settled(stage)
    assert (await stage.http.get(claims(tokens)["picture"])).status_code == 200


async def test_without_any_copy_there_is_no_claim(stage: Stage) -> None:
    await stage.database.transact(avatars.forget, claims(await stage.sign_in())["sub"])
    await settled(stage)
    stage.world.faults.add(GONE["nothing"])
    tokens = await stage.sign_in()
    await settled(stage)
    assert await picture_told(stage, tokens) is None
    refused = await stage.http.get(claims(tokens)["picture"])
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
    with counted("failed", 1):
        stage.clock.advance(HOUR)
        await settled(stage)
    stage.world.faults.clear()
    with counted("done", 1):
        await stage.sign_in()
        await settled(stage)


async def test_a_link_that_expired_meanwhile_is_given_up_unless_a_sign_in_brings_a_new_one(stage: Stage) -> None:
    stage.world.switches = replace(stage.world.switches, avatar_lifetime=60)
    for again, outcome in ((False, "failed"), (True, "done")):
        take_picture(stage)
        stage.world.faults.add(Fault("avatars", "status", status=503))
        await stage.sign_in()
        await settled(stage, left=1)
        with counted(outcome, 1):
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
        with counted("failed", 1):
            await stage.sign_in()
            await settled(stage)
    assert fetched(stage) == before
    reasons = [line["reason"] for line in logged(capsys) if line["event"] == "avatar.not_copied"]
    assert reasons[0] == "pictures.example is not known as a host of TikTok's pictures"


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
            await execute(stage, f"DELETE FROM users WHERE id = '{sub}'")
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
            await execute(stage, f"DELETE FROM users WHERE id = '{told['sub']}'")
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
