"""`/metrics`: what was counted, for those who may see it."""

import httpx
import pytest

from broker import telemetry
from tests.stage import HeldClock
from tests.web.front import Front, running_front

TOKEN = "canary-metrics-token"
HERE = {"Host": "127.0.0.1:8000"}


def from_peer(front: Front, peer: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=front.app, client=(peer, 40_000))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000")


async def test_text_for_prometheus_and_openmetrics_for_who_accepts_it(front: Front) -> None:
    text = await front.http.get("/metrics", headers=HERE)
    assert (text.status_code, text.headers["cache-control"]) == (200, "no-store")
    assert text.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'broker_tiktok_circuit_open{registration="default"}' in text.text
    # Absent counters could not be subtracted from each other.
    for name in ("broker_logins_started_total", "broker_logins_returned_total"):
        assert f'{name}{{registration="default"}}' in text.text
    # Nor would the first of what wakes somebody be seen to rise.
    for sample in (
        'broker_tiktok_calls_total{endpoint="refresh",outcome="misconfigured",registration="default"}',
        'broker_tiktok_token_refreshes_total{outcome="lost",registration="default"}',
        'broker_outbox_deliveries_total{kind="backchannel_logout",outcome="given_up"}',
    ):
        assert sample in text.text
    accept = "application/openmetrics-text;version=1.0.0;q=0.9,text/plain;q=0.5"
    other = await front.http.get("/metrics", headers={**HERE, "Accept": accept})
    assert other.headers["content-type"].startswith("application/openmetrics-text")
    assert other.text.endswith("# EOF\n")


@pytest.mark.parametrize(
    "accept", ["", "text/plain;version=no;escaping=x", "\xff", "application/openmetrics-text;version=;"]
)
async def test_no_accept_header_breaks_it(front: Front, accept: str) -> None:
    headers = [(b"accept", accept.encode("latin-1")), (b"host", b"localhost")]
    assert (await front.http.get("/metrics", headers=headers)).status_code == 200


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"])
async def test_without_a_token_this_machine_may_look(front: Front, peer: str) -> None:
    async with from_peer(front, peer) as http:
        assert (await http.get("/metrics")).status_code == 200
        assert (await http.get("/metrics", headers={"Host": "[::1]:8000"})).status_code == 200


@pytest.mark.parametrize("peer", ["10.0.0.7", "203.0.113.5", "::ffff:10.0.0.7", "fe80::1", "unix", "0.0.0.0", ""])
async def test_without_a_token_nobody_else_may(front: Front, peer: str) -> None:
    async with from_peer(front, peer) as http:
        answer = await http.get("/metrics")
    assert (answer.status_code, answer.json()["error"]) == (403, "access_denied")
    assert "broker_" not in answer.text


@pytest.mark.parametrize(
    "header",
    [
        {"X-Forwarded-For": "127.0.0.1"},
        {"X-Forwarded-For": "203.0.113.5"},
        {"X-Forwarded-For": ""},
        {"X-Real-IP": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
        {"X-Forwarded-Host": "id.example"},
        {"X-Forwarded-Proto": "https"},
        {"Via": "1.1 proxy"},
        {"Host": "id.example"},
        {"Host": "localhost.evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": ""},
    ],
)
async def test_what_a_proxy_passed_on_is_not_from_this_machine(front: Front, header: dict[str, str]) -> None:
    """Even when the proxy stands here, and so is the one that the server sees."""
    answer = await front.http.get("/metrics", headers={**HERE, **header})
    assert answer.status_code == 403


async def test_with_a_token_only_who_brings_it_may_look(file_url: str, clock: HeldClock) -> None:
    async with running_front(file_url, clock, BROKER_METRICS_TOKEN=TOKEN) as front:
        good = {"Authorization": f"Bearer {TOKEN}", "X-Forwarded-For": "203.0.113.5"}
        assert (await front.http.get("/metrics", headers=good)).status_code == 200
        for bad in (None, "", "Bearer", f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", TOKEN):
            headers = {} if bad is None else {"Authorization": bad}
            answer = await front.http.get("/metrics", headers={**HERE, **headers})
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="metrics"')
            assert TOKEN not in answer.text
        twice = [("Authorization", f"Bearer {TOKEN}")] * 2
        assert (await front.http.get("/metrics", headers=twice)).status_code == 401
        strange = [(b"Authorization", b"Bearer \xff\xfe")]
        assert (await front.http.get("/metrics", headers=strange)).status_code == 401


def test_words_of_others_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry, "_words", set())
    assert telemetry.word("open_id") == "open_id"
    for bad in ("", "Open-Id", "a" * 41, "é", "act.token!1", "a\n", "9"):
        assert telemetry.word(bad) == "other"
    for number in range(200):
        telemetry.word(f"word_{number}")
    assert telemetry.word("one_too_many") == "other"
    assert telemetry.word("open_id") == "open_id"
    assert len(telemetry._words) == 100
