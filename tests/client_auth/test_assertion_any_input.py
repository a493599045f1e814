"""Whatever is sent as a client assertion, the answer is a refusal in the protocol's own terms."""

import contextlib
from typing import Any

import jwt
from hypothesis import given
from hypothesis import strategies as st

from broker.client_auth.assertion import ASSERTION_TYPE, claimed_client
from broker.oauth.errors import OAuthError
from tests.client_auth.asserting import CLAIMS, HEADER, ISSUER, checked
from tests.client_auth.signing import JSON, NOW, key, raw, sign

HEADERS = st.fixed_dictionaries(
    {"alg": st.sampled_from(["ES256", "PS256", "EdDSA", "none", "HS256"]) | JSON},
    optional={
        "kid": st.sampled_from(["es", "ps", "ed"]) | JSON,
        "typ": st.just("JWT") | JSON,
        "crit": JSON,
        "b64": JSON,
    },
)
ANY_CLAIMS = st.fixed_dictionaries(
    {},
    optional={name: st.just(value) | JSON for name, value in {**CLAIMS, "nbf": NOW}.items()},
)


async def only_oauth_errors(assertion: str) -> None:
    with contextlib.suppress(OAuthError):
        claimed_client({"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion})
    try:
        await checked(assertion)
    except OAuthError:
        return
    assert jwt.decode(assertion, options={"verify_signature": False})["aud"] == ISSUER


@given(st.text())
async def test_any_text_is_at_worst_refused(text: str) -> None:
    await only_oauth_errors(text)


@given(HEADERS | JSON, ANY_CLAIMS | JSON, st.binary(max_size=300))
async def test_any_unsigned_shape_is_at_worst_refused(header: object, claims: object, signature: bytes) -> None:
    await only_oauth_errors(raw(header, claims, signature))


@given(ANY_CLAIMS)
async def test_any_signed_claims_are_at_worst_refused(claims: dict[str, Any]) -> None:
    await only_oauth_errors(sign(HEADER, claims, key("ES256")))
