"""TikTok's tokens for apps: handed out live, refreshed once, and never used before they are stored."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import httpx
import pytest

from broker.app_tiktok import connectors
from broker.sealing import Sealer
from broker.simulator.world import Fault
from broker.store import client_changes, token_pairs
from broker.store.database import Database, DatabaseUnavailable
from broker.store.token_pairs import Kept
from broker.upstream.http import upstream_client
from broker.vault import LiveToken, Vault
from tests.client_auth.signing import key
from tests.journeys.tables import contents, execute
from tests.provider.proving import proof
from tests.stage import VERIFIER, WEB, WEB_SECRET, Stage, forged
from tests.tiktok.exchanging import (
    ACCESS,
    APP,
    BASIC,
    REDIRECT,
    TIKTOK_LIFE,
    exchange,
    form,
    refreshes,
    register,
    signed_in,
)


@pytest.fixture
async def vault_stage(stage: Stage) -> Stage:
    await register(stage)
    return stage


async def near_the_end(stage: Stage, tokens: dict[str, Any], left: int = 119) -> str:
    """Let time go on until TikTok's token has `left` seconds; an access token of ours that is good then."""
    stage.clock.advance(TIKTOK_LIFE - left)
    answer = await stage.http.post(
        "/token",
        data={"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]},
        headers=BASIC,
    )
    assert answer.status_code == 200, answer.text
    fresh: str = answer.json()["access_token"]
    return fresh


async def tiktok_knows(stage: Stage, access_token: str) -> bool:
    """Whether TikTok takes the token."""
    headers = {"Authorization": f"Bearer {access_token}"}
    async with httpx.AsyncClient(verify=False) as http:
        answer = await http.get(f"{stage.simulator}/v2/user/info/?fields=open_id", headers=headers)
    return answer.status_code == 200


async def audited(stage: Stage, event: str) -> list[dict[str, Any]]:
    return [row for row in (await contents(stage.database))["audit_events"] if row["event"] == event]


async def test_an_app_that_may_gets_a_live_token_and_never_the_refresh_token(vault_stage: Stage) -> None:
    """RFC 8693 §2.2.1; each hand-out is an audit event."""
    tokens = await signed_in(vault_stage)
    answer = await exchange(vault_stage, tokens["access_token"])
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    assert told.keys() == {"access_token", "issued_token_type", "token_type", "expires_in", "scope"}
    assert (told["issued_token_type"], told["token_type"]) == (ACCESS, "Bearer")
    assert (told["expires_in"], told["scope"]) == (TIKTOK_LIFE, "user.info.basic")
    assert await tiktok_knows(vault_stage, told["access_token"])
    (event,) = await audited(vault_stage, "tiktok_token.handed_out")
    assert (event["actor"], event["client_id"]) == ("client", APP)
    assert event["request_id"] == answer.headers["x-request-id"]
    assert event["user_id"] is not None
    assert refreshes(vault_stage) == 0


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"resource": None}, "invalid_target"),
        ({"resource": "https://open.tiktokapis.com"}, "invalid_target"),
        ({"resource": "https://api.example/"}, "invalid_target"),
        ({"audience": "https://open.tiktokapis.com/"}, "invalid_target"),
        ({"subject_token": None}, "invalid_request"),
        ({"subject_token_type": None}, "invalid_request"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:id_token"}, "invalid_request"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "invalid_request"),
        ({"actor_token": "x"}, "invalid_request"),
    ],
)
async def test_what_is_asked_wrongly_is_refused(
    kept_stage: Stage, kept_tokens: dict[str, Any], changes: dict[str, str | None], error: str
) -> None:
    """RFC 8693 §2.1, §2.2.2."""
    answer = await exchange(kept_stage, kept_tokens["access_token"], **changes)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


@pytest.fixture
async def kept_stage(vault_stage: Stage) -> Stage:
    return vault_stage


@pytest.fixture
async def kept_tokens(kept_stage: Stage) -> dict[str, Any]:
    return await signed_in(kept_stage)


