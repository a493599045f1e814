"""A client assertion can be used for five minutes, and its name is remembered for longer than that."""

from typing import Any

import pytest

from broker.client_auth.assertion import LONGEST_USE
from broker.client_auth.signed import CLOCK_SKEW
from tests.client_auth.asserting import checked, refusal, signed
from tests.client_auth.signing import NOW


async def test_expiry_is_exact() -> None:
    assertion = signed({"exp": NOW + 60})
    assert await checked(assertion, now=NOW + 59)
    assert "expired" in await refusal(assertion, now=NOW + 60)


async def test_a_longer_life_than_ours_is_cut_down() -> None:
    """Authlib signs for an hour: only the first minutes after `iat` count."""
    assertion = signed({"exp": NOW + 3600})
    assert await checked(assertion, now=NOW + LONGEST_USE - 1)
    assert "was made more than" in await refusal(assertion, now=NOW + LONGEST_USE)


async def test_a_clock_ahead_is_forgiven_a_little() -> None:
    """FAPI 2.0 Security Profile §5.3.2.1 point 13: up to 10 seconds shall be accepted."""
    assert CLOCK_SKEW == 10
    late = NOW + CLOCK_SKEW
    assert await checked(signed({"iat": late, "nbf": late, "exp": late + 60}))
    assert await checked(signed({"iat": None, "exp": late + LONGEST_USE}))
    assert await checked(signed({"iat": NOW + 10.9}))


@pytest.mark.parametrize(
    "claims",
    [{}, {"exp": NOW + 3600}, {"iat": None, "exp": NOW + LONGEST_USE}, {"exp": NOW + 59.9, "iat": NOW - 0.1}],
)
async def test_the_name_is_remembered_for_longer_than_the_assertion_can_be_used(claims: dict[str, Any]) -> None:
    assertion = signed(claims)
    forgotten = (await checked(assertion)).expires_at
    assert forgotten <= NOW + LONGEST_USE + 2 * CLOCK_SKEW
    # Even by a replica whose clock is behind.
    assert await refusal(assertion, now=forgotten - CLOCK_SKEW)


async def test_the_name_is_forgotten_soon_after_the_assertion_ends() -> None:
    assert (await checked(signed({"exp": NOW + 60}))).expires_at == NOW + 60 + CLOCK_SKEW
    assert (await checked(signed({"exp": NOW + 3600}))).expires_at == NOW + LONGEST_USE + CLOCK_SKEW


async def test_a_name_counts_for_its_client_alone() -> None:
    mine = await checked(signed())
    again = await checked(signed({"exp": NOW + 61, "iat": NOW - 1}))
    other = await checked(signed({"iss": "cli_b", "sub": "cli_b"}), client_id="cli_b")
    third = await checked(signed({"jti": "another"}))
    assert mine.jti_digest == again.jti_digest
    assert len({mine.jti_digest, other.jti_digest, third.jti_digest}) == 3
