"""A client's key is read from its JWK in one way only, and used for one algorithm only."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from broker import opaque
from broker.client_auth import public_key
from broker.client_auth.public_key import ALGORITHMS, Unacceptable
from tests.client_auth.signing import jwk, key

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/jose/thumbprints.json").read_text())

EC = jwk(key("ES256"))
OKP = jwk(key("EdDSA"))
RSA = jwk(key("PS256"))


def modulus(length: int) -> str:
    """An odd number of so many bits, as a member `n`."""
    return opaque.base64url(((1 << (length - 1)) | 1).to_bytes((length + 7) // 8))


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_the_thumbprint_is_that_of_rfc_7638(vector: dict[str, Any]) -> None:
    assert public_key.read(vector["jwk"]).thumbprint == vector["thumbprint"]


@pytest.mark.parametrize(("given", "alg"), [(EC, "ES256"), (OKP, "EdDSA"), (RSA, "PS256")])
def test_each_kind_of_key_has_one_algorithm(given: dict[str, Any], alg: str) -> None:
    read = public_key.read(given)
    assert (read.alg, read.verifier().algorithm_name) == (alg, alg)
    assert alg in ALGORITHMS


def test_private_members_are_not_taken_along() -> None:
    read = public_key.read(jwk(key("PS256"), secret=True))
    assert read.members == RSA
    assert public_key.read(jwk(key("EdDSA"), secret=True)).members == OKP


def test_a_key_may_say_what_it_is_for() -> None:
    read = public_key.read({**EC, "kid": "a", "use": "sig", "alg": "ES256", "key_ops": ["verify"], "ext": True})
    assert (read.kid, read.members) == ("a", EC)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(None, id="null"),
        pytest.param([EC], id="a list"),
        pytest.param({}, id="empty"),
        pytest.param({"kty": "oct", "k": "AAAA"}, id="a shared secret"),
        pytest.param({**EC, "crv": "P-384"}, id="another curve"),
        pytest.param({**EC, "crv": "secp256k1"}, id="a curve of its own algorithm"),
        pytest.param({**OKP, "crv": "Ed448"}, id="Ed448"),
        pytest.param({**OKP, "crv": "X25519"}, id="a key for agreement"),
        pytest.param({**EC, "kty": "OKP"}, id="members of another kind"),
        pytest.param({**EC, "x": None}, id="a member missing"),
        pytest.param({**EC, "x": 5}, id="a member that is no string"),
        pytest.param({**EC, "x": EC["x"] + "="}, id="padded"),
        pytest.param({**EC, "x": EC["x"] + "\n"}, id="a line break"),
        pytest.param({**EC, "x": "*" + EC["x"]}, id="outside the alphabet, which lenient readers skip"),
        pytest.param({**EC, "x": "AAA" + EC["x"]}, id="too long"),
        pytest.param({**EC, "x": "\ud800" + EC["x"]}, id="half a character"),
        pytest.param({**OKP, "x": opaque.base64url(b"\1" * 31)}, id="too short"),
        pytest.param({**RSA, "n": modulus(1024)}, id="RSA of 1024 bits"),
        pytest.param({**RSA, "n": modulus(2047)}, id="RSA of 2047 bits"),
        pytest.param({**RSA, "n": modulus(4104)}, id="RSA of more than 4096 bits"),
        pytest.param({**RSA, "n": "AAAA" + RSA["n"]}, id="leading zeros"),
        pytest.param({**RSA, "n": ""}, id="no modulus"),
        pytest.param({**RSA, "e": "AAEAAQ"}, id="an exponent with leading zeros"),
        pytest.param({**RSA, "e": ""}, id="no exponent"),
        pytest.param({**RSA, "e": opaque.base64url(b"\1" * 5)}, id="an exponent that takes long"),
        pytest.param({**EC, "use": "enc"}, id="for encryption"),
        pytest.param({**EC, "alg": "ES384"}, id="for another algorithm"),
        pytest.param({**RSA, "alg": "RS256"}, id="for PKCS #1 v1.5"),
        pytest.param({**EC, "key_ops": ["sign"]}, id="not to verify"),
        pytest.param({**EC, "key_ops": "verify"}, id="key_ops as a string"),
        pytest.param({**EC, "kid": 7}, id="a kid that is no string"),
    ],
)
def test_a_key_is_refused(given: object) -> None:
    with pytest.raises(Unacceptable):
        public_key.read(given)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({**EC, "y": opaque.base64url(b"\1" * 32)}, id="off the curve"),
        pytest.param({**EC, "x": opaque.base64url(b"\0" * 32), "y": opaque.base64url(b"\0" * 32)}, id="zero"),
        pytest.param({**RSA, "e": "Ag"}, id="an even exponent"),
        pytest.param({**RSA, "e": "AQ"}, id="the exponent 1"),
    ],
)
def test_numbers_that_are_no_key_verify_nothing(given: dict[str, Any]) -> None:
    with pytest.raises(Unacceptable):
        public_key.read(given).verifier()


@pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
def test_any_private_member_is_noticed(member: str) -> None:
    assert not public_key.has_private_members(EC)
    assert public_key.has_private_members({**EC, member: "AQ"})


def test_the_largest_rsa_key_is_read() -> None:
    assert public_key.read({**RSA, "n": modulus(4096)}).alg == "PS256"


def test_a_fault_does_not_quote_the_key() -> None:
    other = jwk(ec.generate_private_key(ec.SECP384R1()), secret=True)
    with pytest.raises(Unacceptable) as refused:
        public_key.read(other)
    assert other["d"] not in str(refused.value)
    assert other["x"] not in str(refused.value)


def test_a_weak_rsa_key_is_refused_before_the_library_warns() -> None:
    with pytest.raises(Unacceptable, match="member n"):
        public_key.read(jwk(rsa.generate_private_key(public_exponent=65537, key_size=1024)))
