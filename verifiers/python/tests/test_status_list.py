"""A revoked token is refused as soon as the list says so, and no other list is believed."""

import zlib
from typing import Any

import pytest

from broker_side import LIST, NOW, Broker, listed, status_list, token
from minting import b64
from tiktok_broker_verifier import Refused, Unavailable

PATH = "/status/3"


def test_a_revocation_arrives_within_the_ttl_of_the_list() -> None:
    broker = Broker()
    broker.publish_list()
    verifier = broker.verifier()
    assert verifier.verify(listed())
    broker.publish_list(revoked=[9])
    broker.now = NOW + 14
    assert verifier.verify(listed())
    assert broker.count(PATH) == 1
    broker.now = NOW + 15
    with pytest.raises(Refused, match="revoked"):
        verifier.verify(listed())
    assert verifier.verify(listed(8))
    assert verifier.verify(listed(10))
    assert broker.count(PATH) == 2


async def test_the_same_in_a_task() -> None:
    broker = Broker()
    broker.publish_list(revoked=[9])
    verifier = broker.async_verifier()
    assert await verifier.verify(listed(1))
    with pytest.raises(Refused, match="revoked"):
        await verifier.verify(listed())


def test_a_list_that_did_not_change_is_not_sent_again() -> None:
    broker = Broker()
    broker.publish_list()
    verifier = broker.verifier()
    for second in (0, 15, 30):
        broker.now = NOW + second
        assert verifier.verify(listed())
    asked = [request for request in broker.asked if request.url.path == PATH]
    assert ["if-none-match" in request.headers for request in asked] == [False, True, True]


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_a_place_has_one_to_eight_bits(bits: int) -> None:
    broker = Broker()
    broker.publish_list(revoked=[0, 5], bits=bits)
    verifier = broker.verifier()
    for index in (1, 4, 6):
        assert verifier.verify(listed(index))
    for index in (0, 5):
        with pytest.raises(Refused, match="revoked"):
            verifier.verify(listed(index))


def test_the_order_of_bits_is_the_drafts() -> None:
    """The example of draft-ietf-oauth-status-list, "Status List": 1 bit, sixteen places, bytes b9 a3."""
    broker = Broker()
    broker.publish_list(status_list={"bits": 1, "lst": "eNrbuRgAAhcBXQ"})
    verifier = broker.verifier()
    found = []
    for index in range(16):
        try:
            verifier.verify(listed(index))
            found.append(0)
        except Refused:
            found.append(1)
    assert found == [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]


def test_a_place_beyond_the_end_is_refused() -> None:
    broker = Broker()
    broker.publish_list()
    assert broker.verifier().verify(listed(799))
    with pytest.raises(Refused, match="beyond"):
        broker.verifier().verify(listed(800))


BAD: dict[str, dict[str, Any]] = {
    "a stranger's": {"key": "unpublished"},
    "another kind of token": {"typ": "at+jwt"},
    "of another address": {"sub": f"{LIST}4"},
    "of no address": {"sub": None},
    "over": {"exp": NOW},
    "without a date": {"iat": None},
    "with a bad ttl": {"ttl": 0},
    "without a list": {"status_list": None},
    "of three bits": {"status_list": {"bits": 3, "lst": b64(zlib.compress(b"\0"))}},
    "not packed": {"status_list": {"bits": 1, "lst": b64(b"\0\0\0")}},
    "cut short": {"status_list": {"bits": 1, "lst": b64(zlib.compress(bytes(100))[:-5])}},
    "a bomb": {"status_list": {"bits": 1, "lst": b64(zlib.compress(bytes(17 * 1024 * 1024), 9))}},
}


@pytest.mark.parametrize("changes", BAD.values(), ids=BAD.keys())
def test_a_list_that_cannot_be_believed_is_no_verdict(changes: dict[str, Any]) -> None:
    broker = Broker()
    broker.publish_list(**changes)
    with pytest.raises(Unavailable):
        broker.verifier().verify(listed())


