"""A client's keys come from its registration or from its `jwks_uri`, which is asked rarely and one at a time."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx
import orjson
import pytest

from broker.client_auth.jwks import KeySource
from broker.client_auth.public_key import PublicKey, Unacceptable
from broker.oauth import client_metadata
from broker.outbound import Outbound, Reach
from tests.client_auth.signing import NOW, jwk, key

URI = "https://client.example/jwks.json"
FIRST = jwk(key("ES256"), kid="first")
SECOND = jwk(key("ES256", "second"), kid="second")


class Publisher:
    """The client's own server: answers with `keys`, or with `body`, and counts how often it was asked."""

    def __init__(self, *keys: object) -> None:
        self.keys = keys
        self.status = 200
        self.body: bytes | None = None
        self.asked = 0
        self.at_once = 0
        self.most_at_once = 0
        http = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))
        self.source = KeySource(Outbound(http, Reach(private=False, loopback=False)))

    async def choose(self, kid: str | None = "first", *, now: int = NOW, uri: str = URI) -> PublicKey:
        return await self.source.choose(client_metadata.read({"jwks_uri": uri}), "ES256", kid, now=now)

    async def refuses(self, kid: str | None = "first", *, now: int = NOW) -> str:
        with pytest.raises(Unacceptable) as refused:
            await self.choose(kid, now=now)
        return str(refused.value)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        for _ in range(3):
            await asyncio.sleep(0)
        self.at_once -= 1
        body = orjson.dumps({"keys": self.keys}) if self.body is None else self.body
        return httpx.Response(self.status, content=body)


async def registered(
    *keys: Mapping[str, Any], alg: str = "ES256", kid: str | None = None, jwks_uri: str | None = None
) -> PublicKey:
    metadata = client_metadata.read({"jwks": {"keys": keys} if keys else {}, "jwks_uri": jwks_uri})
    return await Publisher().source.choose(metadata, alg, kid, now=NOW)


async def test_a_registered_key_is_found_by_its_kid_or_as_the_only_one() -> None:
    rsa = jwk(key("PS256"), kid="first")
    assert (await registered(FIRST, SECOND, kid="second")).kid == "second"
    assert (await registered(FIRST)).kid == "first"
    assert (await registered(FIRST, rsa)).alg == "ES256"
    assert (await registered(FIRST, rsa, alg="PS256", kid="first")).alg == "PS256"
    assert (await registered(jwk(key("ES256")))).kid is None


@pytest.mark.parametrize(
    ("keys", "kid"),
    [
        ((), None),
        ((FIRST,), "second"),
        ((jwk(key("ES256")),), "first"),
        ((FIRST, SECOND), None),
        ((FIRST, {**SECOND, "kid": "first"}), "first"),
        (({**FIRST, "use": "enc"},), "first"),
        (({**FIRST, "alg": "ES384"},), "first"),
        ((jwk(key("PS256"), kid="first"),), "first"),
        (({"kty": "oct", "k": "AAAA", "kid": "first"},), "first"),
    ],
    ids=[
        "no keys",
        "another kid",
        "a key without kid for a named one",
        "two without kid",
        "one kid twice",
        "for encryption",
        "for another algorithm",
        "another kind",
        "a shared secret",
    ],
)
async def test_no_registered_key_fits(keys: tuple[Mapping[str, Any], ...], kid: str | None) -> None:
    with pytest.raises(Unacceptable):
        await registered(*keys, kid=kid)


async def test_with_a_jwks_uri_registered_keys_do_not_count() -> None:
    """RFC 7591 §2: a client has one or the other."""
    with pytest.raises(Unacceptable):
        await registered(FIRST, jwks_uri=URI)


async def test_a_published_set_is_kept_for_five_minutes() -> None:
    publisher = Publisher(FIRST)
    for now in (NOW, NOW + 1, NOW + 299):
        assert (await publisher.choose(now=now)).kid == "first"
    assert publisher.asked == 1
    await publisher.choose(now=NOW + 300)
    assert publisher.asked == 2


async def test_a_key_that_was_withdrawn_ends_with_the_kept_set() -> None:
    publisher = Publisher(FIRST)
    await publisher.choose()
    publisher.keys = (SECOND,)
    assert await publisher.choose(now=NOW + 299)
    assert "no such key" in await publisher.refuses(now=NOW + 300)


async def test_a_new_key_is_found_at_its_first_use() -> None:
    publisher = Publisher(FIRST)
    await publisher.choose()
    publisher.keys = (FIRST, SECOND)
    assert (await publisher.choose("second", now=NOW + 30)).kid == "second"
    assert publisher.asked == 2


