"""The ring: which key signs, which verify, and what is published."""

from dataclasses import replace

import pytest

from broker.keys.ring import Ring, pictured
from tests.keys.made import DAY, NOW, facts, refresh_key, signing_key


def test_published_are_public_halves_only() -> None:
    made = Ring((signing_key("ES256"), signing_key("RS256"), signing_key("EdDSA")), (refresh_key(),))
    published = made.jwks()["keys"]
    assert [key["alg"] for key in published] == ["ES256", "RS256", "EdDSA"]
    private = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
    assert not any(private & key.keys() for key in published)


def test_a_key_signs_from_its_second_on_and_until_a_younger_one_does() -> None:
    old, new = signing_key(signs_from=NOW), signing_key(signs_from=NOW + 10)
    made = Ring((old, signing_key("EdDSA"), new), (refresh_key(1), refresh_key(2, signs_from=NOW + 10)))
    for now, key, kid in ((NOW, old, "00000001"), (NOW + 9, old, "00000001"), (NOW + 10, new, "00000002")):
        assert made.signer("ES256", now=now) is key
        assert made.refresher(now=now).kid == kid
    assert len(made.jwks()["keys"]) == 3


def test_a_replica_whose_clock_is_behind_uses_the_first_key_all_the_same() -> None:
    made = Ring((signing_key(), signing_key(signs_from=NOW + 10)), (refresh_key(),))
    assert made.signer("ES256", now=NOW - 30) is made.signing[0]
    assert made.refresher(now=NOW - 30) is made.refresh[0]


def test_a_ring_without_the_key_says_so() -> None:
    made = Ring((signing_key("EdDSA"),), ())
    with pytest.raises(LookupError):
        made.signer("ES256", now=NOW)
    with pytest.raises(LookupError):
        made.refresher(now=NOW)


def test_no_key_shows_itself() -> None:
    key = replace(refresh_key(), secret=b"canary" * 6)
    made = Ring((signing_key(),), (key,))
    assert "canary" not in repr(made)
    assert "private" not in repr(made)


def test_a_picture_has_the_published_keys_and_apart_from_them_those_that_are_gone() -> None:
    old, now, following = (signing_key() for _ in range(3))
    rows = [
        facts(old.kid, signs_from=NOW - 90 * DAY),
        facts(now.kid, number=2, signs_from=NOW),
        facts(following.kid, number=3, signs_from=NOW + 90 * DAY),
    ]
    known = {key.kid: key for key in (old, now, following)}
    before = pictured(rows, known, now=NOW + 899)
    assert [key.kid for key in before.signing] == [old.kid, now.kid, following.kid]
    after = pictured(rows, known, now=NOW + 900)
    assert [key.kid for key in after.signing] == [now.kid, following.kid]
    assert [key.kid for key in after.past] == [old.kid]
    assert [published["kid"] for published in after.jwks()["keys"]] == [now.kid, following.kid]


def test_a_refresh_key_that_is_gone_is_in_no_picture() -> None:
    old, now = refresh_key(1), refresh_key(2)
    ring = {"use": "refresh", "alg": "HS256", "token_life": 30 * DAY}
    rows = [facts(old.kid, **ring), facts(now.kid, **ring, number=2, signs_from=NOW + DAY)]
    known = {old.kid: old, now.kid: now}
    assert pictured(rows, known, now=NOW + 31 * DAY + 299).refresh_key(old.kid) is not None
    assert pictured(rows, known, now=NOW + 31 * DAY + 300).refresh_key(old.kid) is None


def test_what_does_not_open_is_in_no_picture() -> None:
    assert pictured([facts("closed")], {}, now=NOW) == Ring((), ())
