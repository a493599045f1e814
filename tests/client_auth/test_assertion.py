"""A client assertion proves one client to this issuer, and only when every rule is kept."""

from typing import Any

import jwt
import pytest

from broker import opaque
from broker.client_auth.assertion import ASSERTION_TYPE, LONGEST_USE, claimed_client
from broker.client_auth.public_key import ALGORITHMS
from broker.client_auth.signed import CLOCK_SKEW
from broker.oauth.errors import OAuthError
from tests.client_auth.asserting import CLAIMS, CLIENT, HEADER, ISSUER, KIDS, checked, refusal, signed
from tests.client_auth.signing import NOW, jwk, key, raw


@pytest.mark.parametrize("alg", ALGORITHMS)
async def test_a_good_assertion_proves_its_client(alg: str) -> None:
    proof = await checked(signed(header={"alg": alg, "kid": KIDS[alg]}, private=key(alg)))
    assert proof.client_id == CLIENT
    assert len(proof.jti_digest) == 32


@pytest.mark.parametrize(
    "header",
    [
        {"typ": None},
        {"typ": "client-authentication+jwt"},
        {"kid": None},
        {"x5t": "ignored", "jku": "https://evil"},
    ],
)
async def test_what_the_header_may_say_or_leave_out(header: dict[str, Any]) -> None:
    assert (await checked(signed(header=header))).client_id == CLIENT


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"iss": None}, "iss and its sub differ"),
        ({"iss": "cli_b"}, "iss and its sub differ"),
        ({"sub": None}, "sub is not a client_id"),
        ({"sub": 5, "iss": 5}, "sub is not a client_id"),
        ({"sub": "a\0b", "iss": "a\0b"}, "sub is not a client_id"),
        ({"sub": "cli_b", "iss": "cli_b"}, "speaks for another client"),
        ({"aud": None}, "aud"),
        ({"aud": [ISSUER]}, "aud"),
        ({"aud": [ISSUER, "https://other.example"]}, "aud"),
        ({"aud": f"{ISSUER}/token"}, "aud"),
        ({"aud": f"{ISSUER}/"}, "aud"),
        ({"aud": ISSUER.upper()}, "aud"),
        ({"exp": None}, "no exp"),
        ({"exp": NOW}, "expired"),
        ({"exp": NOW - 1}, "expired"),
        ({"exp": NOW + 0.5}, "expired"),
        ({"exp": str(NOW + 60)}, "exp is not a number"),
        ({"exp": True}, "exp is not a number"),
        ({"exp": float("inf")}, "exp is not a number"),
        ({"exp": float("nan")}, "exp is not a number"),
        ({"exp": NOW + LONGEST_USE + CLOCK_SKEW + 1, "iat": None}, "exp is more than"),
        ({"exp": 10**400, "iat": None}, "exp is more than"),
        ({"iat": NOW - LONGEST_USE, "exp": NOW + 60}, "was made more than"),
        ({"iat": -(10**400)}, "was made more than"),
        ({"iat": NOW + CLOCK_SKEW + 1}, "in the future"),
        ({"nbf": NOW + CLOCK_SKEW + 1}, "in the future"),
        ({"iat": "now"}, "iat is not a number"),
        ({"nbf": [NOW]}, "nbf is not a number"),
        ({"jti": None}, "jti"),
        ({"jti": ""}, "jti"),
        ({"jti": 7}, "jti"),
        ({"jti": "a" * 257}, "jti"),
        ({"jti": "a\nb"}, "jti"),
        ({"jti": "\ud800"}, "jti"),
    ],
)
async def test_claims_that_prove_nothing(claims: dict[str, Any], why: str) -> None:
    assert why in await refusal(signed(claims))


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ({"typ": "at+jwt"}, "typ"),
        ({"typ": "dpop+jwt"}, "typ"),
        ({"typ": "jwt"}, "typ"),
        ({"crit": ["exp"], "exp": NOW + 60}, "cannot be read"),
        ({"crit": []}, "cannot be read"),
        ({"crit": ["b64"], "b64": False}, "cannot be read"),
        ({"crit": ["b64"], "b64": True}, "crit"),
        ({"kid": "nobody"}, "no such key"),
        ({"kid": "ps"}, "no such key"),
        ({"kid": ""}, "no such key"),
    ],
)
async def test_headers_that_prove_nothing(header: dict[str, Any], why: str) -> None:
    assert why in await refusal(signed(header=header))


