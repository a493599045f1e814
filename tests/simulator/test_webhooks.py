"""Webhooks: what is sent, how it is signed, and how often."""

import asyncio
import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

from broker.simulator import posting, webhooks
from broker.simulator.webhook_events import Event, removed, signature
from broker.simulator.world import App
from tests.simulator.driver import KEY, NOW, REDIRECT_URI, SECRET, WEB_KEY, WEBHOOK, Driver

HOUR = 3_600


def test_the_body_and_its_signature_are_tiktoks() -> None:
    """Byte for byte."""
    body = removed("aw0example0key01", "-000ExampleOpenIdExampleOpenIdExampl", 1, 1_615_338_610).body()
    assert body == (
        b'{"client_key":"aw0example0key01","event":"authorization.removed","create_time":1615338610,'
        rb'"user_openid":"-000ExampleOpenIdExampleOpenIdExampl","content":"{\"reason\": 1 }"}'
    )
    expected = "7eddf3cb90aac58df2b2ee8e673c18195e6ec4fd5b09eeccd0faac3ef7d5cf9b"
    assert signature("example_client_secret", 1_633_174_587, body) == f"t=1633174587,s={expected}"


def test_an_event_about_nobody_names_nobody() -> None:
    body = json.loads(Event(KEY, "portability.download.ready", NOW, None, '{"request_id": 1 }').body())
    assert body.keys() == {"client_key", "event", "create_time", "content"}


async def test_a_disconnection_kills_the_tokens_before_it_is_told(tiktok: Driver) -> None:
    await tiktok.settings(webhook_automatic=False)
    body = await tiktok.sign_in()
    after = await tiktok.control("people/p1/remove", client_key=KEY, reason=1)
    assert tiktok.posted == []
    assert (await tiktok.user_info(body["access_token"])).status_code == 401
    assert "error" in (await tiktok.refresh(body["refresh_token"])).json()
    assert (await tiktok.show()).status_code == 200, "consent is asked for again"
    assert (after["webhooks"][0]["outcome"], after["webhooks"][0]["attempts"]) == ("waiting", [])
    after = await tiktok.control("webhooks/deliver")
    [(url, headers, sent)] = tiktok.posted
    assert url == WEBHOOK
    assert headers == {"content-type": "application/json", "TikTok-Signature": signature(SECRET, NOW, sent)}
    assert json.loads(sent)["user_openid"] == body["open_id"]
    assert json.loads(json.loads(sent)["content"]) == {"reason": 1}
    assert after["webhooks"][0]["outcome"] == "delivered"
    assert after["webhooks"][0]["attempts"] == [{"at": NOW, "status": 200}]
    assert SECRET not in json.dumps(after)


async def test_webhooks_go_out_by_themselves(tiktok: Driver) -> None:
    await tiktok.sign_in()
    await tiktok.control("people/p1/remove", client_key=KEY, reason=1)
    await tiktok.control("webhooks/deliver")
    assert len(tiktok.posted) == 1


