"""Whatever ends a grant is told by every replica's status lists within two seconds, and nothing else is."""

import httpx
import pytest

from broker.simulator.people import PEOPLE
from broker.store import client_changes, clients, leaving, user_changes
from broker.store.leaving import Left
from tests.journeys.tables import contents
from tests.logout.apps import log_out, sign_in
from tests.provider.proving import API_SECRET, register, register_machine
from tests.stage import CLIENT_KEY, PUBLIC, PUBLIC_REDIRECT, WEB, WEB_SECRET, Stage, answer_in
from tests.status.reading import claims_of, place_of, read, told
from tests.tiktok.deliveries import deliver
from tests.tiktok.test_08_native_apps import PHONE, code, trade
from tests.tiktok.test_08_native_apps import register as register_phone

ONLINE = "openid profile"


async def test_the_end_of_a_grant_is_seen_at_every_replica(stage: Stage, other: httpx.AsyncClient) -> None:
    await register(stage, "cli_gone", redirect_uris=[PUBLIC_REDIRECT], token_endpoint_auth_method="none")
    tokens = await _by_the_apps(stage)
    await _by_operators(stage, tokens)
    spared = {"goes on", "offline, signed out", "wrong code"}
    await told(stage, (stage.http, other), tokens, lambda name: name not in spared)
    lists = await read(other, stage, place_of(stage, tokens["goes on"]).path)
    assert lists.ended == len(tokens.keys() - spared)


async def _by_the_apps(stage: Stage) -> dict[str, str]:
    tokens: dict[str, str] = {}
    browser = await stage.browser()
    offline, online = await sign_in(stage, browser), await sign_in(stage, browser, PUBLIC, scope=ONLINE)
    await log_out(stage, browser, id_token_hint=offline["id_token"])
    tokens["offline, signed out"] = offline["access_token"]
    tokens["signed out"] = online["access_token"]

    for name, kind in (("refresh token revoked", "refresh_token"), ("access token revoked", "access_token")):
        revoked = await stage.sign_in()
        tokens[name] = revoked["access_token"]
        answer = await stage.http.post("/revoke", data={"token": revoked[kind]}, auth=(WEB, WEB_SECRET))
        assert answer.status_code == 200

    for name, verifier in (("code twice", {}), ("wrong code", {"code_verifier": "x" * 43})):
        came = await stage.come_back(await stage.browser(), stage.question())
        tokens[name] = (await stage.redeem(came["code"])).json()["access_token"]
        assert (await stage.redeem(came["code"], **verifier)).status_code == 400

    stolen = await stage.sign_in()
    tokens["old refresh token"] = stolen["access_token"]
    for _ in range(2):
        await stage.refresh(stolen["refresh_token"])
        stage.clock.advance(stage.settings.refresh_grace)

    replaced = await stage.browser()
    tokens["replaced"] = (await sign_in(stage, replaced, scope=ONLINE))["access_token"]
    await stage.come_back(replaced, stage.question(prompt="login"), person="p2")
    return tokens


async def _by_operators(stage: Stage, tokens: dict[str, str]) -> None:
    await register_phone(stage, PHONE)
    for person, name in (
        ("p2", "signed out by the operator"),
        ("p2", "disconnected"),
        ("p3", "blocked"),
        ("p4", "erased"),
    ):
        tokens[name] = (await stage.sign_in(person=person))["access_token"]
        sub, now = claims_of(tokens[name])["sub"], stage.clock()
        match name:
            case "blocked":
                assert await stage.database.transact(user_changes.block, sub, now=now)
            case "erased":
                assert isinstance(await stage.database.transact(leaving.erase, sub, now=now), Left)
            case "disconnected":
                assert isinstance(await stage.database.transact(leaving.disconnect, sub, now=now), Left)
            case _:
                assert await stage.database.transact(user_changes.sign_out, sub, now=now)
    tokens["app removed"] = (await stage.sign_in("cli_gone"))["access_token"]
    assert await stage.database.transact(client_changes.remove, "cli_gone", now=stage.clock())
    # An app that is only disabled may come back, and with it all that it holds.
    tokens["goes on"] = (await stage.sign_in(PUBLIC))["access_token"]
    assert await stage.database.transact(clients.disable, PUBLIC, now=stage.clock())
    phone = await trade(stage, await code(stage, person="p5"))
    tokens["app removed at TikTok"] = phone.json()["access_token"]
    open_id = next(person.open_id(CLIENT_KEY) for person in PEOPLE if person.id == "p5")
    answer = await deliver(stage.http, at=stage.clock(), user_openid=open_id)
    assert answer.status_code == 200


@pytest.mark.usefixtures("often")
async def test_what_is_deleted_is_told_of_until_its_tokens_are_over(
    stage: Stage, other: httpx.AsyncClient
) -> None:
    erased = (await stage.sign_in())["access_token"]
    sub = claims_of(erased)["sub"]
    await stage.database.transact(leaving.erase, sub, now=stage.clock())
    (left,) = (await contents(stage.database))["deleted_grants"]
    assert left == {
        "status_index": place_of(stage, erased).index,
        "ended_at": stage.clock(),
        "expires_at": stage.clock() + stage.settings.access_token_ttl + 300,
    }
    # Nothing leads from there to the person.
    assert sub not in str(left)
    await told(stage, (stage.http, other), {"erased": erased}, lambda _: True)
    stage.clock.advance(stage.settings.access_token_ttl + 300)
    await told(stage, (stage.http, other), {"erased": erased}, lambda _: False)


async def test_single_sign_on_has_a_place_of_its_own(stage: Stage) -> None:
    browser = await stage.browser()
    first = await sign_in(stage, browser)
    again = await stage.authorize(browser, stage.question(PUBLIC))
    second = (await stage.redeem(answer_in(again.headers["location"])["code"], PUBLIC)).json()
    places = [place_of(stage, tokens["access_token"]) for tokens in (first, second)]
    assert len(set(places)) == 2
    refreshed = (await stage.refresh(first["refresh_token"])).json()
    assert place_of(stage, refreshed["access_token"]) == places[0]


async def test_what_has_no_grant_behind_it_has_no_status(stage: Stage) -> None:
    machine = (await register_machine(stage), API_SECRET)
    answer = await stage.http.post("/token", data={"grant_type": "client_credentials"}, auth=machine)
    assert "status" not in claims_of(answer.json()["access_token"])
    assert "status" not in claims_of((await stage.sign_in())["id_token"])
