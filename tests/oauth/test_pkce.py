"""PKCE, S256 only (RFC 7636, RFC 9700 §2.1.1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.oauth import pkce
from broker.oauth.errors import OAuthError

# RFC 7636 appendix B.
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
UNRESERVED = "ABCXYZabcxyz0189-._~"


def test_the_example_of_the_rfc() -> None:
    assert pkce.challenge_of(VERIFIER) == CHALLENGE
    assert pkce.read_challenge(CHALLENGE, "S256", required=True) == CHALLENGE


@pytest.mark.parametrize(("length", "good"), [(0, False), (42, False), (43, True), (128, True), (129, False)])
def test_a_verifier_has_43_to_128_characters(length: int, good: bool) -> None:
    verifier = "a" * length
    if good:
        assert len(pkce.challenge_of(verifier) or "") == 43
        return
    with pytest.raises(OAuthError) as refused:
        pkce.challenge_of(verifier)
    assert refused.value.code == "invalid_grant"


@pytest.mark.parametrize("character", [" ", "+", "/", "=", "%", "\n", "é", "\u212a", "\x00", "|"])
def test_a_verifier_is_of_unreserved_characters(character: str) -> None:
    for verifier in (character + "a" * 43, "a" * 43 + character, "a" * 42 + character):
        with pytest.raises(OAuthError):
            pkce.challenge_of(verifier)


@given(st.text(alphabet=UNRESERVED, min_size=43, max_size=128))
def test_every_verifier_has_a_challenge_that_may_be_announced(verifier: str) -> None:
    challenge = pkce.challenge_of(verifier)
    assert pkce.read_challenge(challenge, "S256", required=True) == challenge


@pytest.mark.parametrize(
    ("challenge", "method"),
    [
        (None, None),
        (None, "S256"),
        (CHALLENGE, None),
        (CHALLENGE, "plain"),
        (CHALLENGE, "s256"),
        (CHALLENGE, "S512"),
        (CHALLENGE[:-1], "S256"),
        (CHALLENGE + "A", "S256"),
        (CHALLENGE[:-1] + "=", "S256"),
        (CHALLENGE[:-1] + "+", "S256"),
        (CHALLENGE[:-1] + "\n", "S256"),
        (CHALLENGE + "\n", "S256"),
        (VERIFIER[:-1] + "~", "S256"),
    ],
)
def test_a_missing_plain_or_malformed_challenge_is_refused(challenge: str | None, method: str | None) -> None:
    """A method left out means `plain` (§4.3)."""
    with pytest.raises(OAuthError) as refused:
        pkce.read_challenge(challenge, method, required=True)
    assert refused.value.code == "invalid_request"


def test_where_pkce_is_waived_nothing_may_be_sent_but_half_of_it_may_not() -> None:
    assert pkce.read_challenge(None, None, required=False) is None
    assert pkce.challenge_of(None) is None
    assert pkce.read_challenge(CHALLENGE, "S256", required=False) == CHALLENGE
    for challenge, method in ((None, "S256"), (CHALLENGE, None), (CHALLENGE, "plain")):
        with pytest.raises(OAuthError):
            pkce.read_challenge(challenge, method, required=False)
