"""The backend accepts the broker's access tokens and nothing that resembles them."""

import hmac
import json
import time
from typing import Any

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from broker import opaque
from tests.demo.stage import Stage


async def ask(stage: Stage, *credentials: str) -> httpx2.Response:
    headers = [(b"authorization", value.encode("latin-1")) for value in credentials]
    async with httpx2.AsyncClient(verify=False) as http:
        return await http.get(f"{stage.app}/api/me", headers=headers)


async def refusal(stage: Stage, token: str) -> str:
    response = await ask(stage, f"Bearer {token}")
    assert response.status_code == 401
    sentence: str = response.json()["error_description"]
    assert response.headers["www-authenticate"] == (
        f'Bearer error="invalid_token", error_description="{sentence}"'
    )
    return sentence


async def test_a_good_token_is_answered_with_its_claims(stage: Stage) -> None:
    claims = stage.provider.access_claims(union_id="u-1")
    response = await ask(stage, f"Bearer {stage.provider.sign(claims, 'at+jwt')}")
    assert response.status_code == 200
    assert response.json() == {"verified": True, "claims": claims}
    assert response.headers["cache-control"] == "no-store"


async def test_the_scheme_and_the_type_may_be_written_as_the_standards_allow(stage: Stage) -> None:
    """RFC 9110 §11.1: schemes ignore case. RFC 9068 §4: the full media type is the same type."""
    token = stage.provider.sign(stage.provider.access_claims(), "application/at+jwt")
    assert (await ask(stage, f"bearer {token}")).status_code == 200


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"iss": "https://evil.example"}, "issued by somebody else"),
        ({"aud": ["http://localhost:1/api/me"]}, "for another API"),
        ({"aud": "cli_sample"}, "for another API"),
        ({"exp": 1}, "has expired"),
        ({"nbf": 4_000_000_000}, "not valid"),
        ({"iat": "yesterday"}, "not valid"),
        ({"sub": 7}, "not valid"),
    ],
)
async def test_a_wrong_claim_is_refused(stage: Stage, changes: dict[str, Any], sentence: str) -> None:
    token = stage.provider.sign(stage.provider.access_claims(**changes), "at+jwt")
    assert sentence in await refusal(stage, token)


@pytest.mark.parametrize("claim", ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"])
async def test_a_missing_claim_is_refused(stage: Stage, claim: str) -> None:
    claims = stage.provider.access_claims()
    del claims[claim]
    assert await refusal(stage, stage.provider.sign(claims, "at+jwt"))


async def test_a_token_is_refused_from_the_second_it_expires(stage: Stage) -> None:
    token = stage.provider.sign(stage.provider.access_claims(exp=int(time.time())), "at+jwt")
    assert "has expired" in await refusal(stage, token)


@pytest.mark.parametrize("typ", ["JWT", "logout+jwt", ""])
async def test_another_kind_of_token_is_refused(stage: Stage, typ: str) -> None:
    """RFC 9068 §4: an ID token of the same broker must not open the API."""
    assert "not an access token" in await refusal(stage, stage.provider.sign(stage.provider.access_claims(), typ))


async def test_a_signature_of_somebody_else_is_refused(stage: Stage) -> None:
    stranger = ec.generate_private_key(ec.SECP256R1())
    headers = {"kid": "k1", "typ": "at+jwt"}
    token = jwt.encode(stage.provider.access_claims(), stranger, "ES256", headers=headers)
    assert "not signed by the broker" in await refusal(stage, token)


async def test_an_unknown_key_is_refused(stage: Stage) -> None:
    token = stage.provider.sign(stage.provider.access_claims(), "at+jwt", kid="k2")
    assert "does not publish" in await refusal(stage, token)


async def test_another_algorithm_under_a_known_key_is_refused(stage: Stage) -> None:
    """RFC 8725 §2.1: neither `none`, nor the public key as an HMAC secret, nor another kind of key."""
    claims = stage.provider.access_claims()
    headers = {"kid": "k1", "typ": "at+jwt"}
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = stage.provider.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for token in (
        jwt.encode(claims, "", "none", headers=headers),
        _mac_with(public, claims, headers),
        jwt.encode(claims, other, "RS256", headers=headers),
    ):
        assert await refusal(stage, token)


async def test_a_critical_extension_is_refused(stage: Stage) -> None:
    """RFC 7515 §4.1.11."""
    token = stage.provider.sign(stage.provider.access_claims(), "at+jwt", crit=["x"], x=1)
    assert "not valid" in await refusal(stage, token)


async def test_a_token_longer_than_any_of_the_brokers_is_not_even_read(stage: Stage) -> None:
    token = stage.provider.sign(stage.provider.access_claims(scope="x" * 8192), "at+jwt")
    assert "too long" in await refusal(stage, token)


def _mac_with(key: bytes, claims: dict[str, Any], headers: dict[str, str]) -> str:
    parts = (json.dumps(part).encode() for part in ({"alg": "HS256", **headers}, claims))
    signed = ".".join(opaque.base64url(part) for part in parts)
    return f"{signed}.{opaque.base64url(hmac.digest(key, signed.encode(), 'sha256'))}"


def _jwt(header: object) -> str:
    return ".".join(opaque.base64url(json.dumps(part).encode()) for part in (header, {}, {}))


@pytest.mark.parametrize(
    "token",
    ["x", "a.b.c", "." * 3, "é.é.é", _jwt([]), _jwt({"typ": 7}), _jwt({"typ": "at+jwt"})]
    + [_jwt({"typ": "at+jwt", "kid": kid, "alg": "ES256"}) for kid in (7, None, "")],
)
async def test_garbage_is_refused_and_never_an_error_of_ours(stage: Stage, token: str) -> None:
    assert await refusal(stage, token)


@pytest.mark.parametrize("credentials", [(), ("Basic eDp5",), ("Bearer",), ("Bearer a", "Bearer b")])
async def test_without_one_bearer_token_the_challenge_names_no_error(
    stage: Stage, credentials: tuple[str, ...]
) -> None:
    """RFC 6750 §3.1."""
    response = await ask(stage, *credentials)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"


async def test_without_the_brokers_keys_the_answer_is_try_again(stage: Stage) -> None:
    """Not 401: the app would throw away a good token."""
    token = stage.provider.sign(stage.provider.access_claims(), "at+jwt")
    stage.provider.jwks_body = b"<html>"
    response = await ask(stage, f"Bearer {token}")
    assert response.status_code == 503
    assert response.json()["error"] == "temporarily_unavailable"
