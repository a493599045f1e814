"""`htu` is compared after RFC 3986's normalisations, and after nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.client_auth.target_uri import normal_form

TOKEN = "https://as.example/token"


@pytest.mark.parametrize(
    "same",
    [
        TOKEN,
        "HTTPS://AS.Example/token",
        "https://as.example:443/token",
        "https://as.example:/token",
        "https://as.example/%74oken",
        "https://as.example/t%6Fken",
        "https://as.example/./token",
        "https://as.example/x/../token",
        "https://as.example/%2e/x/%2E%2E/token",
        "https://as.example/../../token",
        "https://as.example/token?a=b",
        "https://as.example/token#part",
        "https://as.example/token?a=b#part",
        "https://as.example/token?",
        "https://as.example/token#",
    ],
)
def test_other_spellings_of_the_same_target(same: str) -> None:
    assert normal_form(same) == TOKEN


@pytest.mark.parametrize(
    "other",
    [
        "http://as.example/token",
        "https://as.example:8443/token",
        "https://as.example/Token",
        "https://as.example/token/",
        "https://as.example//token",
        "https://as.example/token/.",
        "https://as.example/x/..//token",
        "https://as.example./token",
        "https://as.example/token%2F",
        "https://as.example/token%3Fa",
        "https://as.example/",
        "https://as.example",
        "https://evil.example/token",
    ],
)
def test_a_different_target_stays_different(other: str) -> None:
    assert normal_form(other) not in (None, TOKEN)


@pytest.mark.parametrize(
    "no_target",
    [
        "",
        "/token",
        "//as.example/token",
        "as.example/token",
        "https:/as.example/token",
        "https:///token",
        "https://:443/token",
        "https://me@as.example/token",
        "https://as.example@evil.example/token",
        "https://@as.example/token",
        "https://as.example:port/token",
        "https://as.example:65536/token",
        "https://[::1/token",
        "https://as.example/to\nken",
        "https://as.example/token ",
        " https://as.example/token",
        "https://as.éxample/token",
        "ftp://as.example/token",
        "urn:token",
    ],
)
def test_what_is_no_http_address_has_no_normal_form(no_target: str) -> None:
    assert normal_form(no_target) is None


@pytest.mark.parametrize(
    ("uri", "form"),
    [
        ("http://[::1]:80/token", "http://[::1]/token"),
        ("http://[::1]:8080/token", "http://[::1]:8080/token"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/"),
        ("https://as.example:80/a%2fb%7e", "https://as.example:80/a%2Fb~"),
        ("https://as.example/a/b/..", "https://as.example/a/"),
        ("https://as.example/%zz", "https://as.example/%zz"),
    ],
)
def test_normal_forms(uri: str, form: str) -> None:
    assert normal_form(uri) == form


@given(st.text(alphabet="ah/.%2eE:@?#[]\\ é", max_size=40))
def test_the_normal_form_is_its_own_normal_form(rest: str) -> None:
    form = normal_form(f"https://as.example/{rest}")
    assert form is None or normal_form(form) == form
