"""Who may ask how often, with time that is told to go on."""

from collections.abc import Callable

import pytest

from broker.oauth.errors import OAuthError
from broker.rates.allowance import Allowance, Allowed
from broker.telemetry import LIMITED
from tests.rates.held import HeldStopwatch

HERE, THERE = "203.0.113.1", "203.0.113.2"


@pytest.fixture
def stopwatch() -> HeldStopwatch:
    return HeldStopwatch()


@pytest.fixture
def allowance(stopwatch: HeldStopwatch) -> Allowance:
    return Allowance(Allowed(address=4, client=3, failures=4), stopwatch)


def refused(ask: Callable[[], object]) -> OAuthError:
    with pytest.raises(OAuthError) as caught:
        ask()
    assert (caught.value.code, caught.value.status) == ("temporarily_unavailable", 429)
    return caught.value


def test_an_address_is_allowed_so_much_in_a_minute_at_each_place(
    allowance: Allowance, stopwatch: HeldStopwatch
) -> None:
    """The refusal says when to come back, and then all is well again."""
    for _ in range(4):
        allowance.visit("/authorize", HERE)
        stopwatch.now += 1
    assert refused(lambda: allowance.visit("/authorize", HERE)).retry_after == 56
    allowance.visit("/authorize", THERE)
    allowance.visit("/token", HERE)
    stopwatch.now += 56
    allowance.visit("/authorize", HERE)


def test_refused_requests_do_not_put_off_the_time_to_come_back(
    allowance: Allowance, stopwatch: HeldStopwatch
) -> None:
    for _ in range(4):
        allowance.visit("/authorize", HERE)
    for _ in range(59):
        stopwatch.now += 1
        refused(lambda: allowance.visit("/authorize", HERE))
    stopwatch.now += 1
    allowance.visit("/authorize", HERE)


def test_addresses_of_one_ipv6_customer_are_one(allowance: Allowance) -> None:
    for host in range(4):
        allowance.visit("/authorize", f"2001:db8:1:2::{host}")
    refused(lambda: allowance.visit("/authorize", "2001:db8:1:2:ffff::1"))
    allowance.visit("/authorize", "2001:db8:1:3::1")


def test_one_app_gets_half_of_an_address(allowance: Allowance) -> None:
    """The other half is for the other apps behind it."""
    for _ in range(2):
        allowance.ask("cli_wild", "/token", HERE, proven=False)
    refused(lambda: allowance.ask("cli_wild", "/token", HERE, proven=False))
    allowance.ask("cli_calm", "/token", HERE, proven=False)
    allowance.ask("cli_wild", "/token", THERE, proven=False)


def test_an_app_that_proved_itself_is_counted_wherever_it_is_and_at_no_address(allowance: Allowance) -> None:
    for _ in range(4):
        allowance.visit("/token", HERE)
    for address in (HERE, HERE, THERE):
        allowance.ask("cli_web", "/token", address, proven=True)
    refused(lambda: allowance.ask("cli_web", "/par", THERE, proven=True))
    allowance.ask("cli_other", "/token", THERE, proven=True)


def test_nobody_uses_up_what_an_app_is_allowed_by_sending_its_id(allowance: Allowance) -> None:
    for number in range(20):
        allowance.failed("cli_web", f"198.51.100.{number}")
        allowance.ask("cli_web", "/token", f"198.51.100.{number}", proven=False)
    allowance.try_proof("cli_web", HERE)
    allowance.ask("cli_web", "/token", HERE, proven=True)


def test_after_failures_nobody_of_that_name_may_try_from_there_and_others_may(allowance: Allowance) -> None:
    for _ in range(2):
        allowance.try_proof("cli_web", HERE)
        allowance.failed("cli_web", HERE)
    refused(lambda: allowance.try_proof("cli_web", HERE))
    allowance.try_proof("cli_other", HERE)
    allowance.try_proof("cli_web", THERE)


def test_an_address_that_fails_under_many_names_may_not_try_at_all(
    allowance: Allowance, stopwatch: HeldStopwatch
) -> None:
    for number in range(4):
        allowance.try_proof(f"cli_{number}", HERE)
        allowance.failed(f"cli_{number}", HERE)
    assert refused(lambda: allowance.try_proof("cli_new", HERE)).retry_after == 60
    stopwatch.now += 60
    allowance.try_proof("cli_new", HERE)


def test_what_succeeds_is_no_failure(allowance: Allowance) -> None:
    for _ in range(50):
        allowance.try_proof("cli_web", HERE)


def test_names_that_nobody_registered_take_no_more_room_than_others(allowance: Allowance) -> None:
    for ending in range(2):
        allowance.failed("x" * 10_000 + str(ending), HERE)
    assert len(allowance.windows) == 2


def test_refusals_are_counted_by_the_limit(allowance: Allowance) -> None:
    before = LIMITED.labels("address")._value.get()
    for _ in range(4):
        allowance.visit("/authorize", HERE)
    refused(lambda: allowance.visit("/authorize", HERE))
    assert LIMITED.labels("address")._value.get() == before + 1


def test_without_limits_nothing_is_refused_or_kept(stopwatch: HeldStopwatch) -> None:
    allowance = Allowance(None, stopwatch)
    for _ in range(100):
        allowance.visit("/authorize", HERE)
        allowance.ask("cli_web", "/token", HERE, proven=False)
        allowance.ask("cli_web", "/token", HERE, proven=True)
        allowance.try_proof("cli_web", HERE)
        allowance.failed("cli_web", HERE)
    assert len(allowance.windows) == 0
