"""`id_token_signed_response_alg`: each client's ID tokens as it asked for them, verified by others' libraries."""

import base64
import hashlib
from typing import Any

import joserfc.jwt
import jwt
import pytest
from joserfc.jwk import KeySet

from tests.provider.proving import post, register
from tests.stage import PUBLIC_REDIRECT, WEB, Stage

ALGS = ("ES256", "RS256", "PS256", "EdDSA")
# OIDC Core §3.1.3.6; for Ed25519 it is the hash within the algorithm (RFC 8032 §5.1).
HASHES = {"ES256": "sha256", "RS256": "sha256", "PS256": "sha256", "EdDSA": "sha512"}


def at_hash(token: str, alg: str) -> str:
    """The left half of the hash, as OIDC Core §3.1.3.6 has it."""
    whole = hashlib.new(HASHES[alg], token.encode("ascii")).digest()
    return base64.urlsafe_b64encode(whole[: len(whole) // 2]).rstrip(b"=").decode()


# joserfc warns of the name, which is the one that OpenID Connect clients know.
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated via RFC 9864")
async def test_every_algorithm_verifies_against_the_published_keys(stage: Stage) -> None:
    """By PyJWT and by joserfc, at sign-in and after a refresh; the access token stays as the operator chose."""
    published = (await stage.http.get("/.well-known/jwks.json")).json()
    offered = (await stage.http.get("/.well-known/openid-configuration")).json()
    assert sorted(offered["id_token_signing_alg_values_supported"]) == sorted(ALGS)
    keys = jwt.PyJWKSet.from_dict(published)
    others = KeySet.import_key_set(published)
    for alg in ALGS:
        client = f"cli_{alg}"
        await register(
            stage,
            client,
            token_endpoint_auth_method="none",
            redirect_uris=[PUBLIC_REDIRECT],
            id_token_signed_response_alg=alg,
        )
        first = await stage.sign_in(client)
        form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"], "client_id": client}
        second = (await post(stage.http, "/token", form)).json()
        for tokens, nonce in ((first, "the-nonce"), (second, None)):
            header = jwt.get_unverified_header(tokens["id_token"])
            assert (header["alg"], header["typ"]) == (alg, "JWT")
            claims: dict[str, Any] = jwt.decode(
                tokens["id_token"],
                keys[header["kid"]],
                algorithms=[alg],
                audience=client,
                issuer=stage.issuer,
                # The stage's clock stands in the future.
                options={"verify_exp": False, "verify_iat": False},
            )
            assert joserfc.jwt.decode(tokens["id_token"], others, algorithms=[alg]).claims == claims
            assert claims["at_hash"] == at_hash(tokens["access_token"], alg)
            assert claims.get("nonce") == nonce
            access = jwt.get_unverified_header(tokens["access_token"])
            assert (access["alg"], access["typ"]) == ("ES256", "at+jwt")
            assert (await stage.userinfo(tokens["access_token"])).status_code == 200


async def test_a_key_is_for_its_own_algorithm_only(stage: Stage) -> None:
    """RFC 8725 §3.1: the RS256 key is never the PS256 key, and says so."""
    published = (await stage.http.get("/.well-known/jwks.json")).json()["keys"]
    assert sorted(key["alg"] for key in published) == sorted([*ALGS, *ALGS])
    assert len({key["kid"] for key in published}) == len({key.get("n", key["kid"]) for key in published}) == 8
    assert all(key["use"] == "sig" for key in published)
    by_alg = {key["alg"]: key for key in published}
    token = (await stage.sign_in(WEB))["id_token"]
    for alg in ("RS256", "PS256", "EdDSA"):
        with pytest.raises(jwt.PyJWTError):
            jwt.decode(token, jwt.PyJWK(by_alg[alg]), algorithms=[alg], audience=WEB)
