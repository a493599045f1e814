"""Scopes: unknown ones ignored, the order kept, and a refresh narrows but never widens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.oauth import scopes
from broker.oauth.errors import OAuthError

REGISTERED = ("openid", "profile", "offline_access")
ANY = st.lists(st.sampled_from([*REGISTERED, "email", "x"]), min_size=1, max_size=8)


def test_the_order_is_that_of_the_request() -> None:
    assert scopes.granted("profile openid", REGISTERED) == ("profile", "openid")
    assert scopes.granted("offline_access profile openid", REGISTERED) == ("offline_access", "profile", "openid")


def test_unknown_and_unregistered_scopes_are_ignored() -> None:
    assert scopes.granted("email openid user.info.basic", REGISTERED) == ("openid",)
    assert scopes.granted("openid profile", ("openid",)) == ("openid",)
    assert scopes.granted("OpenID", REGISTERED) == ()


def test_without_a_scope_all_that_is_registered_is_granted() -> None:
    assert scopes.granted(None, REGISTERED) == REGISTERED


def test_a_scope_named_twice_counts_once() -> None:
    assert scopes.granted("openid profile openid", REGISTERED) == ("openid", "profile")


@given(ANY)
def test_what_is_granted_was_asked_for_in_that_order(asked: list[str]) -> None:
    granted = scopes.granted(" ".join(asked), REGISTERED)
    assert granted == tuple(dict.fromkeys(scope for scope in asked if scope in REGISTERED))


@pytest.mark.parametrize("scope", [" openid", "openid ", " ", 'open"id', "open\\id", "openid\tprofile", "öpenid"])
def test_what_is_no_list_of_scopes_is_refused(scope: str) -> None:
    """RFC 6749 §3.3; §4.1.2.1 and §5.2 call it `invalid_scope`."""
    with pytest.raises(OAuthError) as refused:
        scopes.granted(scope, REGISTERED)
    assert refused.value.code == "invalid_scope"


def test_a_refresh_may_narrow_and_keeps_its_own_order() -> None:
    assert scopes.narrowed(None, "openid profile") == ("openid", "profile")
    assert scopes.narrowed("profile openid", "openid profile offline_access") == ("profile", "openid")
    assert scopes.narrowed(None, "") == ()


@given(ANY, ANY)
def test_a_refresh_never_widens(asked: list[str], before: list[str]) -> None:
    """RFC 6749 §6."""
    if set(asked) <= set(before):
        assert set(scopes.narrowed(" ".join(asked), " ".join(before))) == set(asked)
        return
    with pytest.raises(OAuthError) as refused:
        scopes.narrowed(" ".join(asked), " ".join(before))
    assert refused.value.code == "invalid_scope"