async def test_only_an_access_token_of_the_same_app_with_a_living_grant_is_a_subject(vault_stage: Stage) -> None:
    tokens = await signed_in(vault_stage)
    others = await vault_stage.sign_in()
    for wrong in (
        others["access_token"],
        tokens["id_token"],
        tokens["refresh_token"],
        forged(tokens["access_token"]),
        "x",
        "",
    ):
        answer = await exchange(vault_stage, wrong)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request"), wrong
    revoked = await vault_stage.http.post("/revoke", data={"token": tokens["refresh_token"]}, headers=BASIC)
    assert revoked.status_code == 200
    answer = await exchange(vault_stage, tokens["access_token"])
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert await audited(vault_stage, "tiktok_token.handed_out") == []


async def test_an_app_without_the_permission_hears_that_it_may_not(vault_stage: Stage) -> None:
    tokens = await vault_stage.sign_in()
    asked = form(tokens["access_token"])
    answer = await vault_stage.http.post("/token", data=asked, auth=(WEB, WEB_SECRET))
    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")
    # Taken away from one that had it, it holds at once.
    tokens = await signed_in(vault_stage)
    row = (await contents(vault_stage.database))["clients"]
    version = next(each["version"] for each in row if each["client_id"] == APP)
    metadata = {"client_name": "Tokens", "redirect_uris": ["https://tokens.example/callback"]}
    assert await vault_stage.database.transact(
        client_changes.update, APP, metadata, None, version=version, now=vault_stage.clock()
    )
    answer = await exchange(vault_stage, tokens["access_token"])
    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")


async def test_a_blocked_person_has_no_token_to_give(vault_stage: Stage) -> None:
    tokens = await signed_in(vault_stage)
    await execute(vault_stage.database, "UPDATE users SET blocked_at = 1")
    answer = await exchange(vault_stage, tokens["access_token"])
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_it_is_refreshed_when_less_than_two_minutes_remain(vault_stage: Stage) -> None:
    """Lifetimes come from TikTok's answer only."""
    tokens = await signed_in(vault_stage)
    first = (await exchange(vault_stage, tokens["access_token"])).json()
    fresh = await near_the_end(vault_stage, tokens, left=120)
    again = (await exchange(vault_stage, fresh)).json()
    assert (again["access_token"], again["expires_in"]) == (first["access_token"], 120)
    vault_stage.clock.advance(1)
    renewed = (await exchange(vault_stage, fresh)).json()
    assert renewed["access_token"] != first["access_token"]
    assert renewed["expires_in"] == TIKTOK_LIFE
    assert refreshes(vault_stage) == 1
    assert await tiktok_knows(vault_stage, renewed["access_token"])
    # What is stored is the new pair: the next refresh works, too.
    vault_stage.clock.advance(TIKTOK_LIFE)
    tokens = await signed_in(vault_stage, person="p1")
    assert (await exchange(vault_stage, tokens["access_token"])).status_code == 200


@pytest.mark.usefixtures("patient")
async def test_of_fifty_callers_one_refreshes_and_all_get_the_new_token(vault_stage: Stage) -> None:
    tokens = await signed_in(vault_stage)
    fresh = await near_the_end(vault_stage, tokens)
    answers = await asyncio.gather(*(exchange(vault_stage, fresh) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["access_token"] for answer in answers}) == 1
    assert refreshes(vault_stage) == 1
    assert len(await audited(vault_stage, "tiktok_token.handed_out")) == 50


async def test_the_new_pair_is_stored_before_anybody_uses_it(
    vault_stage: Stage,
) -> None:
    """What an app holds is in the database already, whatever happens to the process next."""
    tokens = await signed_in(vault_stage)
    fresh = await near_the_end(vault_stage, tokens)
    before = await row_of(vault_stage.database)
    told = (await exchange(vault_stage, fresh)).json()
    after = await row_of(vault_stage.database)
    assert after["sealed_tokens"] != before["sealed_tokens"]
    assert (after["refresh_lease"], after["refresh_lease_until"]) == (None, None)
    assert told["access_token"].encode() not in after["sealed_tokens"]


