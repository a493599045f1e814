"""Two hundred at once on two brokers over one database: one success each.

RFC 9700 §4.5.3 and §4.14.2, RFC 9126 §7.3, RFC 7523 §3, RFC 9449 §11.1.
"""

import contextlib
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator
from urllib.parse import urlencode, urlsplit

import httpx
import orjson
import pytest

from broker.app import running
from broker.simulator.serve import running as serving
from tests.attacks.attacker import (
    KEYED,
    MACHINE,
    MACHINE_SECRET,
    asserted,
    assertion,
    code_form,
    cookie_header,
    proof,
    pushed,
    register_keyed,
    register_machine,
    signed_in,
)
from tests.attacks.racing import RACERS, Arrived, Attempt, race
from tests.journeys.tables import contents
from tests.stage import WEB, WEB_SECRET, HeldClock, Stage, answer_in, running_stage

BASIC = {"Authorization": "Basic " + b64encode(f"{WEB}:{WEB_SECRET}".encode()).decode()}
MACHINE_BASIC = {"Authorization": "Basic " + b64encode(f"{MACHINE}:{MACHINE_SECRET}".encode()).decode()}
MACHINE_FORM = {"grant_type": "client_credentials"}


@pytest.fixture
async def strict(database_url: str, clock: HeldClock) -> AsyncIterator[Stage]:
    """A stage where a refresh token is good once and no more."""
    async with running_stage(database_url, clock, BROKER_REFRESH_GRACE="0s") as ready:
        yield ready


@contextlib.asynccontextmanager
async def two_brokers(stage: Stage) -> AsyncIterator[tuple[str, str]]:
    """The stage's own and a second one of the same settings, with a pool of its own."""
    async with running(stage.settings, clock=stage.clock) as app, serving(app) as second:
        yield stage.issuer, second


def statuses(arrived: list[Arrived]) -> Counter[int]:
    return Counter(one.status for one in arrived)


def errors(arrived: list[Arrived]) -> set[str]:
    """What the losers were told."""
    return {orjson.loads(one.body)["error"] for one in arrived if one.status >= 400}


async def test_of_a_code_and_of_a_refresh_token(strict: Stage) -> None:
    """The second correct use ends the grant, so that the winner holds nothing either."""
    browser, tokens = await signed_in(strict)
    code = answer_in((await strict.authorize(browser, strict.question())).headers["location"])["code"]
    async with two_brokers(strict) as origins:
        redeemed = await race(origins, [Attempt("POST", "/token", code_form(code), BASIC)] * RACERS)
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        refreshed = await race(origins, [Attempt("POST", "/token", form, BASIC)] * RACERS)
    for arrived in (redeemed, refreshed):
        assert statuses(arrived) == {200: 1, 400: RACERS - 1}
        assert errors(arrived) == {"invalid_grant"}
        (winner,) = (orjson.loads(one.body) for one in arrived if one.status == 200)
        assert (await strict.userinfo(winner["access_token"])).status_code == 401
        assert (await strict.refresh(winner["refresh_token"])).json()["error"] == "invalid_grant"
    reasons = [row["ended_reason"] for row in (await contents(strict.database))["grants"]]
    assert sorted(reasons) == ["code_reuse", "refresh_token_reuse"]


async def test_of_a_refresh_token_inside_the_grace_all_get_the_one_successor(stage: Stage) -> None:
    _, tokens = await signed_in(stage)
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    async with two_brokers(stage) as origins:
        arrived = await race(origins, [Attempt("POST", "/token", form, BASIC)] * RACERS)
    assert statuses(arrived) == {200: RACERS}
    assert len({orjson.loads(one.body)["refresh_token"] for one in arrived}) == 1
    (row,) = (await contents(stage.database))["grants"]
    assert (row["generation"], row["ended_at"]) == (1, None)


async def test_of_an_assertion_and_of_a_dpop_proof(stage: Stage) -> None:
    await register_machine(stage)
    await register_keyed(stage)
    form = {**MACHINE_FORM, **asserted(assertion(stage, KEYED))}
    proven = {**MACHINE_BASIC, "DPoP": proof(stage, "/token")}
    async with two_brokers(stage) as origins:
        by_assertion = await race(origins, [Attempt("POST", "/token", form)] * RACERS)
        by_proof = await race(origins, [Attempt("POST", "/token", MACHINE_FORM, proven)] * RACERS)
    assert statuses(by_assertion) == {200: 1, 401: RACERS - 1}
    assert errors(by_assertion) == {"invalid_client"}
    assert statuses(by_proof) == {200: 1, 400: RACERS - 1}
    assert errors(by_proof) == {"invalid_dpop_proof"}


async def test_of_a_pushed_request(stage: Stage) -> None:
    """RFC 9126 §7.3: from a session each visit would be answered at once; one of them is."""
    browser, _ = await signed_in(stage)
    visit = "/authorize?" + urlencode({"client_id": WEB, "request_uri": await pushed(stage)})
    attempt = Attempt("GET", visit, headers={"Cookie": cookie_header(browser)})
    async with two_brokers(stage) as origins:
        arrived = await race(origins, [attempt] * RACERS)
    assert set(statuses(arrived)) <= {302, 400}
    assert sum("code=" in one.location for one in arrived) == 1
    # The losers hear it at the app, or, where the row was spent before they looked, on a page.
    assert all("code=" in one.location or "error=" in one.location or one.status == 400 for one in arrived)
    assert len((await contents(stage.database))["grants"]) == 2


async def test_of_a_login_with_many_good_codes_of_tiktok(stage: Stage) -> None:
    """TikTok vouches for every one of them; the login they all belong to is finished once."""
    browser = await stage.browser()
    to_tiktok = (await stage.authorize(browser, stage.question())).headers["location"]
    callbacks = [await stage.consent(browser, to_tiktok)]
    at_tiktok = await stage.browser()
    for _ in range(39):
        callbacks.append(await stage.consent(at_tiktok, to_tiktok))
    assert len({httpx.URL(one).params["code"] for one in callbacks}) == len(callbacks)
    attempts = [
        Attempt(
            "GET",
            urlsplit(one)._replace(scheme="", netloc="").geturl(),
            headers={"Cookie": cookie_header(browser)},
        )
        for one in callbacks * (RACERS // len(callbacks))
    ]
    async with two_brokers(stage) as origins:
        arrived = await race(origins, attempts)
    assert set(statuses(arrived)) <= {302, 400}
    winners = [one for one in arrived if "code=" in one.location]
    assert len(winners) == 1
    kept = await contents(stage.database)
    assert [len(kept[table]) for table in ("users", "sessions", "grants")] == [1, 1, 1]
    assert (await stage.redeem(answer_in(winners[0].location)["code"])).status_code == 200
