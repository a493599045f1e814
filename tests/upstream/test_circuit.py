"""When nobody is sent to an upstream any more, and who finds out that it is back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.upstream.circuit import FAILURES, PROBE_SECONDS, WINDOW_SECONDS, Circuit

NOW = 1_800_000_000


def opened(now: int = NOW) -> Circuit:
    circuit = Circuit()
    assert [circuit.failed(now=now) for _ in range(FAILURES)] == [False] * (FAILURES - 1) + [True]
    return circuit


def test_it_opens_after_so_many_failures_in_a_row() -> None:
    circuit = Circuit()
    for _ in range(FAILURES - 1):
        circuit.failed(now=NOW)
    assert circuit.admits(now=NOW)
    circuit.failed(now=NOW)
    assert not circuit.admits(now=NOW)


def test_an_answer_between_failures_starts_the_count_anew() -> None:
    circuit = Circuit()
    for _ in range(FAILURES - 1):
        circuit.failed(now=NOW)
    assert not circuit.answered()
    for _ in range(FAILURES - 1):
        assert not circuit.failed(now=NOW)
    assert circuit.admits(now=NOW)


@pytest.mark.parametrize(("span", "opens"), [(WINDOW_SECONDS, True), (WINDOW_SECONDS + 1, False)])
def test_failures_count_together_within_the_window_only(span: int, opens: bool) -> None:
    circuit = Circuit()
    for _ in range(FAILURES - 1):
        circuit.failed(now=NOW)
    assert circuit.failed(now=NOW + span) is opens


def test_while_open_one_login_goes_every_so_often() -> None:
    circuit = opened()
    due = NOW + PROBE_SECONDS
    assert not circuit.admits(now=due - 1)
    assert circuit.admits(now=due)
    assert not circuit.admits(now=due)
    assert not circuit.admits(now=due + PROBE_SECONDS - 1)
    # The first never came back: the next finds out.
    assert circuit.admits(now=due + PROBE_SECONDS)


def test_a_probe_that_fails_leaves_it_open_and_says_so_once() -> None:
    circuit = opened()
    assert circuit.admits(now=NOW + PROBE_SECONDS)
    assert not circuit.failed(now=NOW + PROBE_SECONDS)
    assert not circuit.admits(now=NOW + PROBE_SECONDS)


def test_one_answer_closes_it() -> None:
    circuit = opened()
    assert circuit.answered()
    assert all(circuit.admits(now=NOW) for _ in range(10))
    assert not circuit.answered()
    assert not circuit.failed(now=NOW)


def test_a_clock_that_was_set_back_keeps_nobody_out() -> None:
    assert opened().admits(now=NOW - 86_400)


@given(st.lists(st.tuples(st.sampled_from(["fail", "answer", "ask"]), st.integers(0, 90)), max_size=60))
def test_it_never_stays_shut_and_never_opens_without_failures(steps: list[tuple[str, int]]) -> None:
    """Whatever happens: after an answer everybody goes, and after a quiet probe time somebody does."""
    circuit, now, since_answer = Circuit(), NOW, 0
    for what, seconds in steps:
        now += seconds
        match what:
            case "fail":
                since_answer += 1
                circuit.failed(now=now)
            case "answer":
                since_answer = 0
                circuit.answered()
            case _:
                assert circuit.admits(now=now) or since_answer >= FAILURES
    assert circuit.admits(now=now + PROBE_SECONDS)