@pytest.mark.parametrize(
    ("fault", "kept"),
    [
        (Fault("token", "rate_limit", times=None), True),
        (Fault("token", "html", times=None), True),
        (Fault("token", "error", error="invalid_client", times=None), True),
        (Fault("token", "error", error="something_new", times=None), True),
        (Fault("token", "reset", times=None), False),
        (Fault("token", "not_json", times=None), False),
        (Fault("token", "error", error="invalid_grant", times=None), False),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else "",
)
async def test_a_pair_is_kept_only_where_tiktok_has_certainly_not_renewed_it(
    vault_stage: Stage, fault: Fault, kept: bool
) -> None:
    """While the old token is good it is handed out; one that may be dead is never tried again."""
    tokens = await signed_in(vault_stage)
    fresh = await near_the_end(vault_stage, tokens)
    vault_stage.world.faults.add(fault)
    answer = await exchange(vault_stage, fresh)
    row = await row_of(vault_stage.database)
    assert (row["sealed_tokens"] is not None) is kept
    assert row["refresh_lease"] is None
    vault_stage.world.faults.clear()
    if kept:
        assert answer.status_code in (200, 400, 503)
        assert (await exchange(vault_stage, fresh)).status_code == 200
    else:
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
        assert "new sign-in" in answer.json()["error_description"]
        calls = vault_stage.world.counters["token"]["calls"]
        assert (await exchange(vault_stage, fresh)).json()["error"] == "invalid_grant"
        assert vault_stage.world.counters["token"]["calls"] == calls
        (event,) = await audited(vault_stage, "tiktok_tokens.lost")
        assert event["actor"] == "broker"
        # Their sessions and grants go on; and a new sign-in brings new tokens.
        tokens = await signed_in(vault_stage)
        assert (await exchange(vault_stage, tokens["access_token"])).status_code == 200


async def test_while_tiktok_is_down_an_expired_token_is_not_handed_out(vault_stage: Stage) -> None:
    tokens = await signed_in(vault_stage)
    fresh = await near_the_end(vault_stage, tokens, left=0)
    vault_stage.world.faults.add(Fault("token", "html", times=None))
    answer = await exchange(vault_stage, fresh)
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert "retry-after" in answer.headers
    assert await audited(vault_stage, "tiktok_token.handed_out") == []


async def test_whoever_comes_meanwhile_waits_for_what_is_being_stored(vault_stage: Stage) -> None:
    tokens = await signed_in(vault_stage)
    fresh = await near_the_end(vault_stage, tokens)
    died = await dying(vault_stage)
    waiting = asyncio.create_task(exchange(vault_stage, fresh))
    await vault_stage.http.get("/healthz")
    assert not waiting.done()
    await died.store_after_all()
    answer = await waiting
    assert answer.status_code == 200
    assert await tiktok_knows(vault_stage, answer.json()["access_token"])
    assert refreshes(vault_stage) == 1


async def test_a_crash_between_answer_and_storing_is_found_and_told(vault_stage: Stage) -> None:
    """The lease of whoever died runs out: the pair is dead, and is not tried again blindly."""
    tokens = await signed_in(vault_stage)
    fresh = await near_the_end(vault_stage, tokens)
    await dying(vault_stage)
    vault_stage.clock.advance(45)
    answer = await exchange(vault_stage, fresh)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert "new sign-in" in answer.json()["error_description"]
    assert refreshes(vault_stage) == 1
    (event,) = await audited(vault_stage, "tiktok_tokens.lost")
    assert event["reason"] == "abandoned"
    row = await row_of(vault_stage.database)
    assert (row["sealed_tokens"], row["refresh_lease"]) == (None, None)
    # The person's session and grant have nothing to do with it.
    assert (await vault_stage.userinfo(fresh)).status_code == 200


async def test_a_new_sign_in_beats_a_refresh_that_is_under_way(vault_stage: Stage) -> None:
    """What the refresh brings later is for the pair before, and is not stored over the newer one."""
    tokens = await signed_in(vault_stage)
    await near_the_end(vault_stage, tokens)
    died = await dying(vault_stage)
    tokens = await signed_in(vault_stage)
    row = await row_of(vault_stage.database)
    assert (row["refresh_lease"], row["refresh_lease_until"]) == (None, None)
    assert not await died.store_after_all()
    assert (await row_of(vault_stage.database))["sealed_tokens"] == row["sealed_tokens"]
    told = (await exchange(vault_stage, tokens["access_token"])).json()
    assert await tiktok_knows(vault_stage, told["access_token"])


async def test_a_database_that_fails_at_the_storing_is_given_time(vault_stage: Stage) -> None:
    """TikTok has killed the old pair, so the new one is worth some waiting."""
    tokens = await signed_in(vault_stage)
    await near_the_end(vault_stage, tokens)
    shaky = Shaky(vault_stage.database, failures=3)
    waited: list[float] = []

    async def pause(seconds: float) -> None:
        waited.append(seconds)

    live = await replica(vault_stage, cast("Database", shaky), pause)
    assert waited == [1, 1, 1]
    assert await tiktok_knows(vault_stage, live.access_token.reveal())
    assert live == await replica(vault_stage, vault_stage.database)
    assert refreshes(vault_stage) == 1


async def test_the_tokens_of_somebody_else_are_not_stored(vault_stage: Stage) -> None:
    tokens = await signed_in(vault_stage)
    fresh = await near_the_end(vault_stage, tokens)
    vault_stage.world.faults.add(Fault("token", "different_open_id"))
    answer = await exchange(vault_stage, fresh)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert (await row_of(vault_stage.database))["sealed_tokens"] is None


async def test_a_bound_subject_needs_its_key(vault_stage: Stage) -> None:
    """RFC 9449 §7: whoever stole the access token has no TikTok token either."""
    browser = await vault_stage.browser()
    answer = await vault_stage.come_back(browser, vault_stage.question(APP, redirect_uri=REDIRECT))
    code = {"grant_type": "authorization_code", "code": answer["code"], "redirect_uri": REDIRECT}
    code["code_verifier"] = VERIFIER
    tokens = (await vault_stage.http.post("/token", data=code, headers=BASIC | proof(vault_stage))).json()
    assert tokens["token_type"] == "DPoP"
    asked = form(tokens["access_token"])
    for headers in (BASIC, BASIC | proof(vault_stage, private=key("ES256", "second"))):
        refused = await vault_stage.http.post("/token", data=asked, headers=headers)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    proven = BASIC | proof(vault_stage)
    assert (await vault_stage.http.post("/token", data=asked, headers=proven)).status_code == 200
    again = await vault_stage.http.post("/token", data=asked, headers=proven)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_dpop_proof")


async def row_of(database: Database) -> dict[str, Any]:
    (row,) = (await contents(database))["accounts"]
    return row


async def kept_of(stage: Stage) -> Kept:
    kept = await stage.database.read(token_pairs.of_account, (await row_of(stage.database))["id"])
    assert kept is not None
    return kept


async def replica(stage: Stage, database: Database, pause: Callable[[float], Any] = asyncio.sleep) -> LiveToken:
    """What another replica gets, over this database."""
    async with upstream_client() as http:
        tiktok = connectors(stage.settings, http, stage.clock)
        vault = Vault(database, Sealer(stage.settings.secret_keys), tiktok, stage.clock, pause)
        return await vault.live(await kept_of(stage))


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Shaky:
    """A database that is away, so many times, when a new pair is to be stored."""

    under: Database
    failures: int
    error: type[BaseException] = DatabaseUnavailable
    arguments: tuple[Any, ...] = ()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.under, name)

    async def run(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        if function is token_pairs.renew and self.failures:
            self.failures -= 1
            self.arguments = args
            raise self.error("away")
        return await self.under.run(function, *args, **kwargs)

    async def store_after_all(self) -> bool:
        """What the dead process would have done next."""
        return await self.under.run(token_pairs.renew, *self.arguments)


async def dying(stage: Stage) -> Shaky:
    """A replica that ended between TikTok's answer and the storing of it."""
    shaky = Shaky(stage.database, failures=1, error=Killed)
    with pytest.raises(Killed):
        await replica(stage, cast("Database", shaky))
    return shaky
