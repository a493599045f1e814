"""Refresh tokens: genuine to the last bit and for their client alone, or nothing, before any SQL."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker import opaque
from broker.keys import refresh
from broker.keys.refresh import Presented
from broker.keys.ring import Ring
from tests.keys.made import refresh_key

KEY, OTHER = refresh_key(1), refresh_key(2)
RING = Ring((), (KEY, OTHER))
GRANT = "abcdefghijklmnopqrstuvwxyz234567"
CLIENT = "cli_app"


def minted(generation: int = 7) -> str:
    """A genuine token."""
    return refresh.mint(KEY, grant_id=GRANT, generation=generation, client_id=CLIENT)


def test_a_token_tells_its_grant_and_generation() -> None:
    assert refresh.read(RING, minted(), client_id=CLIENT) == Presented(GRANT, 7)


def test_the_same_grant_generation_and_key_make_the_same_token() -> None:
    """Which is how a repeat within the grace gets the same successor without anything being stored."""
    assert minted() == minted()
    assert len(minted()) == len("brt_") + 96
    assert minted(8) != minted(7)


@given(st.binary(min_size=20, max_size=20), st.integers(0, 2**32 - 1), st.text(max_size=40))
def test_every_grant_generation_and_client_make_a_token_that_reads_back(
    grant: bytes, generation: int, client_id: str
) -> None:
    token = refresh.mint(OTHER, grant_id=opaque.encode(grant), generation=generation, client_id=client_id)
    assert refresh.read(RING, token, client_id=client_id) == Presented(opaque.encode(grant), generation)
    assert refresh.read(RING, token, client_id=client_id + "x") is None


def test_not_one_flipped_bit_is_overlooked() -> None:
    raw = opaque.decode(minted().removeprefix("brt_"))
    assert raw is not None
    for place in range(len(raw) * 8):
        flipped = bytearray(raw)
        flipped[place // 8] ^= 1 << place % 8
        assert refresh.read(RING, "brt_" + opaque.encode(bytes(flipped)), client_id=CLIENT) is None


@given(st.integers(0, 99), st.characters())
def test_not_one_changed_character_is_overlooked(place: int, character: str) -> None:
    token = minted()
    changed = token[:place] + character + token[place + 1 :]
    assert (refresh.read(RING, changed, client_id=CLIENT) is None) is (changed != token)


def test_neither_cut_nor_extended_nor_respelt_tokens_are_read() -> None:
    token = minted()
    wrong = [token[:length] for length in range(len(token))]
    wrong += [token + "a", token + "aaaaaaaa", token + "=", token + "\n", " " + token, token.upper()]
    wrong += ["brt_" + token[4:].upper(), token[4:], "brt_brt_" + token[4:], "brc_" + token[4:], "brt_" + "é" * 96]
    for text in wrong:
        assert refresh.read(RING, text, client_id=CLIENT) is None, text


@given(st.text(max_size=120))
def test_whatever_is_sent_it_is_read_or_it_is_nothing(token: str) -> None:
    assert refresh.read(RING, token, client_id=CLIENT) is None
    assert refresh.read(RING, "brt_" + token, client_id=CLIENT) is None


def test_another_client_cannot_use_it() -> None:
    for client_id in ("cli_other", "CLI_APP", "", "cli_app "):
        assert refresh.read(RING, minted(), client_id=client_id) is None


def test_a_key_that_is_gone_takes_its_tokens_along() -> None:
    assert refresh.read(Ring((), (OTHER,)), minted(), client_id=CLIENT) is None
    assert refresh.read(Ring((), ()), minted(), client_id=CLIENT) is None


def test_a_key_of_the_same_name_is_not_the_same_key() -> None:
    impostor = type(KEY)(KEY.kid, b"another secret of thirty-two by.", KEY.signs_from)
    assert refresh.read(Ring((), (impostor,)), minted(), client_id=CLIENT) is None


def test_a_number_that_has_no_room_makes_no_token() -> None:
    for generation in (-1, 2**32):
        with pytest.raises(OverflowError):
            refresh.mint(KEY, grant_id=GRANT, generation=generation, client_id=CLIENT)


def test_a_grant_id_that_is_not_ours_makes_no_token() -> None:
    for grant_id in ("ABC", "grant 1", GRANT + "a"):
        with pytest.raises(ValueError, match="not one of ours"):
            refresh.mint(KEY, grant_id=grant_id, generation=0, client_id=CLIENT)
