"""The largest request that is promised to fit goes all the way: through the browser's cookie, TikTok, and back."""

import random
import string

from broker.client_auth import public_key
from broker.oauth.redirects import LONGEST
from tests.client_auth.signing import jwk, key
from tests.provider.proving import API_SECRET, post, proof, register
from tests.provider.visiting import told
from tests.stage import VERIFIER, Stage, answer_in

PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
IN_PATHS = string.ascii_letters + string.digits + "-._~!$&'()*+,;=:@/%"


async def test_with_everything_in_it_a_request_still_fits(file_stage: Stage) -> None:
    """`state` of 1,500, `nonce` of 500, the longest redirect URI, a hint, a key, pushed; nothing compresses."""
    stage, browser, chance = file_stage, await file_stage.browser(), random.Random(1)
    uri = ("https://app.example/" + "".join(chance.choices(IN_PATHS, k=LONGEST)))[:LONGEST]
    scope = "openid profile offline_access " + "".join(chance.choices(IN_PATHS, k=370))
    auth = (await register(stage, "cli_long", secret=API_SECRET, redirect_uris=[uri], scope=scope), API_SECRET)
    question = stage.question("cli_long", redirect_uri=uri, scope=scope)
    form = {"grant_type": "authorization_code", "redirect_uri": uri, "code_verifier": VERIFIER}
    code = (await stage.come_back(browser, question))["code"]
    hint = (await post(stage.http, "/token", form | {"code": code}, auth=auth)).json()["id_token"]
    everything = question | {
        "state": "".join(chance.choices(PRINTABLE, k=1_500)),
        "nonce": "".join(chance.choices(PRINTABLE, k=500)),
        "id_token_hint": hint,
        "dpop_jkt": public_key.read(jwk(key("ES256"))).thumbprint,
        "prompt": "login consent",
        "max_age": "999999999",
        "ui_locales": "zh-Hans",
    }
    pushed = await post(stage.http, "/par", everything, auth=auth)
    visited = {"client_id": "cli_long", "request_uri": pushed.json()["request_uri"]}
    for asked in (visited, everything):
        sent = await stage.authorize(browser, asked)
        back = await browser.get(await stage.consent(browser, sent.headers["location"]))
        answer = answer_in(back.headers["location"].removeprefix(uri))
        assert answer["state"] == everything["state"]
        redeemed = await post(
            stage.http, "/token", form | {"code": answer["code"]}, auth=auth, headers=proof(stage)
        )
        assert told(redeemed.json())["nonce"] == everything["nonce"]
