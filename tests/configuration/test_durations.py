"""Durations: their spelling, their bounds, and what they owe to each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.configuration.values import duration, duration_text
from broker.keys.schedule import Rules
from broker.settings import announced_for
from tests.configuration.given import fault, faults, loaded


@pytest.mark.parametrize(
    ("text", "seconds"), [("1", 1), ("60s", 60), ("10m", 600), ("12h", 43_200), ("30d", 2_592_000), ("007s", 7)]
)
def test_durations_are_whole_seconds(text: str, seconds: int) -> None:
    assert duration()(text) == seconds


@pytest.mark.parametrize(
    "text", ["-1s", "+1s", "1.5h", "1h30m", "10 m", " 10m", "10M", "1w", "m", "١٠s", "1_0s", "9" * 5_000, "1s\n"]
)
def test_other_spellings_of_durations_are_refused(text: str) -> None:
    assert "must be a duration such as 60s, 10m, 12h or 30d" in fault(CODE_TTL=text)


@given(st.integers(min_value=0, max_value=3_650 * 86_400))
def test_a_duration_is_printed_as_it_may_be_written(seconds: int) -> None:
    assert duration("0s")(duration_text(seconds)) == seconds


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("CODE_TTL", "1s", "10m"),
        ("LOGIN_TTL", "1s", "10m"),
        ("REFRESH_GRACE", "0s", "5m"),
        ("JWKS_MAX_AGE", "1s", "1d"),
        ("GRANT_TTL", "30d", "3650d"),
        ("SESSION_TTL", "1s", "30d"),
        ("SESSION_MAX_TTL", "7d", "3650d"),
        ("ACCESS_TOKEN_TTL", "1s", "30d"),
        ("REFRESH_TOKEN_TTL", "10m", "365d"),
        ("KEY_LIFETIME", "666s", "3650d"),
    ],
)
def test_durations_are_held_to_their_bounds(name: str, least: str, most: str) -> None:
    for text in (least, most):
        assert getattr(loaded(**{name: text}), name.lower()) == duration("0s")(text)
    for seconds in (duration("0s")(least) - 1, duration("0s")(most) + 1):
        if seconds >= 0:
            assert "must " in fault(**{name: f"{seconds}s"})


@pytest.mark.parametrize(
    ("changes", "other"),
    [
        ({"REFRESH_TOKEN_TTL": "366d"}, "BROKER_GRANT_TTL (365d)"),
        ({"GRANT_TTL": "29d"}, "BROKER_REFRESH_TOKEN_TTL (30d)"),
        ({"SESSION_TTL": "31d"}, "BROKER_SESSION_MAX_TTL (30d)"),
        ({"ACCESS_TOKEN_TTL": "31d"}, "BROKER_REFRESH_TOKEN_TTL (30d)"),
        ({"REFRESH_GRACE": "2m", "REFRESH_TOKEN_TTL": "1m", "ACCESS_TOKEN_TTL": "1m"}, "(1m)"),
        ({"KEY_LIFETIME": "665s"}, "BROKER_JWKS_MAX_AGE"),
        ({"JWKS_MAX_AGE": "1d", "KEY_LIFETIME": "2d"}, "(2d) must be longer than the 190085s"),
    ],
)
def test_durations_that_contradict_each_other_are_refused_naming_both(changes: dict[str, str], other: str) -> None:
    assert other in fault(**changes)


@pytest.mark.parametrize("max_age", [1, 9, 10, 300, 86_400])
def test_a_key_lives_longer_than_the_next_one_is_announced(max_age: int) -> None:
    rules = Rules(max_age=max_age, lifetime=0, token_life=0, refresh_life=0, hint_life=0)
    assert announced_for(max_age) == rules.announced_for


def test_a_faulty_duration_contradicts_nothing() -> None:
    assert len(faults(KEY_LIFETIME="soon", GRANT_TTL="soon")) == 2
    assert len(faults(JWKS_MAX_AGE="soon")) == 1
