"""How much each may ask of this process in a minute, and the refusal of what is too much.

What proves nothing is counted at its address: an app's id is no secret, and who sends it from elsewhere must not
use up what the app itself is allowed. One app gets half of what an address is allowed at most, so that one that
runs wild leaves room for the others behind the same address.
"""

import math
from dataclasses import dataclass, field
from typing import Final

from limits import RateLimitItemPerMinute
from limits.strategies import FixedWindowRateLimiter

from broker import telemetry
from broker.clock import Stopwatch
from broker.oauth.errors import OAuthError
from broker.rates.neighbourhood import neighbourhood
from broker.rates.windows import Windows

_LONGEST_ID: Final = 100
"""Characters of a client id that nobody has looked up yet which tell it from others."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """Requests a minute of one address to one endpoint; of one app; and failed proofs a minute of one address."""

    address: int
    client: int
    failures: int


@dataclass(slots=True)
class Allowance:
    """Counts requests, and raises `OAuthError` with status 429 for one too many; `allowed` None counts nothing.

    A proof is counted once it has failed, so those that are tried at the same moment may all fail first.
    """

    allowed: Allowed | None
    stopwatch: Stopwatch
    windows: Windows = field(init=False, repr=False)
    _limiter: FixedWindowRateLimiter = field(init=False, repr=False)
    _address: RateLimitItemPerMinute = field(init=False, repr=False)
    _client_at_address: RateLimitItemPerMinute = field(init=False, repr=False)
    _client: RateLimitItemPerMinute = field(init=False, repr=False)
    _failures: RateLimitItemPerMinute = field(init=False, repr=False)
    _failures_of_client: RateLimitItemPerMinute = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.windows = Windows(self.stopwatch)
        self._limiter = FixedWindowRateLimiter(self.windows)
        if self.allowed is None:
            return
        # The namespace is the name that the metric has for the limit.
        address, client, failures = self.allowed.address, self.allowed.client, self.allowed.failures
        self._address = RateLimitItemPerMinute(address, namespace="address")
        self._client_at_address = RateLimitItemPerMinute(_half(address), namespace="client_at_address")
        self._client = RateLimitItemPerMinute(client, namespace="client")
        self._failures = RateLimitItemPerMinute(failures, namespace="failures")
        self._failures_of_client = RateLimitItemPerMinute(_half(failures), namespace="failures_of_client")

    def visit(self, place: str, address: str | None) -> None:
        """Count a request to the endpoint `place` at its address."""
        if self.allowed is not None:
            self._count(self._address, place, neighbourhood(address))

    def visit_for(self, client_id: str, place: str, address: str | None) -> None:
        """Count it for the registered app that it names, too, which has not proved to be there."""
        if self.allowed is not None:
            self._count(self._client_at_address, place, neighbourhood(address), client_id)

    def ask(self, client_id: str, place: str, address: str | None, *, proven: bool) -> None:
        """Count a request of a registered app: for the app if that has proved to be there, else at its address."""
        if not proven:
            self.visit(place, address)
            self.visit_for(client_id, place, address)
        elif self.allowed is not None:
            self._count(self._client, client_id)

    def try_proof(self, claimed: str, address: str | None) -> None:
        """Let who calls itself `claimed` try to prove it, unless that failed too often from this address.

        RFC 6749 §2.3.1: an endpoint that takes secrets is protected against trying them out.
        """
        if self.allowed is None:
            return
        here = neighbourhood(address)
        for item, who in self._of_failures(here, claimed):
            if not self._limiter.test(item, *who):
                raise self._refusal(item, *who)

    def failed(self, claimed: str, address: str | None) -> None:
        """Count a proof that was none."""
        if self.allowed is None:
            return
        for item, who in self._of_failures(neighbourhood(address), claimed):
            self._limiter.hit(item, *who)

    def _of_failures(self, here: str, claimed: str) -> tuple[tuple[RateLimitItemPerMinute, tuple[str, ...]], ...]:
        return (self._failures, (here,)), (self._failures_of_client, (here, claimed[:_LONGEST_ID]))

    def _count(self, item: RateLimitItemPerMinute, *who: str) -> None:
        if not self._limiter.hit(item, *who):
            raise self._refusal(item, *who)

    def _refusal(self, item: RateLimitItemPerMinute, *who: str) -> OAuthError:
        telemetry.LIMITED.labels(item.namespace).inc()
        ends = self._limiter.get_window_stats(item, *who).reset_time
        return OAuthError(
            # The code is the registered one for "a temporary overloading" (RFC 6749 §4.1.2.1); that it is the
            # sender's, the status says (RFC 6585 §4, RFC 9126 §2.3).
            "temporarily_unavailable",
            "Too many requests; slow down and try again later.",
            f"limit: {item.namespace}",
            status=429,
            retry_after=max(1, math.ceil(ends - self.stopwatch())),
        )


def _half(amount: int) -> int:
    return -(-amount // 2)
