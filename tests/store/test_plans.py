"""No statement of a leg looks at a whole table: it finds its rows by an index, however many others there are."""

from collections.abc import Mapping

import pytest
from sqlalchemy import PrimaryKeyConstraint, UniqueConstraint

from broker.clock import stopwatch
from broker.housekeeping import Housekeeping
from broker.outbox import Outbox
from broker.store import purging, statuses
from broker.store.schema import metadata
from tests.by_hand import execute
from tests.client_auth.signing import jwk, key
from tests.emptied import own_database_url
from tests.provider.proving import API_SECRET, assertion, post, proof, register, register_machine
from tests.stage import CLIENT_KEY, NATIVE, PUBLIC, WEB, WEB_REDIRECT, WEB_SECRET, HeldClock, Stage, running_stage
from tests.store.crowding import crowd
from tests.store.plans import Heard, faults_on_postgresql, faults_on_sqlite, heard
from tests.tiktok import exchanging
from tests.tiktok.deliveries import deliver
from tests.tiktok.vaulting import near_the_end

__all__ = ["heard", "own_database_url"]

AUTH = (WEB, WEB_SECRET)
# As small beside the tables here as the service's is beside those of a small service.
_PIECE = 5


async def signing_in(stage: Stage) -> None:
    """As a stranger, again, from the session, anew, as somebody else; with a pushed request; as promised."""
    browser = await stage.browser()
    for person, prompt in (("p1", None), ("p1", "login"), ("p2", "login")):
        await stage.come_back(browser, stage.question(prompt=prompt), person=person)
    assert (await stage.authorize(browser, stage.question())).status_code == 302
    pushed = (await post(stage.http, "/par", stage.question(), auth=AUTH)).json()["request_uri"]
    await stage.come_back(await stage.browser(), {"client_id": WEB, "request_uri": pushed})
    who = stage.world.people["p4"].open_id(CLIENT_KEY)
    await execute(
        stage.database,
        "INSERT INTO imported_people (sub, registration, open_id, imported_at) "
        f"VALUES ('usr_promised', 'default', '{who}', {stage.clock()})",
    )
    await stage.sign_in(person="p4")
    # The callback of a login that was finished before, and one for somebody else.
    hint = (await stage.sign_in(person="p3"))["id_token"]
    sent = await stage.authorize(browser, stage.question(prompt="login", id_token_hint=hint))
    assert (await browser.get(await stage.consent(browser, sent.headers["location"]))).status_code == 302


async def trading(stage: Stage) -> None:
    """Codes and refresh tokens, used once, again, too late, by nobody; with proofs."""
    code = (await stage.come_back(await stage.browser(), stage.question(PUBLIC)))["code"]
    for _ in range(2):
        await stage.redeem(code, PUBLIC)
    await stage.redeem("brc_of-nobody")
    first = await stage.sign_in()
    for _ in range(2):
        second = (await stage.refresh(first["refresh_token"])).json()
    third = (await stage.refresh(second["refresh_token"], scope="openid")).json()
    assert (await stage.refresh(first["refresh_token"])).status_code == 400
    assert (await stage.refresh(third["refresh_token"])).status_code == 400
    await register(
        stage,
        "cli_keys",
        redirect_uris=[WEB_REDIRECT],
        token_endpoint_auth_method="private_key_jwt",
        jwks={"keys": [jwk(key("ES256"))]},
    )
    form = {"grant_type": "refresh_token", "refresh_token": third["refresh_token"]}
    await post(stage.http, "/token", {**form, **assertion(stage, "cli_keys")}, headers=proof(stage))


async def asking(stage: Stage) -> None:
    """What backends ask, and what they throw away."""
    machine = (await register_machine(stage), API_SECRET)
    own = (await post(stage.http, "/token", {"grant_type": "client_credentials"}, auth=machine)).json()
    tokens = await stage.sign_in()
    assert (await stage.userinfo(tokens["access_token"])).status_code == 200
    shown = ((own["access_token"], machine), (tokens["refresh_token"], AUTH), (tokens["access_token"], AUTH))
    for token, auth in shown:
        assert (await post(stage.http, "/introspect", {"token": token}, auth=auth)).json()["active"] is True
    for token, auth in shown:
        assert (await post(stage.http, "/revoke", {"token": token}, auth=auth)).status_code == 200
    for path in ("/readyz", "/metrics"):
        assert (await stage.http.get(path)).status_code == 200


async def fetching(stage: Stage) -> None:
    """TikTok's tokens: handed out, refreshed, lost; and a sign-in that TikTok's own app did."""
    await exchanging.register(stage)
    tokens = await exchanging.signed_in(stage, person="p3")
    assert (await exchanging.exchange(stage, tokens["access_token"])).status_code == 200
    fresh = await near_the_end(stage, tokens)
    assert (await exchanging.exchange(stage, fresh)).status_code == 200
    await register(stage, "cli_phone", redirect_uris=[NATIVE], token_endpoint_auth_method="none")
    form = {
        "grant_type": exchanging.EXCHANGE,
        "subject_token": "a-code-that-tiktok-never-gave",
        "subject_token_type": exchanging.TIKTOK_CODE,
        "code_verifier": "abcdefghijklmnopqrstuvwxyz012345",
        "redirect_uri": NATIVE,
        "client_id": "cli_phone",
    }
    assert (await stage.http.post("/token", data=form)).status_code == 400


async def leaving(stage: Stage) -> None:
    """Signing out, here and at TikTok."""
    tokens = await stage.sign_in(person="p5")
    assert (await stage.http.get("/logout", params={"id_token_hint": tokens["id_token"]})).is_success
    who = stage.world.people["p2"].open_id(CLIENT_KEY)
    assert (await deliver(stage.http, at=stage.clock(), user_openid=who)).status_code == 200


async def going_on(stage: Stage) -> None:
    """What nobody asks for: deliveries, lists, what has expired."""
    now = stage.clock()
    await Outbox(stage.database, {}, stage.clock).deliver_due()
    await stage.database.read(statuses.ended, now=now)
    await stage.database.run(statuses.reserve, many=1024)
    await Housekeeping(stage.database, stage.clock, stopwatch)._keep(1)
    for kind in purging.KINDS:
        await stage.database.run(
            purging.purge, kind, place=purging.beginning(kind), most=_PIECE, audit_retention=86_400, now=now
        )


async def test_every_statement_of_a_leg_finds_its_rows_by_an_index(
    own_database_url: str, clock: HeldClock, heard: Mapping[str, Heard], request: pytest.FixtureRequest
) -> None:
    await crowd(own_database_url)
    async with running_stage(own_database_url, clock, BROKER_AVATARS="copy") as stage:
        for journey in (signing_in, trading, asking, fetching, leaving, going_on):
            await journey(stage)
        dialect = stage.database.dialect
    statements = list(heard[dialect].statements.values())
    assert len(statements) > 70
    if dialect == "sqlite":
        found = faults_on_sqlite(own_database_url.removeprefix("sqlite:///"), statements)
    else:
        found = await faults_on_postgresql(own_database_url, request.getfixturevalue("postgres"), statements)
    assert not found, "\n".join(found)


def test_what_hangs_on_a_row_is_found_by_an_index_when_the_row_goes() -> None:
    """Neither database makes an index for a foreign key by itself."""
    for table in metadata.sorted_tables:
        indexed = {next(iter(index.columns)).name for index in table.indexes}
        indexed |= {
            next(iter(one.columns)).name
            for one in table.constraints
            if isinstance(one, PrimaryKeyConstraint | UniqueConstraint)
        }
        for foreign in table.foreign_keys:
            assert foreign.parent.name in indexed, foreign
