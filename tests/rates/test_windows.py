"""Where the counts are kept: windows that end, in memory that has an end."""

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from broker.rates.windows import MOST, Windows
from tests.rates.held import HeldStopwatch

MINUTE = 60


def test_a_window_begins_with_its_first_request_and_ends_once() -> None:
    stopwatch = HeldStopwatch()
    windows = Windows(stopwatch)
    assert [windows.incr("a", MINUTE), windows.incr("a", MINUTE, 3)] == [1, 4]
    stopwatch.now += MINUTE - 0.001
    assert (windows.get("a"), windows.get_expiry("a") - stopwatch.now < 0.01) == (4, True)
    stopwatch.now += 0.001
    assert (windows.get("a"), windows.get_expiry("a")) == (0, stopwatch.now)
    assert windows.incr("a", MINUTE) == 1


def test_what_has_ended_is_forgotten_as_others_come() -> None:
    stopwatch = HeldStopwatch()
    windows = Windows(stopwatch)
    for number in range(100):
        windows.incr(str(number), MINUTE)
    stopwatch.now += MINUTE
    windows.incr("one more", MINUTE)
    assert len(windows) == 1


def test_with_too_many_the_oldest_is_forgotten_and_the_others_are_kept() -> None:
    stopwatch = HeldStopwatch()
    windows = Windows(stopwatch, most=3)
    for key in "abcd":
        windows.incr(key, MINUTE)
        stopwatch.now += 1
    assert [windows.get(key) for key in "abcd"] == [0, 1, 1, 1]
    assert windows.incr("b", MINUTE) == 2


def test_a_whole_ipv6_48_fills_no_more_than_its_share_of_memory() -> None:
    """65,536 networks, each of which somebody could send from, with the longest keys there are."""
    windows = Windows(HeldStopwatch())
    tracemalloc.start()
    try:
        for network in range(65_536):
            windows.incr(f"failures_of_client/2001:db8:1:{network:x}::/64/{'x' * 100}/30/1/minute", MINUTE)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(windows) == MOST
    assert taken < 16 * 1024 * 1024


def test_it_can_be_cleared() -> None:
    windows = Windows(HeldStopwatch())
    windows.incr("a", MINUTE)
    windows.incr("b", MINUTE)
    windows.clear("a")
    assert (windows.get("a"), windows.get("b"), windows.reset(), windows.get("b")) == (0, 1, 1, 0)
    assert windows.check()


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 40)), max_size=60))
def test_a_count_is_never_more_than_what_was_asked_in_the_last_minute(asked: list[tuple[str, int]]) -> None:
    stopwatch = HeldStopwatch()
    windows = Windows(stopwatch, most=4)
    seen: list[tuple[str, float]] = []
    for key, seconds in asked:
        stopwatch.now += seconds
        seen.append((key, stopwatch.now))
        count = windows.incr(key, MINUTE)
        assert count <= sum(1 for one, at in seen if one == key and at > stopwatch.now - MINUTE)
        assert len(windows) <= 4
