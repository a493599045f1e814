"""A DPoP proof is good for one request, one key and one minute: every rule of RFC 9449 §4.3."""

import json
from pathlib import Path
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker import opaque
from broker.client_auth import public_key
from broker.client_auth.dpop import OLDEST, Proof, valid_thumbprint, verify
from broker.client_auth.public_key import ALGORITHMS
from broker.client_auth.signed import CLOCK_SKEW
from broker.keys.jwk import PrivateKey
from broker.oauth.errors import OAuthError
from tests.client_auth.signing import JSON, NOW, jwk, key, raw, sign

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/jose/dpop_proofs.json").read_text())

TOKEN = "https://id.example/token"
USERINFO = "https://id.example/userinfo"
ACCESS_TOKEN = "the.access.token"
CLAIMS = {"htm": "POST", "htu": TOKEN, "iat": NOW, "jti": "a-name-of-its-own"}


def signed(
    claims: dict[str, Any] | None = None,
    header: dict[str, Any] | None = None,
    *,
    alg: str = "ES256",
    private: PrivateKey | None = None,
) -> str:
    """A good proof but for the changes; None takes something away."""
    embedded = jwk(key(alg))
    return sign(
        {"typ": "dpop+jwt", "alg": alg, "jwk": embedded, **(header or {})},
        {**CLAIMS, **(claims or {})},
        private or key(alg),
    )


def checked(proof: str, *, now: int = NOW, method: str = "POST", url: str = TOKEN) -> Proof:
    return verify(proof, method=method, url=url, now=now)


def refusal(proof: str, *, now: int = NOW, access_token: str | None = None) -> str:
    """What the client is told."""
    with pytest.raises(OAuthError) as refused:
        verify(proof, method="POST", url=TOKEN, now=now, access_token=access_token)
    assert (refused.value.code, refused.value.status) == ("invalid_dpop_proof", 400)
    # RFC 6749 §5.2: printable ASCII without quotation mark and backslash.
    assert all(" " <= character <= "~" and character not in '"\\' for character in refused.value.description)
    return refused.value.description


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_the_proofs_printed_in_rfc_9449(vector: dict[str, Any]) -> None:
    proof = verify(
        vector["proof"],
        method=vector["method"],
        url=vector["url"],
        now=vector["iat"],
        access_token=vector["access_token"],
    )
    assert proof.jkt == vector["jkt"]


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_good_proof_names_its_key(alg: str) -> None:
    proof = checked(signed(alg=alg))
    assert proof.jkt == public_key.read(jwk(key(alg))).thumbprint
    assert valid_thumbprint(proof.jkt)
    assert len(proof.jti_digest) == 32


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"htm": None}, "htm"),
        ({"htm": "GET"}, "htm"),
        ({"htm": "post"}, "htm"),
        ({"htm": ["POST"]}, "htm"),
        ({"htu": None}, "htu"),
        ({"htu": "/token"}, "htu"),
        ({"htu": USERINFO}, "htu"),
        ({"htu": TOKEN + "/"}, "htu"),
        ({"htu": TOKEN.replace("https", "http")}, "htu"),
        ({"htu": "https://id.example@evil.example/token"}, "htu"),
        ({"htu": "https://evil.example/token?https://id.example/token"}, "htu"),
        ({"htu": [TOKEN]}, "htu"),
        ({"htu": "\ud800"}, "htu"),
        ({"iat": None}, "iat"),
        ({"iat": str(NOW)}, "iat"),
        ({"iat": True}, "iat"),
        ({"iat": NOW - OLDEST - 1}, "iat"),
        ({"iat": NOW + CLOCK_SKEW + 1}, "iat"),
        ({"iat": float("nan")}, "iat"),
        ({"iat": 10**400}, "iat"),
        ({"jti": None}, "jti"),
        ({"jti": ""}, "jti"),
        ({"jti": "a" * 257}, "jti"),
        ({"jti": {"a": 1}}, "jti"),
        ({"jti": "\ud800"}, "jti"),
    ],
)
def test_claims_that_prove_nothing(claims: dict[str, Any], why: str) -> None:
    assert f"its {why} is" in refusal(signed(claims))


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ({"typ": None}, "typ is not dpop+jwt"),
        ({"typ": "JWT"}, "typ is not dpop+jwt"),
        ({"typ": "DPoP+jwt"}, "typ is not dpop+jwt"),
        ({"typ": ["dpop+jwt"]}, "typ is not dpop+jwt"),
        ({"jwk": None}, "has no jwk"),
        ({"jwk": "text"}, "has no jwk"),
        ({"jwk": {}}, "the key is neither"),
        ({"jwk": {"kty": "oct", "k": "AAAA"}}, "private members"),
        ({"jwk": jwk(key("ES256"), secret=True)}, "private members"),
        ({"jwk": {**jwk(key("ES256")), "use": "enc"}}, "not meant for signatures"),
        ({"jwk": {**jwk(key("ES256")), "y": opaque.base64url(b"\1" * 32)}}, "not a point of its curve"),
        ({"jwk": jwk(key("ES256", "another"))}, "signature is not by the key"),
        ({"jwk": jwk(key("PS256"))}, "signature is not by the key"),
        ({"crit": ["b64"], "b64": True}, "crit"),
        ({"crit": ["jwk"]}, "cannot be read"),
        ({"kid": 7}, "cannot be read"),
    ],
)
def test_headers_that_prove_nothing(header: dict[str, Any], why: str) -> None:
    assert why in refusal(signed(header=header))


