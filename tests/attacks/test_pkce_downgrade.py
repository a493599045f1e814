"""PKCE cannot be taken out of a flow, neither by the request nor by the redemption (RFC 9700 §2.1.1, §4.8)."""

from broker import opaque
from tests.attacks.attacker import NO_PKCE, code_form, register_no_pkce
from tests.stage import PUBLIC, VERIFIER, WEB, WEB_SECRET, Stage, answer_in

CHALLENGE = opaque.sha256_base64url(VERIFIER)


async def test_a_request_without_an_s256_challenge_is_refused_however_it_is_left_out(file_stage: Stage) -> None:
    browser = await file_stage.browser()
    for client_id in (WEB, PUBLIC):
        for changes in (
            {"code_challenge": None, "code_challenge_method": None},
            {"code_challenge": None},
            {"code_challenge": ""},
            {"code_challenge_method": None},
            {"code_challenge_method": "plain", "code_challenge": VERIFIER},
            {"code_challenge_method": "plain"},
            {"code_challenge_method": "s256"},
            {"code_challenge_method": "S256 plain"},
            {"code_challenge": CHALLENGE + "="},
            {"code_challenge": opaque.sha256_hex(VERIFIER)},
        ):
            sent = await file_stage.authorize(browser, file_stage.question(client_id, **changes))
            assert answer_in(sent.headers["location"])["error"] == "invalid_request", changes
            if client_id == WEB:
                data = file_stage.question(client_id, **changes)
                pushed = await file_stage.http.post("/par", data=data, auth=(WEB, WEB_SECRET))
                assert (pushed.status_code, pushed.json()["error"]) == (400, "invalid_request"), changes
    assert not browser.cookies


async def test_where_pkce_is_waived_a_challenge_that_was_sent_still_counts(file_stage: Stage) -> None:
    """RFC 9700 §4.8.2: a verifier is wanted when a challenge was sent, and refused when none was."""
    await register_no_pkce(file_stage)
    browser = await file_stage.browser()

    async def code(**changes: str | None) -> str:
        answer = await file_stage.authorize(browser, file_stage.question(NO_PKCE, **asked(changes)))
        return answer_in(answer.headers["location"])["code"]

    async def redeemed(code: str, **changes: str | None) -> int:
        form = code_form(code, **changes)
        return (await file_stage.http.post("/token", data=form, auth=(NO_PKCE, WEB_SECRET))).status_code

    await file_stage.come_back(browser, file_stage.question())
    with_challenge = await code()
    assert await redeemed(with_challenge, code_verifier=None) == 400
    assert await redeemed(with_challenge, code_verifier="") == 400
    assert await redeemed(with_challenge) == 200
    without = await code(code_challenge=None, code_challenge_method=None)
    assert await redeemed(without) == 400
    assert await redeemed(without, code_verifier=None) == 200
    # What a request may not do is to say that it has a challenge and leave it out, or to send a plain one.
    halves: list[dict[str, str | None]] = [{"code_challenge": None}, {"code_challenge_method": None}]
    halves.append({"code_challenge_method": "plain"})
    for changes in halves:
        sent = await file_stage.authorize(browser, file_stage.question(NO_PKCE, **asked(changes)))
        assert answer_in(sent.headers["location"])["error"] == "invalid_request", changes


def asked(changes: dict[str, str | None]) -> dict[str, str | None]:
    return {"redirect_uri": "https://app.example/callback", **changes}
