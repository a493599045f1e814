"""What may be registered as a redirect URI, and how an answer is attached to it."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.oauth import redirects

TEXT = st.text(st.characters(codec="utf-8"))
GOOD = (
    "https://app.example/callback",
    "https://app.example",
    "https://app.example:8443/cb?tenant=1",
    "https://xn--bcher-kva.example/cb",
    "http://localhost:3000/cb",
    "http://127.0.0.1/cb",
    "http://[::1]:8080/cb",
    "com.example.app:/oauth",
    "com.example.app://oauth/cb",
)
BAD = {
    "": "absolute",
    "/callback": "absolute",
    "//app.example/cb": "absolute",
    "app.example/cb": "absolute",
    "https:///cb": "host",
    "https:cb": "host",
    "http://app.example/cb": "https",
    "http://localhost.evil.example/cb": "https",
    "http://127.0.0.1.evil.example/cb": "https",
    "http://127.0.0.2/cb": "https",
    "https://app.example/cb#x": "fragment",
    "https://app.example/cb#": "fragment",
    "https://user@app.example/cb": "user name",
    "https://user:pw@app.example/cb": "user name",
    "https://@app.example/cb": "user name",
    "https://app.example:port/cb": "ASCII",
    "https://app.example:99999/cb": "ASCII",
    "https://[::1/cb": "ASCII",
    "https://bücher.example/cb": "ASCII",
    "https://app.example/c b": "ASCII",
    " https://app.example/cb": "ASCII",
    "https://app.example/cb\n": "ASCII",
    "java\tscript:alert(1)": "ASCII",
    "https://app.example/\x7f": "ASCII",
    "https://app.example\\cb": "ASCII",
    'https://app.example/"cb': "ASCII",
    "https://app.example/<cb>": "ASCII",
    "javascript:alert(1)": "javascript",
    "data:text/html,x": "data",
    "vbscript:x": "vbscript",
    "file:///etc/passwd": "file",
    "blob:https://app.example/1": "blob",
    "ws://app.example/cb": "ws",
    "myapp:/cb": "reverse domain",
    "https://app.example/" + "x" * 493: "512",
}


@pytest.mark.parametrize("uri", GOOD)
def test_a_good_address_can_be_registered(uri: str) -> None:
    assert redirects.fault_in(uri) is None


@pytest.mark.parametrize("uri", BAD)
def test_a_bad_address_is_refused_with_a_sentence(uri: str) -> None:
    fault = redirects.fault_in(uri, what="client URI")
    assert fault is not None
    assert BAD[uri] in fault
    assert fault.startswith("The client URI must")
    assert fault.endswith(".")


def test_the_longest_address_just_fits() -> None:
    assert redirects.fault_in("https://app.example/" + "x" * 492) is None


@given(st.text(max_size=80))
def test_whatever_is_given_there_is_an_answer(uri: str) -> None:
    for candidate in (uri, f"https://{uri}", f"https://app.example/{uri}"):
        if redirects.fault_in(candidate) is None:
            assert candidate.isascii()
            assert urlsplit(candidate).scheme in candidate.lower()


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("https://app.example/cb", "https://app.example/cb?code=c"),
        ("https://app.example/cb?x=1", "https://app.example/cb?x=1&code=c"),
        ("com.example.app:/cb", "com.example.app:/cb?code=c"),
    ],
)
def test_an_answer_joins_the_query_that_is_there(uri: str, expected: str) -> None:
    """RFC 6749 §3.1.2."""
    assert redirects.with_answer(uri, {"code": "c"}) == expected


@given(st.dictionaries(st.sampled_from(["code", "state", "iss"]), TEXT, min_size=1))
def test_an_answer_arrives_as_it_was_and_adds_nothing(answer: dict[str, str]) -> None:
    location = redirects.with_answer("https://app.example/cb?x=1", answer)
    assert parse_qsl(urlsplit(location).query, keep_blank_values=True) == [("x", "1"), *answer.items()]
    assert location.isascii()
    assert location.isprintable()
