"""Each audit event, made to happen as in the world: over HTTP, by a command, or by the keeper of keys."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import httpx
from click.testing import CliRunner, Result

from broker.cli.main import broker
from broker.keys.rotation import Rotation
from broker.keys.schedule import Rules
from broker.oauth.registration import ID_TOKEN_ALGS
from broker.sealing import Sealer
from broker.simulator.faults import Fault
from tests.cli.running import settings
from tests.journeys.tables import contents
from tests.keys.made import DAY, RULES
from tests.provider.proving import API_SECRET, register_machine
from tests.stage import CLIENT_KEY, PUBLIC, WEB, WEB_SECRET, HeldClock, Stage
from tests.tiktok import exchanging
from tests.tiktok.deliveries import deliver
from tests.tiktok.vaulting import near_the_end

OPERATOR = "ada@example.com"
_UNKNOWN = "the code is unknown, expired, or not presented as it was asked for"
Answer = httpx.Response | Result | None
Act = Callable[[], Awaitable[Answer]]


@dataclass(frozen=True)
class Happening:
    """`prepare` brings the stage to where what it answers makes the event happen.

    `by` is the event's actor, `reason` its reason unless that is no constant. `aside` are tables that have their
    own truth beside the event: a delivery of TikTok's was taken, whatever comes of it.
    """

    prepare: Callable[[Stage], Awaitable[Act]]
    by: str
    reason: str | None = None
    aside: frozenset[str] = frozenset()


HAPPENINGS: dict[str, Happening] = {}


def happens(
    event: str, *, by: str, reason: str | None = None, aside: tuple[str, ...] = ()
) -> Callable[[Callable[[Stage], Awaitable[Act]]], Callable[[Stage], Awaitable[Act]]]:
    """Put the function into the table."""

    def note(prepare: Callable[[Stage], Awaitable[Act]]) -> Callable[[Stage], Awaitable[Act]]:
        HAPPENINGS[event] = Happening(prepare, by, reason, frozenset(aside))
        return prepare

    return note


async def command(stage: Stage, *arguments: str, given: str | None = None) -> Result:
    """`broker …` as an operator of that name gives it, beside the broker, with `given` on standard input."""
    env = settings(stage.settings.database_url.reveal(), BROKER_OPERATOR=OPERATOR)
    return await asyncio.to_thread(CliRunner().invoke, broker, arguments, given, env=env, prog_name="broker")


async def at_the_callback(stage: Stage, browser: httpx.AsyncClient, person: str = "p1", **changes: Any) -> str:
    sent = await stage.authorize(browser, stage.question(**changes))
    return await stage.consent(browser, sent.headers["location"], person=person)


async def sub_of(stage: Stage, person: str = "p1") -> str:
    told = await stage.userinfo((await stage.sign_in(person=person))["access_token"])
    return str(told.json()["sub"])


@happens("sign_in", by="user")
async def _(stage: Stage) -> Act:
    browser = await stage.browser()
    callback = await at_the_callback(stage, browser)
    return lambda: browser.get(callback)


@happens("sign_in.refused", by="user", reason="somebody_else")
async def _(stage: Stage) -> Act:
    hint = (await stage.sign_in(person="p2"))["id_token"]
    browser = await stage.browser()
    callback = await at_the_callback(stage, browser, id_token_hint=hint, prompt="login")
    return lambda: browser.get(callback)


@happens("request.refused", by="client", reason=f"/token invalid_grant: {_UNKNOWN}")
async def _(stage: Stage) -> Act:
    return lambda: stage.redeem("brc_of-nobody")


@happens("session.ended", by="user", reason="sign_out")
async def _(stage: Stage) -> Act:
    hint = (await stage.sign_in())["id_token"]
    return lambda: stage.http.get("/logout", params={"id_token_hint": hint})


@happens("grant.ended", by="broker", reason="code_reuse")
async def _(stage: Stage) -> Act:
    code = (await stage.come_back(await stage.browser(), stage.question(PUBLIC)))["code"]
    assert (await stage.redeem(code, PUBLIC)).status_code == 200
    return lambda: stage.redeem(code, PUBLIC)


@happens("grant.revoked", by="client", reason="revoked")
async def _(stage: Stage) -> Act:
    token = (await stage.sign_in())["refresh_token"]
    return lambda: stage.http.post("/revoke", data={"token": token}, auth=(WEB, WEB_SECRET))


@happens("token.revoked", by="client")
async def _(stage: Stage) -> Act:
    own = (await register_machine(stage, f"cli_machine_{stage.clock()}"), API_SECRET)
    stage.clock.advance(1)
    answer = await stage.http.post("/token", data={"grant_type": "client_credentials"}, auth=own)
    return lambda: stage.http.post("/revoke", data={"token": answer.json()["access_token"]}, auth=own)


@happens("authorization.removed", by="tiktok", aside=("webhook_deliveries", "outbox"))
async def _(stage: Stage) -> Act:
    await stage.sign_in(person="p2")
    who = stage.world.people["p2"].open_id(CLIENT_KEY)

    async def act() -> Answer:
        answer = await deliver(stage.http, at=stage.clock(), user_openid=who)
        now = stage.clock()
        async with asyncio.timeout(5):
            # Due, or taken by whoever has half a minute for it.
            while any(row["due_at"] in (now, now + 30) for row in (await contents(stage.database))["outbox"]):
                await stage.http.get("/healthz")
        return answer

    return act


@happens("tiktok_token.handed_out", by="client")
async def _(stage: Stage) -> Act:
    token = (await exchanging.signed_in(stage))["access_token"]
    return lambda: exchanging.exchange(stage, token)


@happens("tiktok_tokens.lost", by="broker", reason="refused", aside=("accounts",))
async def _(stage: Stage) -> Act:
    fresh = await near_the_end(stage, await exchanging.signed_in(stage, person="p3"))
    stage.world.faults.add(Fault("token", "error", error="invalid_grant", times=None))

    async def act() -> Answer:
        try:
            return await exchanging.exchange(stage, fresh)
        finally:
            stage.world.faults.clear()

    return act


def _commanded(event: str, *arguments: str, before: tuple[str, ...] = (), reason: str | None = None) -> None:
    """A command about the client `cli_spare`, which is there, after the command `before`."""

    async def prepare(stage: Stage) -> Act:
        await command(stage, "clients", "remove", "cli_spare", "--yes")
        if event != "client.added":
            assert (await command(stage, *_ADD)).exit_code == 0
        if before:
            assert (await command(stage, *before)).exit_code == 0
        return lambda: command(stage, *arguments)

    HAPPENINGS[event] = Happening(prepare, f"operator:{OPERATOR}", reason)


_ADD = ("clients", "add", "Spare", "--client-id", "cli_spare", "--redirect-uri", "https://spare.example/callback")
_DISABLE = ("clients", "disable", "cli_spare")
_commanded("client.added", *_ADD)
_commanded("client.updated", "clients", "update", "cli_spare", "--scope", "openid", reason="scope")
_commanded("client.secret_rotated", "clients", "rotate-secret", "cli_spare")
_commanded("client.disabled", *_DISABLE)
_commanded("client.enabled", "clients", "enable", "cli_spare", before=_DISABLE)
_commanded("client.removed", "clients", "remove", "cli_spare", "--yes")
_commanded("purge.begun", "purge")
_commanded("reseal.begun", "keys", "reseal")


def _about_somebody(event: str, *words: str, before: tuple[str, ...] = ()) -> None:
    """A command about a person who is signed in, after the command `before`."""

    async def prepare(stage: Stage) -> Act:
        sub = await sub_of(stage)
        if before:
            assert (await command(stage, "users", *before, sub, "--yes")).exit_code == 0
        return lambda: command(stage, "users", words[0], sub, *words[1:])

    HAPPENINGS[event] = Happening(prepare, f"operator:{OPERATOR}")


_about_somebody("user.signed_out", "sign-out", "--yes")
_about_somebody("user.exported", "export")
_about_somebody("user.disconnected", "disconnect", "--yes")
_about_somebody("user.blocked", "block", "--yes")
HAPPENINGS["user.unblocked"] = Happening(lambda stage: _unblocking(stage), f"operator:{OPERATOR}")
_about_somebody("user.erased", "erase", "--yes")


async def _unblocking(stage: Stage) -> Act:
    (blocked,) = [row for row in (await contents(stage.database))["users"] if row["blocked_at"] is not None]
    return lambda: command(stage, "users", "unblock", blocked["id"])


def _taking_over(stage: Stage, person: str) -> Act:
    line = {"registration": "default", "open_id": stage.world.people[person].open_id(CLIENT_KEY)}
    return lambda: command(stage, "users", "import", "-", "--format", "jsonl", given=json.dumps(line))


@happens("users.imported", by=f"operator:{OPERATOR}", reason="1 added")
async def _(stage: Stage) -> Act:
    return _taking_over(stage, "p4")


@happens("user.joined", by="user", reason="imported")
async def _(stage: Stage) -> Act:
    await _taking_over(stage, "p5")()
    browser = await stage.browser()
    callback = await at_the_callback(stage, browser, person="p5")
    return lambda: browser.get(callback)


def _key_changed(event: str, *words: str) -> None:
    async def prepare(stage: Stage) -> Act:
        rows = [row for row in (await contents(stage.database))["signing_keys"] if row["alg"] == "ES256"]
        kid = max(rows, key=lambda row: int(row["number"]))["kid"]
        return lambda: command(stage, "keys", *(kid if word == "KID" else word for word in words))

    HAPPENINGS[event] = Happening(prepare, f"operator:{OPERATOR}")


_key_changed("key.rotated", "rotate", "--alg", "ES256")
_key_changed("key.revoked", "revoke", "KID", "--yes")


def _kept(event: str, *, later: int = 0, **rules: int) -> None:
    """What the keeper of keys does so much later, or by other rules: that of the stage does not do it before."""

    async def prepare(stage: Stage) -> Act:
        changed: Rules = replace(RULES, **rules)
        clock = HeldClock(stage.clock() + later)
        sealer = Sealer(stage.settings.secret_keys)
        keeper = Rotation(stage.database, sealer, ID_TOKEN_ALGS, changed, clock)

        async def act() -> Answer:
            await keeper.begin()
            return None

        return act

    HAPPENINGS[event] = Happening(prepare, "broker")


_kept("key.made", later=91 * DAY)
_kept("key.prolonged", token_life=1_200)
_kept("key.deferred", max_age=600)
_kept("key.hastened", lifetime=30 * DAY)
_kept("key.forgotten", later=200 * DAY)
