"""Where the broker is, it knows from its settings: no `Host` and no `X-Forwarded-*` of a request moves it."""

from tests.attacks.attacker import MACHINE, MACHINE_SECRET, proof, register_machine, signed_in
from tests.stage import Stage, answer_in

EVIL = "evil.example"
FORGED = {
    "Host": EVIL,
    "X-Forwarded-Host": EVIL,
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Port": "443",
    "X-Forwarded-For": "127.0.0.1",
    "X-Forwarded-Prefix": f"//{EVIL}",
    "X-Forwarded-Server": EVIL,
    "X-Original-URL": f"https://{EVIL}/authorize",
    "X-Rewrite-URL": "/logout",
    "X-HTTP-Method-Override": "DELETE",
    "Forwarded": f"for=127.0.0.1;host={EVIL};proto=https",
    "Origin": f"https://{EVIL}",
    "Referer": f"https://{EVIL}/",
}


async def test_documents_redirects_and_pages_name_the_issuer_alone(file_stage: Stage) -> None:
    browser, tokens = await signed_in(file_stage)
    plain = await file_stage.http.get("/.well-known/openid-configuration")
    forged = await file_stage.http.get("/.well-known/openid-configuration", headers=FORGED)
    assert forged.content == plain.content
    question = file_stage.question()
    stranger = await file_stage.browser()
    at_authorize, at_logout = f"{file_stage.issuer}/authorize", f"{file_stage.issuer}/logout"
    answers = [
        await browser.get(at_authorize, params=question, headers=FORGED),
        await browser.get(at_authorize, params={**question, "response_mode": "form_post"}, headers=FORGED),
        await stranger.get(at_authorize, params=question, headers=FORGED),
        await stranger.get(at_authorize, params={**question, "prompt": "none"}, headers=FORGED),
        await stranger.post(at_authorize, data=question, headers=FORGED),
        await stranger.post(at_logout, data={"state": "x"}, headers=FORGED),
        await browser.get(at_logout, headers=FORGED),
        await browser.get(f"{file_stage.issuer}//{EVIL}/%2e%2e/authorize", headers=FORGED),
        await browser.get(f"{file_stage.issuer}/authorize/", headers=FORGED),
        await file_stage.http.post(
            "/par", data=question, auth=("cli_web", "brs_canary-web-client-secret"), headers=FORGED
        ),
    ]
    for answer in answers:
        assert answer.status_code < 500
        # Cookies are for this host and no domain.
        assert "domain" not in answer.headers.get("set-cookie", "").lower()
        assert EVIL not in answer.text + str(answer.headers), answer.url
        assert "secure" not in answer.headers.get("set-cookie", "").lower()
        assert answer.headers.get("access-control-allow-origin") in (None, "*")
        assert "access-control-allow-credentials" not in answer.headers
    assert answer_in(answers[0].headers["location"])["iss"] == file_stage.issuer
    assert answers[4].headers["location"].startswith(f"{file_stage.issuer}/authorize?")
    assert answers[5].headers["location"].startswith(f"{file_stage.issuer}/logout?")
    bearer = {"Authorization": f"Bearer {tokens['access_token']}", **FORGED}
    assert (await file_stage.http.get("/userinfo", headers=bearer)).status_code == 200


async def test_a_dpop_proof_is_for_the_address_that_discovery_gives(file_stage: Stage) -> None:
    """RFC 9449 §4.3 point 9: a proof made for the attacker's server is not passed on by a forged `Host`."""
    await register_machine(file_stage)
    form = {"grant_type": "client_credentials"}
    for url, status in (
        (f"https://{EVIL}/token", 400),
        (f"http://{EVIL}/token", 400),
        (f"{file_stage.issuer}@{EVIL}/token", 400),
        (f"{file_stage.issuer}/par", 400),
        (f"{file_stage.issuer}/token", 200),
    ):
        headers = {**FORGED, "DPoP": proof(file_stage, "/token", htu=url)}
        answer = await file_stage.http.post("/token", data=form, headers=headers, auth=(MACHINE, MACHINE_SECRET))
        assert answer.status_code == status, url
