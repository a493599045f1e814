"""The key set is fetched as seldom as its headers allow, once at a time, and outlives the broker."""

import asyncio
import gzip
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from broker_side import NOW, Broker, token
from minting import KEYS, public
from tiktok_broker_verifier import Refused, Unavailable
from tiktok_broker_verifier.jwk import BadKey, read, read_set

JWKS = "/.well-known/jwks.json"
OTHER_KEYS = json.dumps({"keys": [public("rs256")]}).encode()


def test_one_fetch_serves_as_long_as_max_age_says_and_then_asks_whether_it_changed() -> None:
    broker = Broker()
    verifier = broker.verifier()
    for second in (0, 1, 299):
        broker.now = NOW + second
        assert verifier.verify(token())
    assert broker.count() == 1
    broker.now = NOW + 300
    assert verifier.verify(token())
    assert broker.count() == 2
    assert "if-none-match" not in broker.asked[0].headers
    assert "if-none-match" in broker.asked[1].headers
    broker.now = NOW + 599
    assert verifier.verify(token())
    assert broker.count() == 2


@pytest.mark.parametrize(
    ("headers", "good_for"),
    [
        ({}, 300), ({"Cache-Control": "max-age=60", "Age": "20"}, 40), ({"Cache-Control": "no-store"}, 5),
        ({"Cache-Control": "public, max-age=99999999"}, 86_400), ({"Cache-Control": "max-age=0"}, 5),
        ({"Cache-Control": "s-maxage=9, max-age=30"}, 30),
        ({"Cache-Control": "public, max-age=60, stale-while-revalidate=600"}, 60),
        ({"Cache-Control": "stale-while-revalidate=600, MAX-AGE=60"}, 60),
        ({"Cache-Control": "stale-while-revalidate=600"}, 300),
    ],
)  # fmt: skip
def test_the_headers_say_how_long(headers: dict[str, str], good_for: int) -> None:
    broker = Broker(headers=headers)
    verifier = broker.verifier(keep=604_800)
    forever = token(exp=NOW + 10**6)
    verifier.verify(forever)
    broker.now = NOW + good_for - 1
    verifier.verify(forever)
    assert broker.count() == 1
    broker.now = NOW + good_for
    verifier.verify(forever)
    assert broker.count() == 2


def test_a_new_key_is_found_at_once_but_unknown_ones_cost_one_fetch_in_thirty_seconds() -> None:
    broker = Broker(published=["es256"])
    verifier = broker.verifier()
    verifier.verify(token())
    for second in range(31):
        broker.now = NOW + second
        with pytest.raises(Refused, match="does not publish"):
            verifier.verify(token(key="unpublished"))
    assert broker.count() == 2
    broker.published = ["es256", "unpublished"]
    broker.now = NOW + 60
    assert verifier.verify(token(key="unpublished"))
    assert broker.count() == 3


def test_a_key_that_is_gone_from_the_set_verifies_nothing_any_more() -> None:
    broker = Broker()
    verifier = broker.verifier()
    verifier.verify(token())
    broker.published = ["rs256"]
    broker.now = NOW + 300
    with pytest.raises(Refused):
        verifier.verify(token())


def test_the_last_good_keys_are_kept_while_the_broker_is_down_but_not_for_ever() -> None:
    broker = Broker()
    verifier = broker.verifier()
    lasting = token(exp=NOW + 10**6)
    verifier.verify(lasting)
    broker.down = True
    for second in (300, 301, 86_399):
        broker.now = NOW + second
        assert verifier.verify(lasting)
    assert broker.count() == 3, "the pause after a failure was not kept"
    broker.now = NOW + 86_400
    with pytest.raises(Unavailable):
        verifier.verify(lasting)
    broker.down = False
    broker.now += 5
    assert verifier.verify(lasting)


def test_what_is_fresh_is_good_however_short_it_would_be_kept_in_need() -> None:
    broker = Broker()
    verifier = broker.verifier(keep=60)
    assert verifier.verify(token())
    broker.down = True
    broker.now = NOW + 299
    assert verifier.verify(token())
    broker.now = NOW + 300
    with pytest.raises(Unavailable):
        verifier.verify(token())
    assert broker.count() == 2


def test_no_keys_at_all_is_no_verdict_and_no_storm() -> None:
    broker = Broker(down=True)
    verifier = broker.verifier()
    for _ in range(9):
        with pytest.raises(Unavailable):
            verifier.verify(token())
    assert broker.count() == 1
    broker.down = False
    broker.now += 5
    assert verifier.verify(token())


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500), httpx.Response(302, headers={"Location": "https://thief.example/"}),
        httpx.Response(200, content=b"<html>"),
        httpx.Response(200, json={"keys": []}), httpx.Response(200, json=[]),
        httpx.Response(200, content=b"[" * 100_000), httpx.Response(200, content=OTHER_KEYS + b" " * 300_000),
        httpx.Response(200, content=gzip.compress(OTHER_KEYS), headers={"Content-Encoding": "gzip"}),
    ],
)  # fmt: skip
def test_an_answer_that_is_no_key_set_changes_nothing(answer: httpx.Response) -> None:
    broker = Broker()
    verifier = broker.verifier()
    verifier.verify(token())
    broker.raw[JWKS] = answer
    broker.now = NOW + 300
    assert verifier.verify(token())
    assert broker.count() == 2


