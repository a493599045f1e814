"""The timeline of a key, second by second, and what is due when."""

from dataclasses import replace
from typing import Any

import pytest

from broker import app_keys, settings
from broker.keys.schedule import (
    LEEWAY_SECONDS,
    SPREAD_SECONDS,
    Defer,
    Forget,
    Hasten,
    Make,
    Prolong,
    State,
    Step,
    due,
    earliest,
    stale_seconds,
    standings,
)
from broker.store.keys import KeyFacts
from tests.documentation import ROOT
from tests.keys.made import DAY, NOW, RULES, facts
from tests.stage import environment

REFRESH_KEYS = [
    facts("r1", use="refresh", alg="HS256", token_life=30 * DAY),
    facts(
        "r2",
        use="refresh",
        alg="HS256",
        number=2,
        ready_at=NOW + 665,
        signs_from=NOW + 90 * DAY,
        token_life=30 * DAY,
    ),
]


def following(**changes: Any) -> KeyFacts:
    """The second key, announced together with the first one's making."""
    known = {"number": 2, "ready_at": NOW + 665, "signs_from": NOW + 90 * DAY}
    return facts("kid2", **known | changes)


def signing(*keys: KeyFacts, now: int = NOW, **rules: int) -> list[Step]:
    """What is due for ES256."""
    steps = due([*keys, *REFRESH_KEYS], ["ES256"], replace(RULES, **rules), now=now)
    others = {key.kid for key in REFRESH_KEYS}
    return [
        step
        for step in steps
        if getattr(step, "kid", None) not in others and getattr(step, "use", "") != "refresh"
    ]


def third(**changes: Any) -> KeyFacts:
    """The key after it."""
    known = {"number": 3, "ready_at": NOW + 665, "signs_from": NOW + 91 * DAY}
    return facts("kid3", **known | changes)


@pytest.mark.parametrize(
    ("after", "states"),
    [
        (0, "signing announced announced"),
        (90 * DAY - 1, "signing announced announced"),
        (90 * DAY, "retained signing announced"),
        (90 * DAY + 600 + 299, "retained signing announced"),
        (90 * DAY + 600 + 300, "gone signing announced"),
        (180 * DAY - 1, "gone signing announced"),
        (180 * DAY, "gone retained signing"),
        (180 * DAY + 900, "gone gone signing"),
        (3_650 * DAY, "gone gone signing"),
    ],
)
def test_a_key_is_announced_then_signs_then_is_retained_then_is_gone(after: int, states: str) -> None:
    keys = [facts(), following(), third(signs_from=NOW + 180 * DAY)]
    assert [each.state for each in standings(keys[::-1], now=NOW + after)] == states.split()


def test_the_times_of_a_key_are_known_with_its_successor() -> None:
    first, last = standings([facts(token_life=7_200), following()], now=NOW)
    assert (first.signs_until, first.gone_at) == (NOW + 90 * DAY, NOW + 90 * DAY + 7_200 + 300)
    assert (last.signs_until, last.gone_at) == (None, None)


def test_on_a_clock_that_is_behind_the_first_key_signs() -> None:
    assert [each.state for each in standings([facts(), following()], now=NOW - 30)] == [
        State.SIGNING,
        State.ANNOUNCED,
    ]


def test_an_empty_table_wants_a_first_key_of_each_kind_which_signs_at_once() -> None:
    steps = due([], ["ES256", "RS256"], RULES, now=NOW)
    assert steps == [
        Make(use, alg, 1, ready_at=NOW, signs_from=NOW)
        for use, alg in (("sig", "ES256"), ("sig", "RS256"), ("refresh", "HS256"))
    ]


def test_a_key_without_a_successor_wants_one_that_signs_when_its_lifetime_is_over() -> None:
    (step,) = signing(facts())
    assert step == Make("sig", "ES256", 2, ready_at=NOW + 665, signs_from=NOW + 90 * DAY)


def test_a_successor_that_comes_late_is_published_for_twice_the_caches_life_all_the_same() -> None:
    """Twice the 330 seconds that the key set may be old, and 5 in which every replica learns of it."""
    late = NOW + 100 * DAY
    (step,) = signing(facts(), now=late)
    assert isinstance(step, Make)
    assert step.signs_from == step.ready_at == late + 665


