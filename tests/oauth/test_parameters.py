"""Reading parameters: one value each, form-encoded UTF-8, and a fault never worse than `invalid_request`."""

import re
from urllib.parse import quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.oauth import parameters
from broker.oauth.errors import OAuthError

WELL_FORMED = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20)


def refusal(encoded: bytes, *names: str) -> str:
    """The error that parsing, or reading one of `names`, raises."""

    def read() -> None:
        found = parameters.parse(encoded)
        for name in names:
            found.get(name)

    with pytest.raises(OAuthError) as refused:
        read()
    assert refused.value.status == 400
    return refused.value.code


def test_values_are_decoded_as_forms_are() -> None:
    found = parameters.parse(b"a=1+2&b=%C3%A9%2B&c=%3D%26&d=x=y")
    assert dict(found) == {"a": "1 2", "b": "é+", "c": "=&", "d": "x=y"}


@pytest.mark.parametrize("encoded", [b"", b"code=", b"other=x"])
def test_what_is_required_and_left_out_is_named(encoded: bytes) -> None:
    assert parameters.parse(b"code=x").required("code") == "x"
    with pytest.raises(OAuthError, match="The request has no code") as refused:
        parameters.parse(encoded).required("code")
    assert (refused.value.code, refused.value.status) == ("invalid_request", 400)


def test_an_empty_value_counts_as_omitted() -> None:
    """RFC 6749 §3.1."""
    found = parameters.parse(b"a=&b&c=1&a=&=")
    assert dict(found) == {"c": "1"}
    assert "a" not in found
    assert found.get("a") is None


@pytest.mark.parametrize(
    "encoded",
    [b"a=%", b"a=%4", b"a=%zz", b"%=1", b"a=100%25&b=%G0"],
    ids=["nothing after", "one digit", "no digits", "in the name", "in a later one"],
)
def test_broken_percent_encoding_is_refused(encoded: bytes) -> None:
    assert refusal(encoded) == "invalid_request"


@pytest.mark.parametrize("encoded", [b"a=%ff", b"a=%C3", b"a=%ED%A0%80", b"a=%C0%AF", b"a=\xc3\xa9", b"a=\xff"])
def test_what_is_not_utf_8_in_percent_encoding_is_refused(encoded: bytes) -> None:
    """Overlong forms and lone surrogates too."""
    assert refusal(encoded) == "invalid_request"


def test_more_fields_than_any_request_has_are_refused() -> None:
    assert len(parameters.parse(b"&".join(b"a%d=1" % number for number in range(100)))) == 100
    assert refusal(b"&".join(b"a%d=1" % number for number in range(101))) == "invalid_request"


def test_a_repeated_parameter_is_refused_where_it_is_read_and_the_others_are_not() -> None:
    """RFC 6749 §3.1; so that the request can still be answered at its redirect URI."""
    encoded = b"state=1&client_id=a&client_id=a&nonce=2"
    found = parameters.parse(encoded)
    assert (found["state"], found.get("nonce")) == ("1", "2")
    assert refusal(encoded, "client_id") == "invalid_request"
    with pytest.raises(OAuthError):
        _ = "client_id" in found
    with pytest.raises(OAuthError):
        found.refuse_malformed()


def test_resource_alone_may_be_repeated_and_keeps_its_order() -> None:
    """RFC 8707 §2."""
    found = parameters.parse(b"resource=b&resource=a&resource=&resource=b")
    assert found.several("resource") == ("b", "a", "b")
    found.refuse_malformed()
    assert found.several("audience") == ()


@pytest.mark.parametrize("character", ["%00", "%0A", "%0D", "%09", "%1F", "%7F"])
def test_a_control_character_is_refused_in_name_and_value(character: str) -> None:
    assert refusal(f"a=x{character}y".encode(), "a") == "invalid_request"
    assert refusal(f"resource=x{character}y".encode(), "resource") == "invalid_request"
    with pytest.raises(OAuthError):
        parameters.parse(f"x{character}y=1".encode()).refuse_malformed()


@given(st.binary(max_size=200))
def test_whatever_bytes_come_there_are_parameters_or_an_invalid_request(encoded: bytes) -> None:
    outcome = outcome_of(encoded)
    if isinstance(outcome, OAuthError):
        assert (outcome.code, outcome.status) == ("invalid_request", 400)
    else:
        assert all(value and not re.search(r"[\x00-\x1f\x7f]", value) for value in outcome.values())


def outcome_of(encoded: bytes) -> dict[str, str] | OAuthError:
    """The parameters, or the error."""
    try:
        found = parameters.parse(encoded)
        found.refuse_malformed()
        return dict(found)
    except OAuthError as error:
        return error


@given(st.dictionaries(WELL_FORMED, WELL_FORMED, max_size=20))
def test_what_a_client_encodes_is_read_back(sent: dict[str, str]) -> None:
    assert dict(parameters.parse(urlencode(sent).encode())) == sent


@given(WELL_FORMED, st.lists(WELL_FORMED, min_size=2, max_size=4))
def test_no_repetition_is_overlooked(name: str, values: list[str]) -> None:
    encoded = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for value in values).encode()
    if name != "resource":
        assert refusal(encoded, name) == "invalid_request"


def test_visible_ascii_is_what_the_grammar_says() -> None:
    """RFC 6749 appendix A: 1*VSCHAR, which here counts the space."""
    assert parameters.is_visible_ascii("".join(map(chr, range(0x20, 0x7F))))
    for wrong in ("", "\x1f", "\x7f", "é", "a\n", "\u2028"):
        assert not parameters.is_visible_ascii(wrong)


def test_a_line_break_in_what_nobody_reads_is_ignored_with_it() -> None:
    """A `claims` parameter printed prettily is an unknown parameter like any other."""
    given = parameters.parse(b"claims=%7B%0A%7D&state=s")
    given.refuse_repeated()
    assert dict(given) == {"state": "s"}
    with pytest.raises(OAuthError):
        given.get("claims")
