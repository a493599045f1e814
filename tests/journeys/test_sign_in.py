"""A person signs in to an app, over real HTTP, on both databases."""

import jwt

from tests.stage import PUBLIC, WEB, Stage


async def test_an_app_gets_tokens_that_verify_against_the_key_set(stage: Stage) -> None:
    tokens = await stage.sign_in()
    keys = jwt.PyJWKSet.from_dict((await stage.http.get("/.well-known/jwks.json")).json())
    header = jwt.get_unverified_header(tokens["id_token"])
    claims = jwt.decode(
        tokens["id_token"],
        keys[header["kid"]],
        algorithms=["ES256"],
        audience=WEB,
        issuer=stage.issuer,
        options={"verify_exp": False, "verify_iat": False},
    )
    assert claims["nonce"] == "the-nonce"


async def test_a_public_client_signs_in_with_pkce_alone(stage: Stage) -> None:
    tokens = await stage.sign_in(PUBLIC)
    refreshed = await stage.refresh(tokens["refresh_token"], PUBLIC)
    assert refreshed.status_code == 200
