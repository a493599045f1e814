"""A client with keys, and the assertions it signs: good but for the changes asked for."""

from typing import Any

import httpx
import pytest

from broker.client_auth.assertion import Assertion, verify
from broker.client_auth.directory import Client
from broker.client_auth.jwks import KeySource
from broker.keys.jwk import PrivateKey
from broker.oauth import client_metadata
from broker.oauth.errors import OAuthError
from broker.outbound import Outbound, Reach
from tests.client_auth.signing import NOW, jwk, key, sign

ISSUER = "https://id.example"
CLIENT = "cli_a"
HEADER = {"typ": "JWT", "alg": "ES256", "kid": "es"}
CLAIMS = {
    "iss": CLIENT,
    "sub": CLIENT,
    "aud": ISSUER,
    "exp": NOW + 60,
    "iat": NOW,
    "jti": "a-name-of-its-own",
}
KIDS = {"ES256": "es", "PS256": "ps", "EdDSA": "ed"}


def registered(client_id: str) -> Client:
    """A client with a key of each kind, registered."""
    keys = [jwk(key(alg), kid=kid) for alg, kid in KIDS.items()]
    return Client(
        client_id=client_id,
        metadata=client_metadata.read({"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": keys}}),
        secret_digest=None,
        previous_secret_digest=None,
        previous_secret_until=0,
        version=1,
        disabled=False,
        read_at=NOW,
    )


def key_source() -> KeySource:
    """Has no need to fetch, and fails when it does."""

    def nobody(request: httpx.Request) -> httpx.Response:
        raise AssertionError("nothing is to be fetched")

    http = httpx.AsyncClient(transport=httpx.MockTransport(nobody))
    return KeySource(Outbound(http, Reach(private=False, loopback=False)))


async def checked(assertion: str, *, client_id: str = CLIENT, now: int = NOW) -> Assertion:
    return await verify(assertion, registered(client_id), issuer=ISSUER, keys=key_source(), now=now)


def signed(
    claims: dict[str, Any] | None = None,
    header: dict[str, Any] | None = None,
    private: PrivateKey | None = None,
) -> str:
    """A good assertion but for the changes; None takes something away."""
    return sign({**HEADER, **(header or {})}, {**CLAIMS, **(claims or {})}, private or key("ES256"))


async def refusal(assertion: str, *, client_id: str = CLIENT, now: int = NOW) -> str:
    """What the log hears. The client hears one sentence, whatever it was."""
    with pytest.raises(OAuthError) as refused:
        await checked(assertion, client_id=client_id, now=now)
    error = refused.value
    assert (error.code, error.status) == ("invalid_client", 401)
    assert error.description == "Client authentication failed."
    assert error.detail is not None
    return error.detail
