"""OpenID Foundation, plan "Config OP": the documents of a broker behind https. OIDC Discovery 1.0."""

import base64
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
import pytest_asyncio

from tests.stage import HeldClock
from tests.web.front import ISSUER, running_front

pytestmark = pytest.mark.asyncio(loop_scope="module")
PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
ARRAYS_THAT_MUST_BE = (
    "response_types_supported",
    "subject_types_supported",
    "id_token_signing_alg_values_supported",
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[httpx.AsyncClient]:
    file = tmp_path_factory.mktemp("config") / "broker.db"
    shutil.copy(sqlite_template, file)
    async with running_front(f"sqlite:///{file}", HeldClock()) as front:
        yield front.http


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def provider(http: httpx.AsyncClient) -> dict[str, Any]:
    found: dict[str, Any] = (await http.get("/.well-known/openid-configuration")).json()
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def keys(http: httpx.AsyncClient, provider: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await http.get(provider["jwks_uri"])).json()["keys"]
    return found


async def test_the_document_is_json_at_its_place(http: httpx.AsyncClient) -> None:
    """Discovery §4, §4.2."""
    response = await http.get(f"{ISSUER}/.well-known/openid-configuration")
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")


async def test_the_issuer_is_the_address_it_was_asked_at(provider: dict[str, Any]) -> None:
    """Discovery §4.3: identical, https, without query and fragment (§3)."""
    assert provider["issuer"] == ISSUER
    assert provider["issuer"].startswith("https://")
    assert "?" not in provider["issuer"]
    assert "#" not in provider["issuer"]


async def test_every_endpoint_is_https_and_ours(provider: dict[str, Any]) -> None:
    """Discovery §3."""
    named = {name for name in provider if name.endswith(("_endpoint", "_uri"))}
    assert named >= {"authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"}
    for name in named:
        assert provider[name].startswith(f"{ISSUER}/"), name


async def test_what_must_be_there_is_there(provider: dict[str, Any]) -> None:
    """Discovery §3: required arrays, none of them empty, and RS256 among the algorithms."""
    for name in ARRAYS_THAT_MUST_BE:
        assert provider[name], name
        assert all(isinstance(value, str) for value in provider[name]), name
    assert "code" in provider["response_types_supported"]
    assert provider["subject_types_supported"] == ["public"]
    assert "RS256" in provider["id_token_signing_alg_values_supported"]
    assert "none" not in provider["id_token_signing_alg_values_supported"]
    assert "openid" in provider["scopes_supported"]
    assert {"sub", "iss", "aud", "exp", "iat"} <= set(provider["claims_supported"])


async def test_every_value_has_the_type_of_its_name(provider: dict[str, Any]) -> None:
    """Discovery §3: arrays of strings, booleans, addresses; nothing null, nothing empty (§4.2)."""
    for name, value in provider.items():
        if name.endswith(("_supported", "_parameter_supported")) and isinstance(value, bool):
            continue
        assert value not in (None, [], ""), name
        if name.endswith("_supported"):
            assert isinstance(value, list), name
            assert len(set(value)) == len(value), name


async def test_what_is_true_by_default_is_denied_where_it_is_not(provider: dict[str, Any]) -> None:
    """Discovery §3: `request_uri_parameter_supported` omitted means true, the others false."""
    assert provider["request_uri_parameter_supported"] is False
    for name in ("claims_parameter_supported", "request_parameter_supported"):
        assert provider.get(name, False) is False


async def test_the_keys_are_public_named_and_meant_for_signatures(
    http: httpx.AsyncClient, provider: dict[str, Any], keys: list[dict[str, Any]]
) -> None:
    """Discovery §3 (jwks_uri), OIDC Core §10.1, RFC 7517 §4."""
    response = await http.get(provider["jwks_uri"])
    assert response.status_code == 200
    assert response.headers["content-type"] in ("application/json", "application/jwk-set+json")
    names = [key["kid"] for key in keys]
    assert len(set(names)) == len(names)
    for key in keys:
        assert not PRIVATE & key.keys()
        assert key["use"] == "sig"
        assert key["kty"] in ("RSA", "EC", "OKP")
        # Readable by a library that is not ours.
        assert jwt.PyJWK(key).key_id == key["kid"]


async def test_every_advertised_algorithm_has_a_key(provider: dict[str, Any], keys: list[dict[str, Any]]) -> None:
    """OIDC Core §10.1: the signer publishes the keys it signs with."""
    assert {key["alg"] for key in keys} >= set(provider["id_token_signing_alg_values_supported"])


async def test_an_rsa_key_is_long_enough(keys: list[dict[str, Any]]) -> None:
    """RFC 7518 §3.3: 2048 bits or more; §6.3.1.1: no leading zero octet."""
    moduli = [base64.urlsafe_b64decode(key["n"] + "==") for key in keys if key["kty"] == "RSA"]
    assert moduli
    for modulus in moduli:
        assert modulus[0] != 0
        assert len(modulus) * 8 >= 2048


async def test_the_authorization_server_document_agrees(http: httpx.AsyncClient, provider: dict[str, Any]) -> None:
    """RFC 8414 §2, §3: the same facts at the other address."""
    server = (await http.get("/.well-known/oauth-authorization-server")).json()
    assert server.items() <= provider.items()
    assert {"issuer", "token_endpoint", "jwks_uri", "response_types_supported"} <= server.keys()
