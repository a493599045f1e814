"""Keys as they are published: named by their thumbprint, and never with a private member."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import import_key
from jwt.algorithms import RSAAlgorithm

from broker.keys import jwk

VECTOR = json.loads((Path(__file__).parents[1] / "vectors" / "rfc7638.json").read_text())
PUBLIC = {
    "ES256": {"kty", "crv", "x", "y"},
    "RS256": {"kty", "n", "e"},
    "EdDSA": {"kty", "crv", "x"},
}


def test_the_example_of_rfc_7638() -> None:
    key = RSAAlgorithm.from_jwk(VECTOR["jwk"])
    assert isinstance(key, rsa.RSAPublicKey)
    assert jwk._thumbprint(jwk._members(key)) == VECTOR["thumbprint"]


@pytest.mark.parametrize("alg", PUBLIC)
def test_a_published_key_is_its_public_members_under_its_thumbprint(alg: str) -> None:
    """The thumbprint as another library reckons it."""
    published = jwk.public_jwk(jwk.generate(alg), alg)
    assert published.keys() == PUBLIC[alg] | {"kid", "alg", "use"}
    assert (published["alg"], published["use"]) == (alg, "sig")
    members = {name: published[name] for name in PUBLIC[alg]}
    assert published["kid"] == import_key(members).thumbprint()


@pytest.mark.parametrize("alg", PUBLIC)
def test_a_key_survives_being_stored(alg: str) -> None:
    key = jwk.generate(alg)
    again = jwk.from_bytes(jwk.to_bytes(key))
    assert jwk.public_jwk(again, alg) == jwk.public_jwk(key, alg)


def test_keys_are_of_the_sizes_that_the_algorithms_want() -> None:
    """RFC 7518 §3.3: 2048 bits or more for RS256."""
    assert jwk.public_jwk(jwk.generate("ES256"), "ES256")["crv"] == "P-256"
    assert jwk.public_jwk(jwk.generate("EdDSA"), "EdDSA")["crv"] == "Ed25519"
    made = jwk.generate("RS256")
    assert isinstance(made, rsa.RSAPrivateKey)
    assert made.key_size >= 2048


def test_no_key_is_made_or_read_of_any_other_kind() -> None:
    for alg in ("none", "HS256", "ES512", ""):
        with pytest.raises(ValueError, match="no keys are made"):
            jwk.generate(alg)
    other = X25519PrivateKey.generate().private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(ValueError, match="a kind of key"):
        jwk.from_bytes(other)
