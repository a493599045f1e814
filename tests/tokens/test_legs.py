"""What each leg of a sign-in costs the database, counted at the driver of the running broker."""

from broker import opaque
from tests.stage import PUBLIC, VERIFIER, WEB, WEB_REDIRECT, WEB_SECRET, Stage, forged
from tests.store.watching import Statements


def writes_and_reads(stage: Stage, statements: Statements) -> list[str]:
    """What was sent since the last look; SQLite's writer always has its own BEGIN and COMMIT."""
    kinds = statements.kinds
    statements.clear()
    return kinds if stage.database.dialect == "postgresql" else [k for k in kinds if k not in {"BEGIN", "COMMIT"}]


async def test_a_whole_sign_in_costs_one_transaction_and_a_statement(statements: Statements, stage: Stage) -> None:
    """Once the app is known: nothing at `/authorize`, one transaction at the callback, one UPDATE at `/token`."""
    await stage.sign_in()
    browser, question = await stage.browser(), stage.question()
    statements.clear()

    sent = await stage.authorize(browser, question)
    assert writes_and_reads(stage, statements) == []

    callback = await stage.consent(browser, sent.headers["location"])
    answer = await browser.get(callback)
    kinds = statements.kinds
    statements.clear()
    assert kinds == ["BEGIN", *["INSERT"] * 5, "COMMIT"]

    code = answer.headers["location"].partition("code=")[2].partition("&")[0]
    tokens = (await stage.redeem(code)).json()
    assert writes_and_reads(stage, statements) == ["UPDATE"]

    tokens = (await stage.refresh(tokens["refresh_token"])).json()
    assert writes_and_reads(stage, statements) == ["UPDATE"]

    assert (await stage.userinfo(tokens["access_token"])).status_code == 200
    assert writes_and_reads(stage, statements) == ["SELECT"]


async def test_documents_cost_nothing(statements: Statements, stage: Stage) -> None:
    statements.clear()
    for path in ("jwks.json", "openid-configuration", "oauth-authorization-server"):
        assert (await stage.http.get(f"/.well-known/{path}")).status_code == 200
    assert (await stage.http.get("/healthz")).status_code == 200
    assert statements == []


async def test_a_forged_refresh_token_never_reaches_the_database(statements: Statements, stage: Stage) -> None:
    """Of a public client, which anybody may call themselves; who proved to be an app leaves an audit event."""
    token = (await stage.sign_in(PUBLIC))["refresh_token"]
    raw = opaque.decode(token.removeprefix("brt_"))
    assert raw is not None
    statements.clear()
    for place in range(0, len(raw), 4):
        changed = bytearray(raw)
        changed[place] ^= 1
        forged_token = "brt_" + opaque.encode(bytes(changed))
        assert (await stage.refresh(forged_token, PUBLIC)).status_code == 400
    assert statements == []
    assert (await stage.refresh(token, PUBLIC)).status_code == 200
    assert (await stage.refresh(forged_token)).status_code == 400
    assert [word for word in writes_and_reads(stage, statements) if word == "INSERT"] == ["INSERT"]


async def test_a_forged_access_token_never_reaches_the_database(statements: Statements, stage: Stage) -> None:
    tokens = await stage.sign_in()
    statements.clear()
    for bad in (tokens["id_token"], forged(tokens["access_token"]), "a.b.c"):
        assert (await stage.userinfo(bad)).status_code == 401
    assert statements == []


async def test_an_anonymous_request_writes_nothing(statements: Statements, stage: Stage) -> None:
    """Before TikTok has vouched for somebody, nothing is stored, whoever asks whatever."""
    form = {"grant_type": "authorization_code", "redirect_uri": WEB_REDIRECT, "code_verifier": VERIFIER}
    statements.clear()
    browser = await stage.browser()
    await stage.authorize(browser, stage.question())
    await stage.authorize(browser, stage.question("cli_unknown"))
    await browser.get(f"{stage.issuer}/callback/tiktok", params={"code": "c", "state": "s"})
    await stage.http.post("/token", data={**form, "code": "c"}, auth=(WEB, "wrong"))
    await stage.http.post("/token", data={**form, "code": "c"}, auth=("cli_unknown", WEB_SECRET))
    assert set(writes_and_reads(stage, statements)) <= {"SELECT"}
