"""An access token is believed when it is ours to the letter, and for no other reason (RFC 8725, RFC 9068 §4)."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from broker.claims import Claims
from broker.claims_told import InvalidToken
from broker.keys.ring import Ring
from broker.keys.signer import BadSignature, Signer
from tests.keys.made import NOW, ring, signing_key
from tests.test_claims import ISSUER, OCCASION, PERSON, access, claims_of, payload


def segment(content: object) -> str:
    """One part of a token."""
    raw = content if isinstance(content, bytes) else json.dumps(content, separators=(",", ":")).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(claims: Claims, said: dict[str, Any], **header: Any) -> str:
    """A token signed with our own key, with whatever header."""
    key = claims.signer.ring.signing[0]
    headers = {"typ": "at+jwt", "kid": key.kid} | header
    alg = headers.pop("alg", key.alg)
    return jwt.encode(said, key.private, algorithm=alg, headers=headers)


def refused(claims: Claims, token: str, *, now: int = NOW) -> str:
    """Why it is not believed."""
    with pytest.raises(InvalidToken) as why:
        claims.verify_access_token(token, now=now)
    return str(why.value)


@pytest.mark.parametrize("alg", ["ES256", "RS256", "PS256", "EdDSA"])
async def test_our_own_token_is_believed_until_the_second_of_its_end(alg: str) -> None:
    claims = claims_of(alg)
    token = await access(claims, resources=("https://a/",))
    believed = claims.verify_access_token(token, now=NOW + 599)
    assert (believed.grant_id, believed.client_id) == ("grant1", "cli_app")
    assert believed.scope == {"openid", "profile"}
    assert believed.audience == {"https://a/", ISSUER}
    assert believed.claims == payload(token)
    assert refused(claims, token, now=NOW + 600) == "expired"


async def test_of_a_key_that_is_gone_only_an_id_token_still_tells_whom_it_named() -> None:
    claims = claims_of()
    token = await access(claims)
    hint = await claims.id_token(
        PERSON, OCCASION, scope=("openid",), access_token="a", nonce=None, alg=None, now=NOW
    )
    before = claims.signer.ring
    claims.signer.use(Ring(ring().signing, before.refresh, past=before.signing))
    assert refused(claims, token) == "the header is not one of ours"
    assert claims.read_hint(hint).sid == "ses_1"


async def test_a_token_of_another_kind_is_no_access_token() -> None:
    claims = claims_of()
    id_token = await claims.id_token(
        PERSON, OCCASION, scope=("openid",), access_token="a", nonce=None, alg=None, now=NOW
    )
    assert "header" in refused(claims, id_token)
    said = payload(await access(claims))
    for typ in ("JWT", "jwt", "logout+jwt", "AT+JWT", "application/at+jwt", "", None):
        assert "header" in refused(claims, signed(claims, said, typ=typ)), typ


async def test_no_header_of_somebody_elses_choosing_is_acted_upon() -> None:
    claims = claims_of()
    said = payload(await access(claims))
    foreign = signing_key()
    for extra in (
        {"jwk": dict(foreign.public_jwk)},
        {"jku": "https://evil.example/jwks.json"},
        {"x5u": "https://evil.example/cert.pem"},
        {"crit": ["exp"]},
        {"crit": ["unknown"], "unknown": 1},
        {"cty": "JWT"},
        {"kid": foreign.kid},
        {"kid": "../../dev/null"},
    ):
        assert "header" in refused(claims, signed(claims, said, **extra)), extra


async def test_a_foreign_key_signs_nothing_for_us() -> None:
    claims, foreign = claims_of(), claims_of()
    assert "header" in refused(claims, await access(foreign))
    ours, theirs = claims.signer.ring.signing[0], foreign.signer.ring.signing[0]
    headers = {"typ": "at+jwt", "kid": ours.kid}
    forged = jwt.encode(payload(await access(claims)), theirs.private, algorithm="ES256", headers=headers)
    assert refused(claims, forged) == "InvalidSignatureError"


async def test_none_is_no_algorithm() -> None:
    """RFC 8725 §3.2."""
    claims = claims_of()
    token = await access(claims)
    kid = claims.signer.ring.signing[0].kid
    for alg in ("none", "None", "NONE", ""):
        header = segment({"alg": alg, "kid": kid, "typ": "at+jwt"})
        for signature in ("", token.rpartition(".")[2]):
            assert "header" in refused(claims, f"{header}.{token.split('.')[1]}.{signature}")
    assert refused(claims, token.rpartition(".")[0] + ".")


async def test_a_public_key_is_no_hmac_secret() -> None:
    """RFC 8725 §2.1: neither under a header that says so, nor under our own."""
    claims = claims_of()
    key = claims.signer.ring.signing[0]
    pem = key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    token = await access(claims)
    own_header, body, _ = token.split(".")
    for header in (segment({"alg": "HS256", "kid": key.kid, "typ": "at+jwt"}), own_header):
        mac = hmac.digest(pem, f"{header}.{body}".encode(), hashlib.sha256)
        assert refused(claims, f"{header}.{body}.{segment(mac)}")


async def test_an_algorithm_belongs_to_its_key() -> None:
    claims = Claims(ISSUER, Signer(ring("ES256", "EdDSA")), "ES256", 600)
    es256, eddsa = claims.signer.ring.signing
    for alg, kid, private in (("EdDSA", es256.kid, eddsa.private), ("ES256", eddsa.kid, es256.private)):
        said = payload(await access(claims))
        mixed = jwt.encode(said, private, algorithm=alg, headers={"typ": "at+jwt", "kid": kid})
        assert "header" in refused(claims, mixed)


async def test_another_issuers_token_is_refused_even_with_our_key() -> None:
    claims = claims_of()
    said = payload(await access(claims))
    for issuer in ("https://evil.example", ISSUER + "/", ISSUER.upper(), ""):
        assert refused(claims, signed(claims, said | {"iss": issuer})) == "another issuer"
    del said["iss"]
    assert refused(claims, signed(claims, said)) == "another issuer"


async def test_a_time_that_is_no_number_has_come() -> None:
    claims = claims_of()
    said = payload(await access(claims))
    for exp in (str(NOW + 600), None, float(NOW + 600), [NOW + 600]):
        assert refused(claims, signed(claims, said | {"exp": exp})) in {"expired", "DecodeError"}
    del said["exp"]
    assert refused(claims, signed(claims, said)) == "expired"


async def test_a_token_has_one_spelling() -> None:
    claims = claims_of()
    token = await access(claims)
    header, body, signature = token.split(".")
    for other in (
        f" {token}",
        f"{token} ",
        f"{token}\n",
        f"{token}=",
        f"{token}==",
        f"{token}.",
        f"{token}.{signature}",
        f".{token}",
        f"{header}.{body}",
        f"{header}.{body}.{signature[:40]}\n{signature[40:]}",
        f"{header}.{body}.{signature[:40]}!{signature[40:]}",
        f"{header}.{body}.{signature[:-1]}",
        f"{header}.{body}\n.{signature}",
        f"{header}.{body}=.{signature}",
        f"{header}=.{body}.{signature}",
        f"{header}..{signature}",
        "",
        ".",
        "..",
        "\x00",
        "é.é.é",
    ):
        assert refused(claims, other), other


@pytest.mark.parametrize("alg", ["ES256", "EdDSA"])
async def test_not_one_flipped_bit_of_a_character_is_overlooked(alg: str) -> None:
    """Also the unused bits of the last character of a part."""
    claims = claims_of(alg)
    token = await access(claims)
    for place in range(len(token)):
        for bit in range(0, 7, 2 if place < len(token) - 4 else 1):
            changed = token[:place] + chr(ord(token[place]) ^ (1 << bit)) + token[place + 1 :]
            assert refused(claims, changed), (place, bit)


async def test_a_key_that_left_the_ring_vouches_for_nothing_any_more() -> None:
    claims = claims_of()
    token = await access(claims)
    assert claims.verify_access_token(token, now=NOW)
    claims.signer.use(ring("ES256"))
    assert "header" in refused(claims, token)


async def test_what_we_never_sign_is_bad_to_the_signer_too() -> None:
    signer = Signer(ring("ES256"))
    token = await signer.sign({"a": 1}, typ="logout+jwt", alg="ES256", now=NOW)
    assert signer.verify(token, typ="logout+jwt") == {"a": 1}
    with pytest.raises(BadSignature):
        signer.verify(token, typ="at+jwt")
    with pytest.raises(LookupError):
        await signer.sign({}, typ="JWT", alg="RS256", now=NOW)
