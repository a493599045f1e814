"""What was verified is remembered, and that helps nobody who forges, and no key that is gone."""

from typing import Any

import jwt
import pytest

from broker import opaque
from broker.keys import signer as signing
from broker.keys.ring import Ring
from broker.keys.signer import BadSignature, Signer
from tests.keys.made import NOW, ring

CLAIMS = {"sub": "usr_1", "exp": NOW + 600, "aud": ["cli_web"]}
TYP = "at+jwt"


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each token whose signature was really looked at, in their order."""
    tokens: list[str] = []
    decode = jwt.decode

    def heard(token: str, *given: Any, **named: Any) -> Any:
        tokens.append(token)
        return decode(token, *given, **named)

    monkeypatch.setattr(jwt, "decode", heard)
    return tokens


async def made(signer: Signer, **claims: Any) -> str:
    return await signer.sign(CLAIMS | claims, typ=TYP, alg="ES256", now=NOW)


async def test_the_signature_of_a_token_that_comes_again_is_looked_at_once(looked: list[str]) -> None:
    signer = Signer(ring())
    token = await made(signer)
    assert [signer.verify(token, typ=TYP) for _ in range(3)] == [CLAIMS] * 3
    assert looked == [token]


async def test_what_somebody_does_with_the_claims_changes_nobody_elses() -> None:
    signer = Signer(ring())
    token = await made(signer)
    signer.verify(token, typ=TYP)["sub"] = "usr_2"
    assert signer.verify(token, typ=TYP) == CLAIMS


async def test_who_changes_one_letter_of_a_token_that_was_good_is_refused() -> None:
    """In each of its parts; and it is none of another type."""
    signer = Signer(ring())
    token = await made(signer)
    signer.verify(token, typ=TYP)
    other = (await made(signer, sub="usr_2")).split(".")
    header, claims, signature = token.split(".")
    for forged in (
        f"{header}.{other[1]}.{signature}",
        f"{header}.{claims}.{other[2]}",
        f"{header}.{claims}.",
        f"{opaque.base64url(b'{}')}.{claims}.{signature}",
    ):
        with pytest.raises(BadSignature):
            signer.verify(forged, typ=TYP)
    with pytest.raises(BadSignature):
        signer.verify(token, typ="logout+jwt")


async def test_what_was_no_good_is_looked_at_each_time(looked: list[str]) -> None:
    signer = Signer(ring())
    forged = (await made(signer)).rpartition(".")[0] + "." + (await made(signer, sub="usr_2")).rpartition(".")[2]
    for _ in range(2):
        with pytest.raises(BadSignature):
            signer.verify(forged, typ=TYP)
    assert looked == [forged] * 2


async def test_a_key_that_is_gone_takes_along_what_it_has_signed() -> None:
    """An operator revokes it, and from then on nobody is let in by what was verified a moment ago."""
    keys = ring()
    signer = Signer(keys)
    token = await made(signer)
    signer.verify(token, typ=TYP)
    signer.use(ring())
    with pytest.raises(BadSignature):
        signer.verify(token, typ=TYP)


async def test_a_past_key_is_good_for_nothing_but_the_past(looked: list[str]) -> None:
    keys = ring()
    signer = Signer(keys)
    token = await made(signer)
    new = ring()
    signer.use(Ring(new.signing, new.refresh, past=keys.signing))
    assert signer.verify(token, typ=TYP, past=True) == CLAIMS
    with pytest.raises(BadSignature):
        signer.verify(token, typ=TYP)


async def test_so_many_are_remembered_and_the_oldest_is_forgotten(
    looked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing, "_MOST_REMEMBERED", 2)
    signer = Signer(ring())
    first, second, third = [await made(signer, sub=f"usr_{number}") for number in range(3)]
    for token in (first, second, third, second, third, first):
        signer.verify(token, typ=TYP)
    assert looked == [first, second, third, first]