@pytest.mark.parametrize("changes", BAD.values(), ids=BAD.keys())
def test_a_list_that_cannot_be_believed_does_not_replace_a_good_one(changes: dict[str, Any]) -> None:
    broker = Broker()
    broker.publish_list(revoked=[9])
    verifier = broker.verifier()
    assert verifier.verify(listed(1))
    broker.publish_list(**changes)
    broker.now = NOW + 15
    with pytest.raises(Refused, match="revoked"):
        verifier.verify(listed())
    assert verifier.verify(listed(1))
    broker.publish_list(revoked=[1])
    broker.now = NOW + 30
    with pytest.raises(Refused, match="revoked"):
        verifier.verify(listed(1))
    asked = [request for request in broker.asked if request.url.path == PATH]
    assert ["if-none-match" in request.headers for request in asked] == [False, True, False]


def test_a_list_that_is_fresh_is_good_however_short_it_would_be_kept_in_need() -> None:
    broker = Broker()
    broker.publish_list(ttl=None)
    verifier = broker.verifier(keep=60)
    assert verifier.verify(listed(1))
    broker.now = NOW + 299
    assert verifier.verify(listed(1))
    assert broker.count(PATH) == 1


def test_a_list_without_an_end_is_kept_no_longer_than_anything_else() -> None:
    broker = Broker()
    broker.publish_list(exp=None)
    verifier = broker.verifier(keep=400)
    assert verifier.verify(listed(1))
    broker.now = NOW + 399
    verifier.verify(token())
    broker.lists.clear()
    broker.now = NOW + 400
    with pytest.raises(Unavailable, match="list"):
        verifier.verify(listed(1))


def test_the_last_list_is_kept_while_the_broker_is_down_until_it_is_over() -> None:
    broker = Broker()
    broker.publish_list(revoked=[9], exp=NOW + 400)
    verifier = broker.verifier()
    assert verifier.verify(listed(1))
    broker.down = True
    broker.now = NOW + 399
    assert verifier.verify(listed(1))
    with pytest.raises(Refused, match="revoked"):
        verifier.verify(listed())
    broker.now = NOW + 400
    with pytest.raises(Unavailable):
        verifier.verify(listed(1))


def test_without_any_list_there_is_no_verdict() -> None:
    broker = Broker()
    with pytest.raises(Unavailable):
        broker.verifier().verify(listed())


@pytest.mark.parametrize(
    "uri",
    [
        "https://thief.example/status/3",
        "https://id.example.com.thief.example/status/3",
        "https://id.example.com@x/",
        7,
    ],
)
def test_a_list_of_somebody_else_is_not_fetched(uri: object) -> None:
    broker = Broker()
    with pytest.raises(Refused, match="status"):
        broker.verifier().verify(listed(uri=uri))
    assert {request.url.host for request in broker.asked} == {"id.example.com"}
    assert broker.count() == len(broker.asked)


@pytest.mark.parametrize("index", [-1, True, "9", 9.0, None])
def test_a_place_that_is_no_number_is_refused(index: object) -> None:
    with pytest.raises(Refused, match="status"):
        Broker().verifier().verify(listed(index))


@pytest.mark.parametrize("status", [{}, [], {"other": {}}, "revoked"])
def test_a_status_of_another_kind_is_refused(status: object) -> None:
    with pytest.raises(Refused, match="status"):
        Broker().verifier().verify(token(status=status))


def test_looking_can_be_switched_off() -> None:
    broker = Broker()
    assert broker.verifier(status_list=False).verify(listed())
    assert broker.count(PATH) == 0


def test_a_new_key_may_sign_the_list() -> None:
    broker = Broker(published=["es256"])
    verifier = broker.verifier()
    assert verifier.verify(token())
    broker.published = ["es256", "rs256"]
    broker.now = NOW + 30
    broker.lists[LIST] = status_list([9], now=NOW, key="rs256")
    with pytest.raises(Refused, match="revoked"):
        verifier.verify(listed())
