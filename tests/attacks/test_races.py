"""Two hundred at once on two brokers over one database, PostgreSQL's in processes of their own: one success each.

RFC 9700 §4.5.3 and §4.14.2, RFC 9126 §7.3, RFC 7523 §3, RFC 9449 §11.1.
"""

from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlencode, urlsplit

import httpx
import orjson
import pytest

from tests.attacks.arena import Arena, Processes, in_this_process, on_processes, several_processes
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
from tests.postgres import PostgresServer
from tests.stage import WEB, WEB_SECRET, HeldClock, answer_in

BASIC = {"Authorization": "Basic " + b64encode(f"{WEB}:{WEB_SECRET}".encode()).decode()}
MACHINE_BASIC = {"Authorization": "Basic " + b64encode(f"{MACHINE}:{MACHINE_SECRET}".encode()).decode()}
MACHINE_FORM = {"grant_type": "client_credentials"}
pytestmark = pytest.mark.usefixtures("patient")
PLACES = ["sqlite", "two processes"]
# A person takes everything of theirs along; the processes keep the keys that they began with.
_EMPTY = ";".join(
    f"DELETE FROM {table}"
    for table in ("users", "clients", "audit_events", "pushed_requests", "spent_ids", "outbox")
)
STRICT = {"BROKER_REFRESH_GRACE": "0s"}
"""A refresh token is good once and no more."""


@pytest.fixture(scope="module")
def shared(postgres: PostgresServer, postgres_template: str) -> Iterator[str]:
    """The database of the processes."""
    url = postgres.create_database(copy_of=postgres_template)
    yield url
    postgres.drop_database(url)


@pytest.fixture(scope="module")
def pair(shared: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    with several_processes(shared, tmp_path_factory.mktemp("pair")) as ready:
        yield ready


@pytest.fixture(scope="module")
def strict_pair(shared: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    with several_processes(shared, tmp_path_factory.mktemp("strict"), STRICT) as ready:
        yield ready


def chosen(request: pytest.FixtureRequest, name: str) -> Processes | None:
    """The pair of processes, their database emptied; None for SQLite."""
    if request.param == "sqlite":
        return None
    pair: Processes = request.getfixturevalue(name)
    server: PostgresServer = request.getfixturevalue("postgres")
    server.run(_EMPTY, urlsplit(request.getfixturevalue("shared")).path.removeprefix("/"))
    return pair


@pytest.fixture(params=PLACES)
def processes(request: pytest.FixtureRequest) -> Processes | None:
    return chosen(request, "pair")


@pytest.fixture(params=PLACES)
def strict_processes(request: pytest.FixtureRequest) -> Processes | None:
    return chosen(request, "strict_pair")


@pytest.fixture
async def arena(processes: Processes | None, file_url: str, clock: HeldClock) -> AsyncIterator[Arena]:
    """Of each kind in turn."""
    async with on_processes(processes) if processes else in_this_process(file_url, clock) as ready:
        yield ready


@pytest.fixture
async def strict(strict_processes: Processes | None, file_url: str, clock: HeldClock) -> AsyncIterator[Arena]:
    """The same, without any grace."""
    here = in_this_process(file_url, clock, **STRICT)
    async with on_processes(strict_processes) if strict_processes else here as ready:
        yield ready


def statuses(arrived: list[Arrived]) -> Counter[int]:
    return Counter(one.status for one in arrived)


def errors(arrived: list[Arrived]) -> set[str]:
    """What the losers were told."""
    return {orjson.loads(one.body)["error"] for one in arrived if one.status >= 400}


async def test_of_a_code_and_of_a_refresh_token(strict: Arena) -> None:
    """The second correct use ends the grant, so that the winner holds nothing either."""
    stage = strict.stage
    browser, tokens = await signed_in(stage)
    code = answer_in((await stage.authorize(browser, stage.question())).headers["location"])["code"]
    redeemed = await race(strict.origins, [Attempt("POST", "/token", code_form(code), BASIC)] * RACERS)
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    refreshed = await race(strict.origins, [Attempt("POST", "/token", form, BASIC)] * RACERS)
    for arrived in (redeemed, refreshed):
        assert statuses(arrived) == {200: 1, 400: RACERS - 1}
        assert errors(arrived) == {"invalid_grant"}
        (winner,) = (orjson.loads(one.body) for one in arrived if one.status == 200)
        assert (await stage.userinfo(winner["access_token"])).status_code == 401
        assert (await stage.refresh(winner["refresh_token"])).json()["error"] == "invalid_grant"
    kept = await contents(stage.database)
    for told in (
        [row["ended_reason"] for row in kept["grants"]],
        [event["reason"] for event in kept["audit_events"] if event["event"] == "grant.ended"],
    ):
        assert sorted(told) == ["code_reuse", "refresh_token_reuse"]


async def test_of_a_refresh_token_inside_the_grace_all_get_the_one_successor(arena: Arena) -> None:
    stage = arena.stage
    _, tokens = await signed_in(stage)
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    arrived = await race(arena.origins, [Attempt("POST", "/token", form, BASIC)] * RACERS)
    assert statuses(arrived) == {200: RACERS}
    assert len({orjson.loads(one.body)["refresh_token"] for one in arrived}) == 1
    (row,) = (await contents(stage.database))["grants"]
    assert (row["generation"], row["ended_at"]) == (1, None)


async def test_of_an_assertion_and_of_a_dpop_proof(arena: Arena) -> None:
    stage = arena.stage
    await register_machine(stage)
    await register_keyed(stage)
    form = {**MACHINE_FORM, **asserted(assertion(stage, KEYED))}
    proven = {**MACHINE_BASIC, "DPoP": proof(stage, "/token")}
    by_assertion = await race(arena.origins, [Attempt("POST", "/token", form)] * RACERS)
    by_proof = await race(arena.origins, [Attempt("POST", "/token", MACHINE_FORM, proven)] * RACERS)
    assert statuses(by_assertion) == {200: 1, 401: RACERS - 1}
    assert errors(by_assertion) == {"invalid_client"}
    assert statuses(by_proof) == {200: 1, 400: RACERS - 1}
    assert errors(by_proof) == {"invalid_dpop_proof"}


async def test_of_a_pushed_request(arena: Arena) -> None:
    """RFC 9126 §7.3: from a session each visit would be answered at once; one of them is."""
    stage = arena.stage
    browser, _ = await signed_in(stage)
    visit = "/authorize?" + urlencode({"client_id": WEB, "request_uri": await pushed(stage)})
    attempt = Attempt("GET", visit, headers={"Cookie": cookie_header(browser)})
    arrived = await race(arena.origins, [attempt] * RACERS)
    assert set(statuses(arrived)) <= {302, 400}
    assert sum("code=" in one.location for one in arrived) == 1
    # The losers hear it at the app, or, where the row was spent before they looked, on a page.
    assert all("code=" in one.location or "error=" in one.location or one.status == 400 for one in arrived)
    assert len((await contents(stage.database))["grants"]) == 2


async def test_of_a_login_with_many_good_codes_of_tiktok(arena: Arena) -> None:
    """TikTok vouches for every one of them; the login they all belong to is finished once."""
    stage = arena.stage
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
    arrived = await race(arena.origins, attempts)
    assert set(statuses(arrived)) <= {302, 400}
    winners = [one for one in arrived if "code=" in one.location]
    assert len(winners) == 1
    kept = await contents(stage.database)
    assert [len(kept[table]) for table in ("users", "sessions", "grants")] == [1, 1, 1]
    assert (await stage.redeem(answer_in(winners[0].location)["code"])).status_code == 200
