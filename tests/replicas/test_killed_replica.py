"""Three processes on one PostgreSQL, and one is killed under load: whoever was given a token has a good one."""

import contextlib
from pathlib import Path

import httpx

from broker.clock import system_clock
from broker.simulator.app import create_app
from broker.simulator.apps import App
from broker.simulator.serve import running as simulating
from broker.simulator.world import World
from broker.store.database import connect
from tests.cli.running import listening, starting
from tests.replicas.load import Chain, Load
from tests.stage import (
    CLIENT_KEY,
    TIKTOK_SECRET,
    VERIFIER,
    WEB,
    WEB_REDIRECT,
    WEB_SECRET,
    answer_in,
    environment,
    register_clients,
)
from tests.web.front import question

ISSUER = "http://127.0.0.1:8000"
"""Where a balancer would listen; the test is the balancer."""
REPLICAS, CHAINS = 3, 6


async def test_a_replica_killed_under_load_takes_no_token_with_it(postgres_with_keys: str, tmp_path: Path) -> None:
    database = await connect(postgres_with_keys)
    await register_clients(database, now=system_clock())
    await database.close()
    world = World()
    world.add_app(App(CLIENT_KEY, TIKTOK_SECRET, [f"{ISSUER}/callback/tiktok"]))
    async with contextlib.AsyncExitStack() as stack:
        tiktok = await stack.enter_async_context(simulating(create_app(world)))
        environ = environment(ISSUER, postgres_with_keys, tiktok)
        begun = [
            stack.enter_context(starting(environ=environ, cwd=tmp_path, name=f"{number}.log", patience=90))
            for number in range(REPLICAS)
        ]
        processes = [listening(each) for each in begun]
        origins = [each.origin for each in processes]
        http = await stack.enter_async_context(httpx.AsyncClient(verify=False, timeout=30))
        load = Load([await wander(http, origins, turn) for turn in range(CHAINS)])
        async with load.going_on(http, *origins):
            await load.one_more()
            processes[1].process.kill()
            # Everybody has been at it once, and got no answer.
            await load.until(lambda chain: 0 in chain.answers)
            await load.one_more()
            await load.one_more()
        for origin in (origins[0], origins[2]):
            bearer = {"Authorization": f"Bearer {load.chains[0].access_token}"}
            assert (await http.get(f"{origin}/userinfo", headers=bearer)).status_code == 200
        await load.assert_nothing_was_lost(http, origins[2])


async def wander(http: httpx.AsyncClient, origins: list[str], turn: int) -> Chain:
    """A sign-in of which no two requests in a row get to the same process."""
    here, there, last = (origins[(turn + step) % len(origins)] for step in range(3))
    http.cookies.clear()
    sent = await http.get(f"{here}/authorize", params=question(scope="openid profile offline_access"))
    consent = {"person": "p1", "scope": "user.info.basic", "action": "allow"}
    back = await http.post(sent.headers["location"], data=consent)
    arrived = await http.get(back.headers["location"].replace(ISSUER, there))
    form = {
        "grant_type": "authorization_code",
        "code": answer_in(arrived.headers["location"])["code"],
        "redirect_uri": WEB_REDIRECT,
        "code_verifier": VERIFIER,
    }
    tokens = (await http.post(f"{last}/token", data=form, auth=(WEB, WEB_SECRET))).json()
    return Chain([tokens["refresh_token"]], tokens["access_token"])
