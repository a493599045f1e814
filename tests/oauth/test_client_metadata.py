"""Registrations in RFC 7591 names: defaults, and every fault at once, each with its sentence."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.oauth import client_metadata, registration
from broker.oauth.client_metadata import BadMetadata, ClientMetadata

LEAST: dict[str, Any] = {"redirect_uris": ["https://app.example/cb"]}
SHORT = st.text(max_size=12)
FAULTY: dict[str, tuple[dict[str, Any], str]] = {
    "unknown name": ({"grant_typs": []}, "grant_typs is not a name"),
    "wrong type": ({"redirect_uris": "https://app.example/cb"}, "redirect_uris has a value of the wrong type"),
    "wrong type within": ({"redirect_uris": [1]}, "redirect_uris has a value of the wrong type"),
    "null": ({"client_name": None}, "client_name has a value of the wrong type"),
    "number for a flag": ({"no_pkce": 1}, "no_pkce has a value of the wrong type"),
    "no redirect URI": ({"redirect_uris": []}, "At least one redirect URI"),
    "bad redirect URI": ({"redirect_uris": ["http://app.example/cb"]}, "must use https"),
    "method": ({"token_endpoint_auth_method": "client_secret_jwt"}, "token_endpoint_auth_method must be one of"),
    "public without PKCE": ({"token_endpoint_auth_method": "none", "no_pkce": True}, "leave out no_pkce"),
    "public with pushed requests": (
        {"token_endpoint_auth_method": "none", "require_pushed_authorization_requests": True},
        "leave out require_pushed_authorization_requests",
    ),
    "grant type": ({"grant_types": ["authorization_code", "password"]}, "grant type password is not offered"),
    "no code grant": ({"grant_types": ["refresh_token"]}, "needs authorization_code beside it"),
    "response type": ({"response_types": ["token"]}, "response_types must be code"),
    "no response type": ({"response_types": []}, "response_types must be code"),
    "application type": ({"application_type": "spa"}, "application_type must be one of web, native"),
    "scope in quotes": ({"scope": 'openid "email"'}, "scope must be tokens of printable ASCII"),
    "scope with line break": ({"scope": "openid\nprofile"}, "scope must be tokens of printable ASCII"),
    "long scope": ({"scope": "s" * 401}, "scope must not be longer than 400"),
    "relative audience": ({"audience": ["api"]}, "absolute URI without a fragment"),
    "audience with fragment": ({"audience": ["https://api.example/#x"]}, "absolute URI without a fragment"),
    "audience with space": ({"audience": ["https://api.example/ x"]}, "absolute URI without a fragment"),
    "audience with line break": ({"audience": ["https://api.example/\nx"]}, "absolute URI without a fragment"),
    "audience that is a scheme": ({"audience": ["https:"]}, "absolute URI without a fragment"),
    "TikTok scope": ({"required_tiktok_scopes": ["user info"]}, "required_tiktok_scopes must be names"),
    "client URI": ({"client_uri": "javascript:alert(1)"}, "client URI must not use the scheme javascript"),
}


def test_the_least_registration_has_the_defaults() -> None:
    assert client_metadata.read(LEAST) == ClientMetadata(
        client_name="",
        redirect_uris=("https://app.example/cb",),
        token_endpoint_auth_method="client_secret_basic",
        grant_types=("authorization_code", "refresh_token"),
        application_type="web",
        scope=("openid", "profile", "offline_access"),
        audience=(),
        pkce_required=True,
        registration="default",
        client_uri=None,
        initiate_login_uri=None,
        post_logout_redirect_uris=(),
        backchannel_logout_uri=None,
        id_token_signed_response_alg=None,
        jwks={},
        jwks_uri=None,
        require_pushed_authorization_requests=False,
        dpop_bound_access_tokens=False,
        tiktok_tokens=False,
        required_tiktok_scopes=(),
    )
    registration.check(LEAST)


@pytest.mark.parametrize("name", FAULTY)
def test_a_fault_is_told_in_a_sentence(name: str) -> None:
    given_metadata, words = FAULTY[name]
    with pytest.raises(BadMetadata) as refused:
        registration.check(LEAST | given_metadata)
    assert [words in fault for fault in refused.value.faults] == [True]
    assert refused.value.faults[0].endswith(".")


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(BadMetadata) as refused:
        registration.check({"scope": "é", "application_type": "x", "redirect_uris": ["x", "http://y/"]})
    assert len(refused.value.faults) == 4
    assert str(refused.value) == " ".join(refused.value.faults)


@pytest.mark.parametrize("scope", [" openid", "openid  profile", "profile openid profile "])
def test_a_scope_written_by_hand_is_read_as_meant(scope: str) -> None:
    registration.check(LEAST | {"scope": scope})
    assert client_metadata.read(LEAST | {"scope": scope}).scope == tuple(dict.fromkeys(scope.split()))


@pytest.mark.parametrize("scope", ["", "orders:read orders:write", "s" * 400])
def test_scopes_of_the_apps_own_backends_may_be_registered(scope: str) -> None:
    registration.check(LEAST | {"scope": scope})


@pytest.mark.parametrize(
    "audience", ["https://api.example/", "urn:example:api", "https://[::1]:80/x?y=1", "x://["]
)
def test_an_audience_is_any_absolute_uri(audience: str) -> None:
    """RFC 8707 §2."""
    registration.check(LEAST | {"audience": [audience]})
    assert client_metadata.read(LEAST | {"audience": [audience]}).audience == (audience,)


def test_who_is_public_and_who_is_native() -> None:
    public = client_metadata.read(LEAST | {"token_endpoint_auth_method": "none"})
    native = client_metadata.read(LEAST | {"application_type": "native"})
    web = client_metadata.read(LEAST)
    assert (public.public, public.native) == (True, True)
    assert (native.public, native.native) == (False, True)
    assert (web.public, web.native) == (False, False)


def test_pkce_can_be_waived_for_a_client_with_a_secret() -> None:
    registration.check(LEAST | {"no_pkce": True})
    assert not client_metadata.read(LEAST | {"no_pkce": True}).pkce_required


def test_what_is_kept_is_complete_and_reads_as_the_same() -> None:
    kept = client_metadata.complete(LEAST | {"client_name": ""})
    assert kept["token_endpoint_auth_method"] == "client_secret_basic"
    assert "audience" not in kept
    assert client_metadata.read(kept) == client_metadata.read(LEAST)


def test_without_the_code_grant_there_is_no_response_type() -> None:
    """RFC 7591 §2.1; a file may say so, or leave it to us."""
    responses: tuple[dict[str, Any], ...] = ({}, {"response_types": []}, {"response_types": ["code"]})
    for said in responses:
        metadata = {"grant_types": ["client_credentials"], **said}
        registration.check(metadata)
        assert "response_types" not in client_metadata.complete(metadata)


@given(
    st.dictionaries(
        st.sampled_from([*client_metadata._DEFAULTS, "other"]),
        st.none()
        | st.booleans()
        | st.integers()
        | SHORT
        | st.lists(SHORT, max_size=3)
        | st.dictionaries(st.just("keys"), st.none() | st.lists(st.just("x") | st.just({}), max_size=2)),
    )
)
def test_whatever_is_given_it_is_read_or_told_what_is_wrong(metadata: dict[str, Any]) -> None:
    """No other error comes out, whatever the types."""
    with contextlib.suppress(BadMetadata):
        registration.check(metadata)
        found = client_metadata.read(metadata)
        assert found.redirect_uris or "authorization_code" not in found.grant_types