@pytest.mark.parametrize("alg", ["RS256", "RS512", "PS384"])
async def test_algorithms_we_did_not_choose(alg: str) -> None:
    assert "its alg" in await refusal(signed(header={"alg": alg, "kid": "ps"}, private=key("PS256")))


async def test_a_signature_by_somebody_elses_key() -> None:
    assert "signature" in await refusal(signed(private=key("ES256", "thief")))


async def test_a_key_of_the_thief_in_the_header_changes_nothing() -> None:
    """RFC 8725 §3.10: no key is taken from the token itself."""
    thief = key("ES256", "thief")
    assert "signature" in await refusal(signed(header={"jwk": jwk(thief)}, private=thief))


async def test_the_public_key_as_a_shared_secret() -> None:
    """RFC 8725 §2.1: HS256 over the bytes of a public key."""
    secret = opaque.base64url(b"x" * 32)
    assert "its alg" in await refusal(jwt.encode(CLAIMS, secret, algorithm="HS256", headers={"kid": "es"}))


async def test_no_signature_at_all() -> None:
    algorithms: tuple[object, ...] = ("none", "None", "NONE", ["ES256"], None, {})
    for alg in algorithms:
        assert "its alg" in await refusal(raw({**HEADER, "alg": alg}, CLAIMS))
    header, claims, _ = signed().split(".")
    assert "compact form" in await refusal(f"{header}.{claims}.")


@pytest.mark.parametrize("alg", ALGORITHMS)
async def test_one_bit_decides(alg: str) -> None:
    good = signed(header={"alg": alg, "kid": KIDS[alg]}, private=key(alg))
    header, claims, signature = good.split(".")
    flipped = bytearray(opaque.from_base64url(signature) or b"")
    flipped[5] ^= 1
    assert "signature" in await refusal(f"{header}.{claims}.{opaque.base64url(bytes(flipped))}")
    assert "signature" in await refusal(f"{header}.{claims}.{opaque.base64url(bytes(flipped[:-1]))}")


async def test_forms_that_are_no_compact_jws() -> None:
    good = signed()
    for broken in ("", ".", "..", good + ".", good + "=", f" {good}", f"{good}\n", good.replace(".", "", 1)):
        assert "compact form" in await refusal(broken)
    assert "longer than" in await refusal(good + "A" * 8192)
    parts: tuple[object, ...] = ([], "text", 5, None)
    for part in parts:
        assert "cannot be read" in await refusal(raw(part, CLAIMS))
        assert "cannot be read" in await refusal(raw(HEADER, part))
    assert "cannot be read" in await refusal(raw({**HEADER, "kid": 5}, CLAIMS))
    assert "cannot be read" in await refusal(raw({**HEADER, "b64": False}, CLAIMS))


def form(**changes: str | None) -> dict[str, str]:
    given = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": signed(), **changes}
    return {name: value for name, value in given.items() if value is not None}


def test_the_claimed_client_is_read_without_a_key() -> None:
    forged = signed(private=key("ES256", "thief"))
    assert claimed_client(form()) == CLIENT
    assert claimed_client(form(client_assertion=forged)) == CLIENT


@pytest.mark.parametrize(
    "changes",
    [
        {"client_assertion_type": None},
        {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"},
        {"client_assertion_type": ASSERTION_TYPE.upper()},
        {"client_assertion_type": ASSERTION_TYPE + " "},
        {"client_assertion": None},
        {"client_assertion": "x"},
        {"client_assertion": raw(HEADER, {**CLAIMS, "iss": "cli_b"})},
        {"client_assertion": raw(HEADER, {**CLAIMS, "sub": "\0", "iss": "\0"})},
        {"client_assertion": raw(HEADER, {**CLAIMS, "sub": "\ud800", "iss": "\ud800"})},
        {"client_assertion": raw(HEADER, {**CLAIMS, "sub": "a" * 300, "iss": "a" * 300})},
    ],
)
def test_a_form_that_claims_nobody(changes: dict[str, str | None]) -> None:
    with pytest.raises(OAuthError) as refused:
        claimed_client(form(**changes))
    assert refused.value.code == "invalid_client"


async def test_no_refusal_quotes_the_assertion() -> None:
    assertion = signed({"sub": "canary", "iss": "canary", "jti": "canary"}, {"kid": "canary", "typ": "canary"})
    assert "canary" not in await refusal(assertion)
    assert "canary" not in await refusal(signed({"aud": "canary", "exp": "canary"}))