def test_with_the_next_key_announced_nothing_is_due_until_it_signs() -> None:
    for after in (0, 665, 90 * DAY - 1):
        assert signing(facts(), following(), now=NOW + after) == []
    (step,) = signing(facts(), following(), now=NOW + 90 * DAY)
    assert step == Make("sig", "ES256", 3, NOW + 90 * DAY + 665, signs_from=NOW + 180 * DAY)


def test_a_shorter_lifetime_holds_for_the_key_that_is_announced_already_and_a_longer_one_does_not() -> None:
    assert signing(facts(), following(), lifetime=30 * DAY) == [Hasten("kid2", NOW + 30 * DAY)]
    assert signing(facts(), following(), lifetime=730, now=NOW + 690) == [Hasten("kid2", NOW + 730)]
    assert signing(facts(), following(), lifetime=601) == [Hasten("kid2", NOW + 665)]
    assert signing(facts(), following(), lifetime=365 * DAY) == []


def test_a_longer_cache_life_puts_a_young_key_off_but_never_one_that_was_made_to_sign() -> None:
    assert signing(facts(), following(), max_age=3_600) == [Defer("kid2", NOW + 7_925)]
    forced = following(signs_from=NOW + 10)
    assert signing(facts(), forced, max_age=3_600, lifetime=30 * DAY) == []


def test_a_longer_life_of_tokens_is_written_down_for_the_keys_that_may_sign_them() -> None:
    keys = [facts(), following(signs_from=NOW + DAY), third()]
    steps = signing(*keys, now=NOW + DAY, token_life=7_200)
    assert steps == [Prolong("kid2", 7_200), Prolong("kid3", 7_200)]
    assert signing(*keys, now=NOW + DAY, token_life=60) == []


def test_a_key_is_forgotten_when_no_session_can_be_named_by_its_id_tokens_any_more() -> None:
    keys = [facts(), following(signs_from=NOW + DAY), third()]
    gone = NOW + DAY + 900
    assert signing(*keys, now=gone + 30 * DAY - 1) == []
    assert signing(*keys, now=gone + 30 * DAY) == [Forget("kid1", 600)]


def test_a_key_is_retained_for_the_longest_of_what_it_signs() -> None:
    """A logout token outlives an access token of half a minute."""
    chosen = settings.load(environment("https://id.example", "sqlite:///x", "https://tiktok.example"))
    assert app_keys.rules(replace(chosen, access_token_ttl=30)).token_life == 120
    assert app_keys.rules(replace(chosen, access_token_ttl=7_200)).token_life == 7_200


def test_a_refresh_key_is_forgotten_with_the_last_of_its_tokens() -> None:
    ring = [replace(REFRESH_KEYS[0]), replace(REFRESH_KEYS[1], signs_from=NOW + DAY)]
    ring.append(replace(ring[1], kid="r3", number=3, signs_from=NOW + 91 * DAY))
    last = NOW + DAY + 30 * DAY + 300
    assert due(ring, [], RULES, now=last - 1) == []
    assert due(ring, [], RULES, now=last) == [Forget("r1", 30 * DAY)]


def test_an_announced_key_may_sign_as_soon_as_it_is_ready() -> None:
    assert earliest(following(), now=NOW + 664) == NOW + 665
    assert earliest(following(), now=NOW + 700) == NOW + 700


@pytest.mark.parametrize("max_age", [1, 2, 9, 10, 300, 86_400])
def test_a_next_key_is_announced_for_longer_than_any_chain_of_caches_keeps_the_set_before_it(max_age: int) -> None:
    """RFC 5861 §3: a cache on the way answers with the set of before for `max_age` and the time that it may be
    stale, and in the last of these seconds to a verifier that counts both from there on.
    """
    rules = replace(RULES, max_age=max_age)
    stale = stale_seconds(max_age)
    assert stale * 10 <= max_age
    (step,) = due([facts(token_life=600)], ["ES256"], rules, now=NOW + 100 * DAY)[:1]
    assert isinstance(step, Make)
    learned = NOW + 100 * DAY + SPREAD_SECONDS
    assert step.signs_from >= learned + 2 * (max_age + stale)
    assert step.signs_from - (NOW + 100 * DAY) >= 2 * max_age


def test_operators_read_these_times_in_the_timeline() -> None:
    page = (ROOT / "docs/keys.md").read_text()
    assert RULES.announced_for == round(2.2 * RULES.max_age) + 5
    assert "2.2 × JWKS_MAX_AGE + 5s" in page
    assert LEEWAY_SECONDS == 5 * 60
    assert "longest token + 5 min" in page
