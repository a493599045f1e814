"""Who is not TikTok changes nothing by the webhook, writes no row, and learns nothing from the answer."""

from collections.abc import AsyncIterator

import pytest

from tests.journeys.tables import contents
from tests.stage import CLIENT_KEY, TIKTOK_SECRET, HeldClock
from tests.tiktok.deliveries import OPEN_ID, PATH, body, deliver, post, signature
from tests.web.front import Front

UNKNOWN_KEY = "aw0unknown0key00"


async def test_every_forgery_gets_the_same_answer_and_leaves_no_row(
    front: Front, clock: HeldClock, capsys: pytest.CaptureFixture[str]
) -> None:
    now = clock()
    raw, unknown = body(), body(client_key=UNKNOWN_KEY)
    good = signature(raw, at=now)
    before = await contents(front.database)
    answers = [
        await post(front.http, raw, None),
        await post(front.http, raw, ""),
        await post(front.http, raw, "t=,s="),
        await post(front.http, raw, signature(raw, at=now, secret="guessed")),
        await post(front.http, raw, signature(raw, at=now, secret="")),
        await post(front.http, raw, signature(raw, at=now, secret="nobody")),
        await post(front.http, raw, signature(raw, at=now, secret=CLIENT_KEY)),
        await post(front.http, body(content='{"reason": 4 }'), good),
        await post(front.http, raw.replace(b":", b": ", 1), good),
        await post(front.http, raw, good.replace(str(now), str(now + 1))),
        await post(front.http, raw, signature(raw, at=now + 301)),
        await post(front.http, raw, signature(raw, at=now - 72 * 3600 - 1)),
        await post(front.http, raw, f"{good},{good}"),
        await post(front.http, unknown, signature(unknown, at=now)),
        await post(front.http, unknown, signature(unknown, at=now, secret="nobody")),
        await post(front.http, b"", signature(b"", at=now)),
        await post(front.http, b"{" * 60_000, signature(b"", at=now)),
        await post(front.http, b"\xff\0", signature(b"\xff\0", at=now)),
        await front.http.post(PATH, data={"client_key": CLIENT_KEY}, headers={"TikTok-Signature": good}),
        await front.http.post(PATH, params={"body": raw}, headers={"TikTok-Signature": good}),
    ]
    seen = {(answer.status_code, answer.content, answer.headers["www-authenticate"]) for answer in answers}
    said = b'{"error":"invalid_signature","error_description":"The delivery is not signed by TikTok."}'
    assert seen == {(401, said, "TikTok-Signature")}
    assert {frozenset(answer.headers) for answer in answers} == {frozenset(answers[0].headers)}
    assert await contents(front.database) == before
    logged = capsys.readouterr().err
    for kept in (TIKTOK_SECRET, OPEN_ID, good.partition("s=")[2], UNKNOWN_KEY):
        assert kept not in logged


async def test_a_signed_body_that_two_readers_read_differently_is_refused(front: Front, clock: HeldClock) -> None:
    """What checks the signature and what acts on the body must have read the same."""
    doubled = body().replace(b"{", b'{"user_openid":"a-victim",', 1)
    for raw in (doubled, body(content='{"reason":1,"reason":4}'), body(create_time="now"), body(event="a\0b")):
        answer = await post(front.http, raw, signature(raw, at=clock()))
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert (await contents(front.database))["webhook_deliveries"] == []


async def test_a_body_of_any_size_is_read_up_to_its_bound(front: Front, clock: HeldClock) -> None:
    """64 KiB; also when nobody says beforehand how much it will be."""
    room = 64 * 1024 - len(body(content=""))
    assert (await deliver(front.http, at=clock(), content="x" * room)).status_code == 200
    assert (await deliver(front.http, at=clock(), content="x" * (room + 1))).status_code == 413
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while read < 100:
            read += 1
            yield b"x" * 8_192

    answer = await front.http.post(PATH, content=endless(), headers={"TikTok-Signature": "t=1,s=0"})
    assert answer.status_code == 413
    assert len((await contents(front.database))["webhook_deliveries"]) == 1


async def test_it_can_only_be_posted_to_and_not_by_scripts_of_other_origins(front: Front) -> None:
    for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS"):
        answer = await front.http.request(method, PATH, headers={"Origin": "https://evil.example"})
        assert answer.status_code == 405, method
        assert "access-control-allow-origin" not in answer.headers
    for path in (f"{PATH}/", "/webhooks", f"{PATH}/default"):
        assert (await front.http.post(path, content=b"{}")).status_code == 404