async def test_forged_names_cause_one_fetch_in_thirty_seconds() -> None:
    publisher = Publisher(FIRST)
    for moment in range(60):
        await publisher.refuses(f"forged-{moment}", now=NOW + moment)
    assert publisher.asked == 2


async def test_many_at_once_fetch_once() -> None:
    publisher = Publisher(FIRST)
    chosen = await asyncio.gather(*(publisher.choose() for _ in range(50)))
    assert {one.kid for one in chosen} == {"first"}
    assert publisher.asked == 1
    publisher.keys = (FIRST, SECOND)
    await asyncio.gather(*(publisher.choose("second", now=NOW + 40 + one % 2) for one in range(50)))
    assert (publisher.asked, publisher.most_at_once) == (2, 1)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b"{}"),
        (302, b""),
        (200, b"<html>"),
        (200, b"[" * 60_000),
        (200, b"\xff"),
        (200, b"[]"),
        (200, b'{"keys":{}}'),
        (200, orjson.dumps({"keys": [SECOND] * 51})),
        (200, orjson.dumps({"keys": [SECOND], "padding": "x" * 65_536})),
    ],
    ids=["500", "redirect", "html", "deep", "not UTF-8", "a list", "keys as object", "51 keys", "too long"],
)
async def test_the_last_good_set_outlives_a_bad_answer(status: int, body: bytes) -> None:
    publisher = Publisher(FIRST)
    await publisher.choose()
    publisher.status, publisher.body = status, body
    for now in (NOW + 300, NOW + 329, NOW + 330):
        assert (await publisher.choose(now=now)).kid == "first"
    assert publisher.asked == 3
    publisher.status, publisher.body, publisher.keys = 200, None, (SECOND,)
    assert (await publisher.choose("second", now=NOW + 360)).kid == "second"


async def test_the_last_good_set_does_not_live_for_ever() -> None:
    """Whoever keeps a client's server from answering must not keep a withdrawn key alive."""
    publisher = Publisher(FIRST)
    await publisher.choose()
    publisher.status = 503
    day = 24 * 60 * 60
    assert await publisher.choose(now=NOW + day - 1)
    assert "status 503" in await publisher.refuses(now=NOW + day)


async def test_a_server_that_never_answered_is_asked_every_thirty_seconds() -> None:
    publisher = Publisher(FIRST)
    publisher.status = 404
    for now in (NOW, NOW + 1, NOW + 29):
        assert "client.example answered with status 404" in await publisher.refuses(now=now)
    assert publisher.asked == 1
    publisher.status = 200
    assert await publisher.choose(now=NOW + 30)


async def test_an_address_inside_is_not_asked() -> None:
    publisher = Publisher(FIRST)
    with pytest.raises(Unacceptable, match="private network"):
        await publisher.choose(uri="https://10.0.0.1/jwks.json")
    assert publisher.asked == 0


async def test_a_bad_key_does_not_spoil_the_others_and_private_members_are_ignored() -> None:
    """RFC 7517 §5: what is not understood is passed over."""
    publisher = Publisher(None, 5, {"kty": "new"}, jwk(key("ES256"), secret=True, kid="first"))
    chosen = await publisher.choose()
    assert chosen.members == jwk(key("ES256"))


async def test_a_clock_that_was_set_back_does_not_freeze_a_set() -> None:
    publisher = Publisher(FIRST)
    await publisher.choose(now=NOW + 100_000)
    publisher.keys = (SECOND,)
    assert (await publisher.choose("second", now=NOW)).kid == "second"


async def test_a_fetch_that_was_broken_off_is_made_by_the_next() -> None:
    publisher = Publisher(FIRST)
    asking = asyncio.create_task(publisher.choose())
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert (await publisher.choose()).kid == "first"


async def test_the_number_of_kept_sets_is_bounded() -> None:
    publisher = Publisher(FIRST)
    for number in range(999):
        await publisher.choose(uri=f"{URI}?{number}")
    await publisher.choose(uri=f"{URI}?0")
    await publisher.choose(uri=f"{URI}?999")
    await publisher.choose(uri=f"{URI}?new")
    assert publisher.asked == 1_001
    # The one that waited longest gave way, not the one in use.
    await publisher.choose(uri=f"{URI}?0")
    assert publisher.asked == 1_001
    await publisher.choose(uri=f"{URI}?1")
    assert publisher.asked == 1_002