def test_an_answer_that_drips_in_is_not_waited_for() -> None:
    broker = Broker()
    verifier = broker.verifier()
    verifier.verify(token())

    def dripping(request: httpx.Request) -> httpx.Response:
        broker.now += 11
        return httpx.Response(200, content=OTHER_KEYS)

    verifier._http = httpx.Client(transport=httpx.MockTransport(dripping))
    broker.now = NOW + 300
    assert verifier.verify(token())


def test_a_thread_does_not_wait_for_another_while_old_keys_do() -> None:
    broker = Broker()
    verifier = broker.verifier()
    verifier.verify(token())
    asked, answering = threading.Event(), threading.Event()

    def slow(request: httpx.Request) -> httpx.Response:
        asked.set()
        assert answering.wait(5)
        return broker(request)

    verifier._http = httpx.Client(transport=httpx.MockTransport(slow))
    broker.now = NOW + 300
    with ThreadPoolExecutor(2) as pool:
        fetching = pool.submit(verifier.verify, token())
        assert asked.wait(5)
        try:
            assert pool.submit(verifier.verify, token()).result(2)
            assert not fetching.done()
        finally:
            answering.set()
        assert fetching.result(5)


def test_a_key_is_for_the_algorithm_that_it_names() -> None:
    assert read(public("rs256"), alg="RS256")
    with pytest.raises(BadKey):
        read(public("rs256"), alg="PS256")


def test_many_threads_wait_for_one_fetch() -> None:
    broker = Broker()
    together = threading.Barrier(8)

    class Slow(Broker):
        def __call__(self, request: httpx.Request) -> httpx.Response:
            time.sleep(0.05)  # Long enough for the others to find it fetching.
            return super().__call__(request)

    broker = Slow()
    verifier = broker.verifier()

    def one(_: int) -> str:
        together.wait()
        return verifier.verify(token()).sub

    with ThreadPoolExecutor(8) as pool:
        assert len(list(pool.map(one, range(8)))) == 8
    assert broker.count() == 1


async def test_many_tasks_wait_for_one_fetch_and_none_waits_when_old_keys_do() -> None:
    answering = asyncio.Event()
    broker = Broker()

    async def slow(request: httpx.Request) -> httpx.Response:
        await answering.wait()
        return broker(request)

    verifier = broker.async_verifier()
    verifier._http = httpx.AsyncClient(transport=httpx.MockTransport(slow))
    first = [asyncio.create_task(verifier.verify(token())) for _ in range(8)]
    await asyncio.sleep(0)
    answering.set()
    assert len(await asyncio.gather(*first)) == 8
    assert broker.count() == 1

    answering.clear()
    broker.now = NOW + 300
    fetching = asyncio.create_task(verifier.verify(token()))
    for _ in range(9):
        await asyncio.sleep(0)
    assert await asyncio.wait_for(verifier.verify(token()), 5)
    assert not fetching.done()
    answering.set()
    assert await fetching
    assert broker.count() == 2


def test_a_key_that_is_not_understood_does_not_spoil_the_others() -> None:
    odd: list[object] = [None, {}, {"kty": "oct", "k": "AAAA", "alg": "HS256", "kid": "x"}, KEYS["rs256"]]
    body = json.dumps({"keys": [*odd, {**public("es256"), "kid": 7}, public("eddsa")]}).encode()
    assert list(read_set(body)) == [KEYS["eddsa"]["kid"]]


@pytest.mark.parametrize(
    "changes",
    [
        {"use": "enc"}, {"alg": "RS256"}, {"alg": "none"}, {"crv": "P-384"}, {"x": "AAAA"}, {"x": "é"},
        {"kty": "RSA"},
        {"x": public("es256")["y"]}, {"d": "AAAA"}, {"x": public("es256")["x"] + "="}, {"alg": ["ES256"]},
    ],
)  # fmt: skip
def test_a_key_of_another_shape_is_no_key(changes: dict[str, object]) -> None:
    assert read(public("es256"))
    with pytest.raises(BadKey):
        read({**public("es256"), **changes})


@pytest.mark.parametrize("changes", [{"n": "_" * 171 + "w"}, {"n": "AQAB"}, {"e": "AQAAAAAB"}])
def test_an_rsa_key_has_the_usual_size(changes: dict[str, str]) -> None:
    with pytest.raises(BadKey):
        read({**public("rs256"), **changes})