async def test_a_try_that_fails_is_made_again_by_itself(tiktok: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop's timer is the only thing that is made to hurry."""
    loop = asyncio.get_running_loop()
    asked, acknowledged = [], asyncio.Event()

    def call_soon_enough(pause: float, wake: Callable[[], None]) -> asyncio.Handle:
        asked.append(pause)
        tiktok.clock.now += 60
        tiktok.webhook_status = 200
        loop.call_soon(acknowledged.set)
        return loop.call_soon(wake)

    tiktok.webhook_status = 500
    monkeypatch.setattr(loop, "call_later", call_soon_enough)
    tiktok.world.webhooks.announce(tiktok.world.apps[KEY], Event(KEY, "a", NOW, None, "{ }"))
    await acknowledged.wait()
    monkeypatch.undo()
    await tiktok.world.webhooks.deliver()
    assert asked == [60]
    [delivery] = tiktok.world.webhooks.described()
    assert [attempt["status"] for attempt in delivery["attempts"]] == [500, 200]


@pytest.mark.parametrize("keeps", [True, False])
async def test_refusals_are_tried_again_for_72_hours_with_growing_pauses(tiktok: Driver, keeps: bool) -> None:
    await tiktok.settings(webhook_retry_keeps_time=keeps, webhook_automatic=False)
    await tiktok.sign_in()
    tiktok.webhook_status = 204
    await tiktok.control("people/p1/remove", client_key=KEY)
    at, times = NOW, []
    while True:
        [delivery] = (await tiktok.control("webhooks/deliver", at=at))["webhooks"]
        times.append(at - NOW)
        if delivery["next_at"] is None:
            break
        early = await tiktok.control("webhooks/deliver", at=delivery["next_at"] - 1)
        assert len(early["webhooks"][0]["attempts"]) == len(times)
        at = delivery["next_at"]
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert pauses[:4] == [60, 120, 240, 480]
    assert times[-1] == 72 * HOUR
    assert delivery["outcome"] == "dropped"
    assert [attempt["at"] - NOW for attempt in delivery["attempts"]] == times
    signed_at = [int(headers["TikTok-Signature"][2:].partition(",")[0]) - NOW for _, headers, _ in tiktok.posted]
    assert signed_at == ([0] * len(times) if keeps else times)
    assert len({body for _, _, body in tiktok.posted}) == 1


@pytest.mark.parametrize("status", [None, 201, 302, 400, 500])
async def test_only_200_is_an_acknowledgement(tiktok: Driver, status: int | None) -> None:
    await tiktok.settings(webhook_automatic=False)
    await tiktok.sign_in()
    tiktok.webhook_status = status
    await tiktok.control("people/p1/remove", client_key=KEY)
    [delivery] = (await tiktok.control("webhooks/deliver"))["webhooks"]
    assert (delivery["outcome"], delivery["next_at"]) == ("waiting", NOW + 60)
    tiktok.webhook_status = 200
    [delivery] = (await tiktok.control("webhooks/deliver", at=NOW + 60))["webhooks"]
    assert [attempt["status"] for attempt in delivery["attempts"]] == [status, 200]
    await tiktok.control("webhooks/deliver", at=NOW + 100 * HOUR)
    assert len(tiktok.posted) == 2


async def test_everything_can_be_sent_twice_and_the_header_be_written_the_other_way(tiktok: Driver) -> None:
    await tiktok.settings(webhook_duplicates=True, webhook_header="Tiktok-Signature")
    await tiktok.sign_in()
    await tiktok.control("people/p1/remove", client_key=KEY)
    await tiktok.control("webhooks/deliver")
    first, second = tiktok.posted
    assert first == second
    assert "Tiktok-Signature" in first[1]


async def test_any_event_can_be_sent(tiktok: Driver) -> None:
    ready = {"event": "portability.download.ready", "content": {"request_id": 9_007_199_254_740_993}}
    await tiktok.control("webhooks/send", client_key=KEY, **ready)
    strange = {"event": "new.one", "content": " not JSON", "open_id": "-x", "create_time": 5}
    await tiktok.control("webhooks/send", client_key=KEY, **strange, secret="other", signed_at=7)
    await tiktok.control("webhooks/deliver")
    (_, _, first), (_, headers, other) = sorted(tiktok.posted, key=lambda post: b"new.one" in post[2])
    assert json.loads(first)["create_time"] == NOW
    assert json.loads(json.loads(first)["content"]) == {"request_id": 9_007_199_254_740_993}
    assert "user_openid" not in json.loads(first)
    assert (json.loads(other)["user_openid"], json.loads(other)["create_time"]) == ("-x", 5)
    assert json.loads(other)["content"] == " not JSON"
    assert headers["TikTok-Signature"] == signature("other", 7, other)


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("webhooks/send", {"client_key": KEY}),
        ("webhooks/send", {"event": "a"}),
        ("webhooks/send", {"client_key": WEB_KEY, "event": "a"}),
        ("webhooks/send", {"client_key": KEY, "event": "a", "content": [1]}),
        ("webhooks/send", {"client_key": KEY, "event": "a", "create_time": -1}),
        ("webhooks/send", {"client_key": KEY, "event": "a", "more": 1}),
        ("webhooks/deliver", {"at": "soon"}),
        ("webhooks/deliver", {"when": 1}),
        ("people/p1/remove", {"client_key": KEY, "reason": 6}),
        ("people/p1/remove", {"client_key": "aw0nobody"}),
        ("people/p2/remove", {"client_key": KEY}),
        ("people/p1/remove", {}),
        ("people/p1/restore", {"reason": 1}),
    ],
)
async def test_what_makes_no_sense_sends_nothing(tiktok: Driver, path: str, options: dict[str, Any]) -> None:
    await tiktok.sign_in()
    response = await tiktok.http.post(f"/_simulator/{path}", json=options)
    assert response.status_code == 400, response.text
    assert response.json()["error"].endswith(".")
    await tiktok.control("webhooks/deliver")
    assert tiktok.posted == []


async def test_an_app_without_an_address_is_told_nothing(tiktok: Driver) -> None:
    tiktok.world.grants.consent("p1", WEB_KEY, asked=(), ticked=())
    await tiktok.control("people/p1/remove", client_key=WEB_KEY)
    assert (await tiktok.control("webhooks/deliver"))["webhooks"] == []


async def test_only_the_newest_deliveries_are_remembered(tiktok: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "_MAX_DELIVERIES", 2)
    for name in "abc":
        state = await tiktok.control("webhooks/send", client_key=KEY, event=name)
    assert [delivery["event"] for delivery in state["webhooks"]] == ["b", "c"]


async def test_a_post_reaches_the_address_with_its_header_as_it_is_written() -> None:
    """Over a socket, byte for byte: servers show header names in lower case."""
    received = asyncio.get_running_loop().create_future()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.set_result(await reader.readuntil(b"the end"))
        writer.write(b"HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 9\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
        assert await posting.post(url, {"Tiktok-Signature": "t=1,s=2"}, b"the end") == 302
    assert b"\r\nTiktok-Signature: t=1,s=2\r\n" in await received
    assert await posting.post(url, {}, b"") is None, "nobody listens any more"


@pytest.mark.parametrize("url", ["ftp://app.example.com/", "app.example.com", "https://", "https://a b/"])
def test_an_address_that_cannot_be_told_anything_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="events"):
        App(KEY, SECRET, [REDIRECT_URI], webhook_url=url)
