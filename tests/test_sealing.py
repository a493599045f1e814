"""Sealed values open for their purpose and row, under the keys in use, and in no other way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker import sealing
from broker.sealing import BadSecretKey, Sealer, SecretKey, Unsealable

ONE, TWO = SecretKey(sealing.new_secret_key()), SecretKey(sealing.new_secret_key())


def sealed(plaintext: bytes = b"canary") -> bytes:
    """A value sealed under the first key."""
    return Sealer([ONE]).seal(plaintext, purpose="token", row="r1")


@given(st.binary(max_size=2_000), st.text(max_size=20), st.text(max_size=20))
def test_what_was_sealed_opens_again(plaintext: bytes, purpose: str, row: str) -> None:
    sealer = Sealer([ONE])
    closed = sealer.seal(plaintext, purpose=purpose, row=row)
    assert sealer.open(closed, purpose=purpose, row=row) == plaintext
    assert len(plaintext) < 8 or plaintext not in closed


def test_it_opens_for_no_other_purpose_and_no_other_row() -> None:
    closed = sealed()
    for purpose, row in (("cookie", "r1"), ("token", "r2"), ("token", ""), ("", "r1"), ("tokenr1", "")):
        with pytest.raises(Unsealable):
            Sealer([ONE]).open(closed, purpose=purpose, row=row)


def test_not_one_flipped_bit_is_overlooked() -> None:
    closed = sealed()
    for place in range(len(closed) * 8):
        flipped = bytearray(closed)
        flipped[place // 8] ^= 1 << place % 8
        with pytest.raises(Unsealable):
            Sealer([ONE]).open(bytes(flipped), purpose="token", row="r1")


def test_neither_cut_nor_extended_values_open() -> None:
    closed = sealed()
    for wrong in (*(closed[:length] for length in range(len(closed))), closed + b"\x00", b"\x00" * 100):
        with pytest.raises(Unsealable):
            Sealer([ONE]).open(wrong, purpose="token", row="r1")


def test_the_same_plaintext_never_looks_the_same() -> None:
    assert len({sealed() for _ in range(500)}) == 500


def test_a_key_is_changed_by_putting_a_new_one_first_and_dropping_the_old_one_later() -> None:
    old, both, new = Sealer([ONE]), Sealer([TWO, ONE]), Sealer([TWO])
    closed = old.seal(b"canary", purpose="token", row="r1")
    assert both.open(closed, purpose="token", row="r1") == b"canary"
    assert old.is_current(closed)
    assert both.knows(closed)
    assert not both.is_current(closed)
    resealed = both.seal(b"canary", purpose="token", row="r1")
    assert both.is_current(resealed)
    assert new.open(resealed, purpose="token", row="r1") == b"canary"
    with pytest.raises(Unsealable):
        new.open(closed, purpose="token", row="r1")


def test_a_key_is_only_what_the_command_prints() -> None:
    good = sealing.new_secret_key()
    wrong = (
        "",
        "brk_",
        good[4:],
        good.upper(),
        good[:-1],
        good + "a",
        good + " ",
        "brs_" + good[4:],
        "brk_" + "!" * 56,
    )
    for text in wrong:
        with pytest.raises(BadSecretKey) as refused:
            SecretKey(text)
        assert len(text) < 8 or text not in str(refused.value)
    with pytest.raises(BadSecretKey):
        Sealer([])


def test_no_key_shows_itself() -> None:
    text = sealing.new_secret_key()
    key = SecretKey(text)
    assert text not in repr(key)
    assert text[4:] not in repr(key)
    with pytest.raises(Unsealable) as refused:
        Sealer([key]).open(sealed(), purpose="token", row="r1")
    assert "canary" not in str(refused.value)


def test_the_key_of_one_purpose_is_not_that_of_another() -> None:
    """Each purpose has a key derived for it, so that a weakness in one use says nothing of the other."""
    nonce = bytes(12)
    ciphertexts = {ONE.cipher(purpose).encrypt(nonce, b"canary", None) for purpose in ("token", "cookie", "key")}
    assert len(ciphertexts) == 3
