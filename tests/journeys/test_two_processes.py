"""Two `broker serve` processes behind one address, sharing PostgreSQL: any step may land on either."""

from pathlib import Path

import httpx
import jwt

from broker.clock import system_clock
from broker.simulator.app import create_app
from broker.simulator.apps import App
from broker.simulator.serve import running as simulating
from broker.simulator.world import World
from broker.store.database import connect
from tests.cli.running import serving
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
"""Where a load balancer would listen; the test is the balancer."""


async def test_a_sign_in_wanders_between_two_processes(postgres_with_keys: str, tmp_path: Path) -> None:
    database = await connect(postgres_with_keys)
    await register_clients(database, now=system_clock())
    await database.close()
    world = World()
    world.add_app(App(CLIENT_KEY, TIKTOK_SECRET, [f"{ISSUER}/callback/tiktok"]))
    async with simulating(create_app(world)) as tiktok:
        environ = environment(ISSUER, postgres_with_keys, tiktok)
        (tmp_path / "a").mkdir()
        (tmp_path / "b").mkdir()
        with (
            serving(environ=environ, cwd=tmp_path / "a") as here,
            serving(environ=environ, cwd=tmp_path / "b") as there,
        ):
            async with httpx.AsyncClient(verify=False) as browser:
                await wander(browser, here.origin, there.origin)


async def wander(browser: httpx.AsyncClient, here: str, there: str) -> None:
    sent = await browser.get(f"{here}/authorize", params=question(scope="openid profile offline_access"))
    consent = {"person": "p1", "scope": "user.info.basic", "action": "allow"}
    back = await browser.post(sent.headers["location"], data=consent)
    arrived = await browser.get(back.headers["location"].replace(ISSUER, there))
    answer = answer_in(arrived.headers["location"])
    assert answer["iss"] == ISSUER
    form = {
        "grant_type": "authorization_code",
        "code": answer["code"],
        "redirect_uri": WEB_REDIRECT,
        "code_verifier": VERIFIER,
    }
    tokens = (await browser.post(f"{here}/token", data=form, auth=(WEB, WEB_SECRET))).json()
    keys = jwt.PyJWKSet.from_dict((await browser.get(f"{there}/.well-known/jwks.json")).json())
    kid = jwt.get_unverified_header(tokens["id_token"])["kid"]
    claims = jwt.decode(tokens["id_token"], keys[kid], algorithms=["ES256"], audience=WEB, issuer=ISSUER)
    assert claims["nonce"] == "the-nonce"
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    refreshed = (await browser.post(f"{there}/token", data=refresh, auth=(WEB, WEB_SECRET))).json()
    repeated = (await browser.post(f"{here}/token", data=refresh, auth=(WEB, WEB_SECRET))).json()
    assert refreshed["refresh_token"] == repeated["refresh_token"]
    told = await browser.get(f"{there}/userinfo", headers={"Authorization": f"Bearer {refreshed['access_token']}"})
    assert told.json()["sub"] == claims["sub"]
    # The code a second time, at the process that has not seen it: the grant ends for both.
    assert (await browser.post(f"{there}/token", data=form, auth=(WEB, WEB_SECRET))).status_code == 400
    for origin in (here, there):
        bearer = {"Authorization": f"Bearer {refreshed['access_token']}"}
        assert (await browser.get(f"{origin}/userinfo", headers=bearer)).status_code == 401
