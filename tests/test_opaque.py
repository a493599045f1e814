"""Opaque values: enough bits, one spelling each, and digests that the RFCs fix."""

import re

from hypothesis import given
from hypothesis import strategies as st

from broker import opaque

RFC7636_VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
RFC7636_CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@given(st.binary(max_size=80))
def test_every_value_survives_the_round_trip(raw: bytes) -> None:
    assert opaque.decode(opaque.encode(raw)) == raw
    assert opaque.from_base64url(opaque.base64url(raw)) == raw


@given(st.text(max_size=60))
def test_a_text_is_the_one_spelling_of_its_bytes_or_nothing(text: str) -> None:
    raw = opaque.decode(text)
    assert raw is None or opaque.encode(raw) == text
    raw = opaque.from_base64url(text)
    assert raw is None or opaque.base64url(raw) == text


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz234567=AZ", min_size=1, max_size=40))
def test_no_two_spellings_mean_the_same(text: str) -> None:
    """Also where base32 leaves unused bits, padding or case to choose."""
    raw = opaque.decode(text)
    assert raw is None or (text == text.lower() and "=" not in text and opaque.encode(raw) == text)


@given(st.binary(min_size=1, max_size=70), st.data())
def test_a_flipped_bit_is_another_value_or_none(raw: bytes, data: st.DataObject) -> None:
    for encode, decode in ((opaque.encode, opaque.decode), (opaque.base64url, opaque.from_base64url)):
        text = encode(raw)
        place = data.draw(st.integers(0, len(text) - 1))
        flipped = text[:place] + chr(ord(text[place]) ^ (1 << data.draw(st.integers(0, 6)))) + text[place + 1 :]
        assert decode(flipped) != raw


def test_what_is_not_canonical_is_nothing() -> None:
    for text in ("a", "aaa", "a1", "AA", "aa======", " aa", "aa\n", "äa", "ſa", "1" * 8, "\x00" * 8):
        assert opaque.decode(text) is None, text
    for text in ("A", "AB", "AA==", "A+8A", "A/8A", "AA AA", "AAAA\n", "ÄAAA", "AA.A"):
        assert opaque.from_base64url(text) is None, text


def test_identifiers_carry_160_bits_and_secrets_280() -> None:
    assert re.fullmatch(r"usr_[a-z2-7]{32}", opaque.identifier("usr_"))
    assert re.fullmatch(r"brs_[a-z2-7]{56}", opaque.secret("brs_"))
    assert len(opaque.random_bytes(33)) == 33


def test_no_two_drawn_values_are_alike() -> None:
    assert len({opaque.identifier() for _ in range(2_000)} | {opaque.secret()[:32] for _ in range(2_000)}) == 4_000


def test_digests_are_those_of_the_rfcs() -> None:
    """RFC 7636 appendix B; OIDC Core appendix A.3; FIPS 180-4's `abc`."""
    assert opaque.sha256_base64url(RFC7636_VERIFIER) == RFC7636_CHALLENGE
    example = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"
    assert opaque.half_digest_base64url(example, "sha256") == "77QmUPtjPfzWtF2AnpK9RQ"
    assert len(opaque.half_digest_base64url(example, "sha512")) == 43
    abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert opaque.sha256_hex("abc") == opaque.digest("abc").hex() == abc


@given(st.lists(st.binary(max_size=6), max_size=4), st.lists(st.binary(max_size=6), max_size=4))
def test_a_mac_tells_apart_how_its_parts_were_cut(one: list[bytes], other: list[bytes]) -> None:
    assert (opaque.mac(b"key", *one) == opaque.mac(b"key", *other)) is (one == other)


def test_a_mac_depends_on_its_key() -> None:
    assert opaque.mac(b"key", b"a") != opaque.mac(b"yek", b"a")
    assert len(opaque.mac(b"key")) == 32


def test_comparison_is_of_whole_values() -> None:
    assert opaque.equal(b"abc", b"abc")
    assert not opaque.equal(b"abc", b"abcd")
    assert not opaque.equal(b"abc", b"abd")


def test_a_secret_shows_itself_to_nobody_who_does_not_ask() -> None:
    hidden = opaque.Secret("canary")
    shown = (repr(hidden), str(hidden), f"{hidden}", repr([hidden]))
    assert not any("canary" in text for text in shown)
    assert hidden.reveal() == "canary"
    assert hidden == opaque.Secret("canary")
    assert hidden != opaque.Secret("other")
    assert hidden != "canary"
    assert not hasattr(hidden, "__dict__")
