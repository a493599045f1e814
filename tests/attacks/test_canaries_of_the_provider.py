"""Secrets of pushed requests, assertions, proofs, sessions and sign-outs: looked for in logs, answers, tables."""

import httpx
import pytest

from broker import opaque
from tests.attacks.attacker import (
    KEYED,
    MACHINE,
    MACHINE_SECRET,
    asserted,
    assertion,
    code_form,
    proof,
    register_keyed,
    register_machine,
)
from tests.journeys.tables import contents
from tests.stage import PUBLIC, VERIFIER, WEB, WEB_SECRET, Stage, answer_in


async def test_a_providers_whole_day_leaves_no_secret_anywhere(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    """No canary in a log line or a refusal, and none in any row, where at most a digest or a seal may stand."""
    await register_machine(stage)
    await register_keyed(stage)
    canaries = {WEB_SECRET, MACHINE_SECRET, VERIFIER}
    refusals: list[httpx.Response] = []
    at = stage.issuer
    browser = await stage.browser()

    # A pushed request of a client with keys, a session, a code that is bound to a key, tokens.
    signed, shown = assertion(stage, KEYED), proof(stage, "/par")
    form = {**stage.question(KEYED, redirect_uri="https://app.example/callback"), **asserted(signed)}
    pushed = await stage.http.post("/par", data=form, headers={"DPoP": shown})
    assert pushed.status_code == 201, pushed.text
    request_uri = pushed.json()["request_uri"]
    visit = {"client_id": KEYED, "request_uri": request_uri}
    callback = await stage.consent(browser, (await stage.authorize(browser, visit)).headers["location"])
    canaries |= {value for name, value in browser.cookies.items() if name.startswith("broker_login_")}
    code = answer_in((await browser.get(callback)).headers["location"])["code"]
    session = browser.cookies["broker_session"]
    signed_again, shown_again = assertion(stage, KEYED), proof(stage, "/token")
    redeemed = await stage.http.post(
        "/token", data={**code_form(code), **asserted(signed_again)}, headers={"DPoP": shown_again}
    )
    assert redeemed.status_code == 200, redeemed.text
    tokens = redeemed.json()
    canaries |= {
        signed,
        shown,
        request_uri,
        request_uri.rpartition(":")[2],
        code,
        session,
        signed_again,
        shown_again,
    }
    canaries |= {tokens[name] for name in ("access_token", "refresh_token", "id_token")}

    # Everything once more, where it is refused: used, for somebody else, at the wrong place.
    here = proof(stage, "/userinfo", "GET", access_token="another")
    bound = {"Authorization": f"DPoP {tokens['access_token']}", "DPoP": here}
    question = await browser.get(f"{at}/logout")
    asked = question.text.partition('name="question" value="')[2].partition('"')[0]
    canaries |= {here, asked}
    refusals += [
        await stage.http.post("/par", data=form, headers={"DPoP": shown}),
        await stage.http.post(
            "/par", data={**stage.question(), "request_uri": request_uri}, auth=(WEB, WEB_SECRET)
        ),
        await stage.authorize(browser, visit),
        await stage.authorize(await stage.browser(), {"client_id": PUBLIC, "request_uri": request_uri}),
        await stage.http.post("/token", data={**code_form(code), **asserted(signed_again)}),
        await stage.http.post("/token", data={"grant_type": "x", **asserted(assertion(stage) + "A")}),
        await stage.http.post(
            "/token",
            data={"grant_type": "client_credentials"},
            headers={"DPoP": shown_again},
            auth=(MACHINE, MACHINE_SECRET),
        ),
        await stage.http.get("/userinfo", headers=bound),
        await stage.userinfo(tokens["access_token"]),
        await stage.http.post("/introspect", data={"token": tokens["refresh_token"]}, auth=(WEB, WEB_SECRET)),
        await stage.http.post("/revoke", data={"token": tokens["refresh_token"]}, auth=(WEB, "brs_wrong")),
        await stage.http.post("/introspect", data={"token": session}, auth=(WEB, WEB_SECRET)),
        await browser.get(
            f"{at}/logout", params={"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": at}
        ),
        await browser.get(f"{at}/logout", params={"id_token_hint": tokens["access_token"]}),
        await (await stage.browser()).post(f"{at}/logout/confirm", data={"question": asked}),
        await stage.authorize(browser, stage.question(id_token_hint=tokens["access_token"], nonce=session)),
        await stage.authorize(browser, stage.question(redirect_uri=f"https://evil.example/{request_uri}")),
        await browser.post(f"{at}/logout/confirm", data={"question": asked}),
        await stage.authorize(browser, stage.question(prompt="none")),
    ]
    logged = capsys.readouterr().err
    told = "".join(answer.text + repr(answer.headers) for answer in refusals)
    kept = await contents(stage.database)
    assert '"event":"session.ended"' in logged
    assert len(canaries) > 12
    for canary in canaries:
        assert canary not in logged, canary[:24]
        assert canary not in told, canary[:24]
        assert canary not in repr(kept), canary[:24]
        for table, rows in kept.items():
            values = [value for row in rows for value in row.values() if isinstance(value, bytes)]
            assert all(canary.encode() not in value for value in values), (table, canary[:24])
    # What stands for them is there: so it was the right tables that were searched.
    assert any(row["digest"] == opaque.digest(request_uri) for row in kept["pushed_requests"])
    assert len(kept["spent_ids"]) >= 4
    assert all("client_assertion" not in row["parameters"] for row in kept["pushed_requests"])