@pytest.mark.parametrize("alg", ["RS256", "RS384", "PS512"])
def test_algorithms_we_did_not_choose(alg: str) -> None:
    assert "its alg is not one of" in refusal(
        signed(header={"alg": alg, "jwk": jwk(key("PS256"))}, private=key("PS256"))
    )


def test_an_rsa_proof_with_private_members_is_refused() -> None:
    embedded = jwk(key("PS256"), secret=True)
    assert "private members" in refusal(signed(header={"jwk": embedded}, alg="PS256"))
    del embedded["d"]
    assert "private members" in refusal(signed(header={"jwk": embedded}, alg="PS256"))


def test_no_signature_or_a_shared_secret() -> None:
    header = {"typ": "dpop+jwt", "jwk": jwk(key("ES256"))}
    for alg in ("none", "HS256", ["ES256"], None):
        assert "its alg" in refusal(raw({**header, "alg": alg}, CLAIMS))
    assert "its alg" in refusal(jwt.encode(CLAIMS, b"x" * 32, algorithm="HS256", headers=header))
    assert "signature" in refusal(raw({**header, "alg": "ES256"}, CLAIMS))


def test_claims_that_were_exchanged_after_signing() -> None:
    header, _, signature = signed().split(".")
    _, claims, _ = signed({"jti": "another"}).split(".")
    assert "signature" in refusal(f"{header}.{claims}.{signature}")


def test_forms_that_are_no_compact_jws() -> None:
    good = signed()
    for broken in ("", "..", good + "=", good + "." + good, f"{good}, {good}", f"{good},{good}", good + "\n"):
        assert "compact form" in refusal(broken)
    assert "longer than" in refusal(signed({"more": "x" * 8192}))


@pytest.mark.parametrize(
    "htu",
    [TOKEN + "?a=b", TOKEN + "#c", "HTTPS://ID.example:443/%74oken", "https://id.example/x/../token"],
)
def test_the_address_is_compared_after_normalisation(htu: str) -> None:
    assert checked(signed({"htu": htu}))


def test_our_own_address_is_normalised_too() -> None:
    proof = signed({"htu": "http://127.0.0.1/token"})
    assert checked(proof, url="http://127.0.0.1:80/token?query")


def test_an_address_of_ours_that_is_none_lets_nothing_through() -> None:
    with pytest.raises(OAuthError, match="htu"):
        checked(signed({"htu": "urn:nothing"}), url="urn:nothing")


def test_the_window_is_exact() -> None:
    proof = signed()
    assert checked(proof, now=NOW + OLDEST)
    assert "iat" in refusal(proof, now=NOW + OLDEST + 1)
    assert checked(proof, now=NOW - CLOCK_SKEW)
    assert "iat" in refusal(proof, now=NOW - CLOCK_SKEW - 1)
    assert checked(signed({"iat": NOW + 0.5}))


@pytest.mark.parametrize("iat", [NOW - OLDEST, NOW, NOW + CLOCK_SKEW, NOW + 0.9])
def test_the_name_is_remembered_for_longer_than_the_proof_can_be_used(iat: float) -> None:
    proof = signed({"iat": iat})
    forgotten = checked(proof).expires_at
    assert forgotten <= NOW + OLDEST + 2 * CLOCK_SKEW + 1
    # Even by a replica whose clock is behind.
    assert "iat" in refusal(proof, now=forgotten - CLOCK_SKEW)


