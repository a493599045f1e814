"""How a process ends, with time that is told to go on."""

import pytest

from broker.leaving import Leaving
from tests.rates.held import HeldStopwatch


@pytest.fixture
def stopwatch() -> HeldStopwatch:
    return HeldStopwatch()


@pytest.fixture
def leaving(stopwatch: HeldStopwatch) -> Leaving:
    return Leaving(5, 8, stopwatch)


def test_nobody_has_asked_for_anything_yet(leaving: Leaving) -> None:
    assert (leaving.begun, leaving.serving_ends, leaving.at_once, leaving.patience()) == (False, False, False, 8)


def test_it_serves_on_while_it_drains_and_then_finishes_what_is_in_hand(
    leaving: Leaving, stopwatch: HeldStopwatch
) -> None:
    leaving.drain()
    assert (leaving.begun, leaving.serving_ends) == (True, False)
    stopwatch.now += 4.9
    leaving.drain()
    assert not leaving.serving_ends
    stopwatch.now += 0.1
    assert (leaving.serving_ends, leaving.patience()) == (True, 8)
    stopwatch.now += 6
    assert leaving.patience() == 2
    stopwatch.now += 6
    assert leaving.patience() == 0


def test_asked_to_stop_it_does_not_serve_on(leaving: Leaving, stopwatch: HeldStopwatch) -> None:
    leaving.drain()
    stopwatch.now += 1
    leaving.stop()
    assert (leaving.serving_ends, leaving.patience()) == (True, 8)
    stopwatch.now += 1
    leaving.stop()
    leaving.drain()
    assert (leaving.serving_ends, leaving.patience()) == (True, 7)


def test_at_once_waits_for_nothing(leaving: Leaving) -> None:
    leaving.drain()
    leaving.cut()
    assert (leaving.begun, leaving.serving_ends, leaving.at_once, leaving.patience()) == (True, True, True, 0)


def test_whoever_follows_hears_of_it(leaving: Leaving) -> None:
    heard = []
    leaving.changed = lambda: heard.append((leaving.serving_ends, leaving.at_once))
    leaving.drain()
    leaving.stop()
    leaving.cut()
    assert heard == [(False, False), (True, False), (True, True)]
