"""What never reaches the database, or writes nothing there; what each leg costs it is in `tests/guard`."""

from broker import opaque
from tests.stage import PUBLIC, VERIFIER, WEB, WEB_REDIRECT, WEB_SECRET, Stage, forged
from tests.store.watching import Statements


def writes_and_reads(stage: Stage, statements: Statements) -> list[str]:
    """What was sent since the last look; SQLite's writer always has its own BEGIN and COMMIT."""
    kinds = statements.kinds
    statements.clear()
    return kinds if stage.database.dialect == "postgresql" else [k for k in kinds if k not in {"BEGIN", "COMMIT"}]


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