def test_a_name_counts_for_its_key_alone() -> None:
    mine = checked(signed())
    again = checked(signed({"iat": NOW - 1}))
    other = checked(signed(alg="EdDSA"))
    third = checked(signed({"jti": "another"}))
    assert mine.jti_digest == again.jti_digest
    assert len({mine.jti_digest, other.jti_digest, third.jti_digest}) == 3


def test_a_proof_with_an_access_token_must_hash_it() -> None:
    """RFC 9449 §7.1."""
    ath = opaque.sha256_base64url(ACCESS_TOKEN)
    assert verify(signed({"ath": ath}), method="POST", url=TOKEN, now=NOW, access_token=ACCESS_TOKEN)
    for wrong in (None, "", ath + "=", ath.lower(), opaque.sha256_base64url("other"), [ath], "\ud800"):
        assert "ath" in refusal(signed({"ath": wrong}), access_token=ACCESS_TOKEN)
    assert "ath" in refusal(signed({"ath": ath}), access_token="nön-ascii")
    assert "ath" in refusal(signed({"ath": ath}), access_token="")


def test_a_hash_and_a_nonce_nobody_asked_for_mean_nothing() -> None:
    assert checked(signed({"ath": "x", "nonce": "y", "more": [1]}))


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I", True),
        ("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4J", False),
        ("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I=", False),
        ("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I\n", False),
        ("0ZcOCORZNYy+DWpqq30jZyJGHTN0d2HglBV3uiguA4I", False),
        ("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4", False),
        ("A" * 86, False),
        ("", False),
        ("é" * 43, False),
    ],
)
def test_what_a_thumbprint_looks_like(text: str, valid: bool) -> None:
    assert valid_thumbprint(text) is valid


def test_no_refusal_quotes_the_proof() -> None:
    for claims in ({"htm": "canary"}, {"htu": "canary"}, {"jti": "canary\n"}, {"iat": "canary"}):
        assert "canary" not in refusal(signed(claims))
    private = jwk(key("ES256"), secret=True)
    assert private["d"] not in refusal(signed(header={"jwk": private}))


KEYS = st.sampled_from([jwk(key(alg)) for alg in ALGORITHMS])
CHANGES = st.dictionaries(st.sampled_from(["kty", "crv", "x", "y", "n", "e", "use"]), JSON)
ANY_JWK = st.builds(lambda good, changes: good | changes, KEYS, CHANGES)
HEADERS = st.fixed_dictionaries(
    {"typ": st.just("dpop+jwt"), "alg": st.sampled_from(ALGORITHMS) | JSON, "jwk": KEYS | ANY_JWK | JSON},
    optional={"kid": JSON, "crit": JSON, "b64": JSON},
)
ANY_CLAIMS = st.fixed_dictionaries(
    {}, optional={name: st.just(value) | JSON for name, value in {**CLAIMS, "ath": "", "nonce": ""}.items()}
)


def only_oauth_errors(proof: str, access_token: str | None = None) -> None:
    try:
        outcome = verify(proof, method="POST", url=TOKEN, now=NOW, access_token=access_token).jkt
    except OAuthError as refused:
        outcome = refused.code
    assert outcome == "invalid_dpop_proof" or valid_thumbprint(outcome)


@given(st.text(), st.none() | st.text())
def test_any_text_is_at_worst_refused(text: str, access_token: str | None) -> None:
    only_oauth_errors(text, access_token)


@given(HEADERS | JSON, ANY_CLAIMS | JSON, st.binary(max_size=300))
def test_any_unsigned_shape_is_at_worst_refused(header: object, claims: object, signature: bytes) -> None:
    only_oauth_errors(raw(header, claims, signature))


@given(ANY_CLAIMS, st.none() | st.text(max_size=8))
def test_any_signed_claims_are_at_worst_refused(claims: dict[str, Any], access_token: str | None) -> None:
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk(key("ES256"))}
    only_oauth_errors(sign(header, claims, key("ES256")), access_token)


@given(st.text())
def test_any_text_may_be_asked_for_as_a_thumbprint(text: str) -> None:
    assert valid_thumbprint(text) in (True, False)
