"""Whatever a client would conclude from the two documents works, and what they leave out does not.

Everything tried here is read from the documents: OIDC Discovery 1.0 §3, RFC 8414 §2.
"""

from typing import Any

import jwt
import pytest
import pytest_asyncio

from broker import opaque
from broker.oauth import registration
from broker.oauth.client_metadata import BadMetadata
from tests.conformance.conftest import Suite
from tests.conformance.discovered import AUDIENCE, Discovering
from tests.conformance.relying_party import CALLBACK
from tests.stage import VERIFIER, answer_in
from tests.tiktok.exchanging import ACCESS, EXCHANGE, RESOURCE

pytestmark = pytest.mark.asyncio(loop_scope="session")
BACK_CHANNEL = ("token_endpoint", "introspection_endpoint", "revocation_endpoint")


@pytest.fixture
def provider(suite: Suite) -> dict[str, Any]:
    return suite.provider


@pytest_asyncio.fixture(loop_scope="session")
async def client(suite: Suite, provider: dict[str, Any]) -> Discovering:
    return await Discovering.register(suite.stage, provider, "client_secret_basic")


async def refusal(client: Discovering, **changes: str) -> str:
    """The error with which an authorization request comes back to the app."""
    browser = await client.stage.browser()
    response = await client.stage.authorize(browser, client.question(**changes))
    answer = answer_in(response.headers["location"])
    assert answer["iss"] == client.provider["issuer"]
    return answer["error"]


async def test_both_documents_say_the_same(suite: Suite, provider: dict[str, Any]) -> None:
    server = (await suite.stage.http.get("/.well-known/oauth-authorization-server")).json()
    assert server.items() <= provider.items()


async def test_every_address_is_served(suite: Suite, provider: dict[str, Any]) -> None:
    for name, address in provider.items():
        if name.endswith(("_endpoint", "_uri")):
            statuses = [(await suite.stage.http.request(way, address)).status_code for way in ("GET", "POST")]
            assert 404 not in statuses, name
            assert max(statuses) < 500, name


async def test_every_scope_is_granted_and_others_are_not(client: Discovering) -> None:
    offered = client.provider["scopes_supported"]
    tokens = await client.tokens(scope=" ".join([*offered, "email"]))
    assert tokens["scope"].split() == offered


async def test_every_response_type_and_mode_is_served_and_others_are_refused(client: Discovering) -> None:
    stage, provider = client.stage, client.provider
    for response_type in provider["response_types_supported"]:
        for mode in provider["response_modes_supported"]:
            browser = await stage.browser()
            asked = client.question(response_type=response_type, response_mode=mode)
            sent = await stage.authorize(browser, asked)
            done = await browser.get(await stage.consent(browser, sent.headers["location"]))
            assert done.status_code == (200 if mode == "form_post" else 302)
    for response_type in {"token", "id_token", "code id_token", "none"} - set(
        provider["response_types_supported"]
    ):
        assert await refusal(client, response_type=response_type) == "unsupported_response_type"
    for mode in {"fragment", "web_message", "jwt"} - set(provider["response_modes_supported"]):
        assert await refusal(client, response_mode=mode) == "invalid_request"


async def test_every_grant_type_is_served_and_others_are_refused(suite: Suite, provider: dict[str, Any]) -> None:
    offered = provider["grant_types_supported"]
    client = await Discovering.register(
        suite.stage, provider, "client_secret_basic", grant_types=offered, tiktok_tokens=True
    )
    tokens = await client.tokens()
    forms = {
        # Refused by a code that nobody issued: the grant itself was let in.
        "authorization_code": {"code": "brc_x", "redirect_uri": CALLBACK, "code_verifier": VERIFIER},
        "refresh_token": {"refresh_token": tokens["refresh_token"]},
        "client_credentials": {"resource": AUDIENCE},
        EXCHANGE: {"subject_token": tokens["access_token"], "subject_token_type": ACCESS, "resource": RESOURCE},
    }
    assert set(forms) == set(offered)
    for grant_type, form in forms.items():
        answer = await client.post("token_endpoint", {"grant_type": grant_type, **form})
        expected = (400, "invalid_grant") if grant_type == "authorization_code" else (200, None)
        assert (answer.status_code, answer.json().get("error")) == expected, grant_type
    for grant_type in ("password", "urn:ietf:params:oauth:grant-type:device_code"):
        assert grant_type not in offered
        refused = await client.post("token_endpoint", {"grant_type": grant_type})
        assert refused.json()["error"] == "unsupported_grant_type"


@pytest.mark.parametrize("endpoint", BACK_CHANNEL)
async def test_every_way_of_authentication_is_taken(suite: Suite, provider: dict[str, Any], endpoint: str) -> None:
    """And the pushed request endpoint takes those of the token endpoint that prove something (RFC 9126 §2)."""
    stage = suite.stage
    algorithms = provider[f"{endpoint}_auth_signing_alg_values_supported"]
    for method in provider[f"{endpoint}_auth_methods_supported"]:
        for alg in algorithms if method == "private_key_jwt" else algorithms[:1]:
            client = await Discovering.register(stage, provider, method, alg)
            tokens = await client.tokens()
            form = {"token": tokens["access_token"]}
            if endpoint == "token_endpoint":
                form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
                pushed = await client.post("pushed_authorization_request_endpoint", client.question())
                # Who proves nothing can push nothing: what anybody may send must leave no row.
                assert pushed.status_code == (400 if method == "none" else 201), (method, alg)
            answer = await client.post(endpoint, form)
            assert answer.status_code == 200, (method, alg)
            if endpoint == "introspection_endpoint":
                assert answer.json()["active"] is True


async def test_an_assertion_with_another_algorithm_is_refused(suite: Suite, provider: dict[str, Any]) -> None:
    client = await Discovering.register(suite.stage, provider, "private_key_jwt", "PS256")
    for alg in {"RS256", "PS512"} - set(provider["token_endpoint_auth_signing_alg_values_supported"]):
        refused = await client.post("token_endpoint", {"grant_type": "client_credentials"}, alg=alg)
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")


async def test_every_dpop_algorithm_binds_a_token_and_others_are_refused(client: Discovering) -> None:
    """RFC 9449 §5.1."""
    offered = client.provider["dpop_signing_alg_values_supported"]
    address = client.provider["userinfo_endpoint"]
    for alg in offered:
        tokens = await client.tokens(dpop=alg)
        assert tokens["token_type"] == "DPoP"
        token = tokens["access_token"]
        headers = {
            "Authorization": f"DPoP {token}",
            "DPoP": client.proof("GET", address, alg=alg, access_token=token),
        }
        assert (await client.stage.http.get(address, headers=headers)).status_code == 200, alg
    for alg in {"RS256", "PS512"} - set(offered):
        refused = await client.post("token_endpoint", {"grant_type": "refresh_token"}, dpop=alg)
        assert refused.json()["error"] == "invalid_dpop_proof"


async def test_a_pushed_request_is_served(client: Discovering) -> None:
    """RFC 9126 §5; and nobody has to push, as the document says."""
    assert client.provider["require_pushed_authorization_requests"] is False
    pushed = await client.post("pushed_authorization_request_endpoint", client.question())
    asked = {"client_id": client.client_id, "request_uri": pushed.json()["request_uri"]}
    answer = await client.stage.come_back(await client.stage.browser(), asked)
    assert (await client.redeem(answer["code"])).status_code == 200


async def test_every_challenge_method_is_served_and_others_are_refused(client: Discovering) -> None:
    assert client.provider["code_challenge_methods_supported"] == ["S256"]
    await client.tokens(code_challenge=opaque.sha256_base64url(VERIFIER), code_challenge_method="S256")
    assert await refusal(client, code_challenge=VERIFIER, code_challenge_method="plain") == "invalid_request"


async def test_every_algorithm_of_id_tokens_can_be_chosen_and_others_cannot(
    suite: Suite, provider: dict[str, Any]
) -> None:
    offered = provider["id_token_signing_alg_values_supported"]
    for alg in offered:
        chosen = {"id_token_signed_response_alg": alg}
        client = await Discovering.register(suite.stage, provider, "none", **chosen)
        encoded = (await client.tokens())["id_token"]
        key = suite.keys[jwt.get_unverified_header(encoded)["kid"]]
        jwt.decode(
            encoded,
            key,
            algorithms=[alg],
            audience=client.client_id,
            options={"verify_exp": False, "verify_iat": False},
        )
    for alg in {"none", "HS256", "RS512"} - set(offered):
        with pytest.raises(BadMetadata):
            registration.check({"redirect_uris": [CALLBACK], "id_token_signed_response_alg": alg})


async def test_every_claim_is_told_and_no_other(client: Discovering) -> None:
    """`claims_supported`: those of an ID token with everything asked for, and of userinfo."""
    tokens = await client.tokens(scope="openid profile")
    told = jwt.decode(tokens["id_token"], options={"verify_signature": False})
    userinfo = (await client.stage.userinfo(tokens["access_token"])).json()
    # A person without a user name has no preferred_username; TikTok tells it with a scope of its own.
    assert told.keys() | {"preferred_username"} == set(client.provider["claims_supported"])
    assert userinfo.keys() <= set(client.provider["claims_supported"])


async def test_every_prompt_is_understood_and_others_are_refused(client: Discovering) -> None:
    stage = client.stage
    for prompt in client.provider["prompt_values_supported"]:
        if prompt == "none":
            assert await refusal(client, prompt=prompt) == "login_required"
        else:
            sent = await stage.authorize(await stage.browser(), client.question(prompt=prompt))
            assert sent.headers["location"].startswith(stage.simulator), prompt
    assert await refusal(client, prompt="create") == "invalid_request"


@pytest.mark.parametrize("name", ["request", "request_uri"])
async def test_what_is_denied_is_refused_by_its_own_error(client: Discovering, name: str) -> None:
    """OIDC Core §3.1.2.6."""
    assert client.provider[f"{name}_parameter_supported"] is False
    assert await refusal(client, **{name: "https://app.example/request"}) == f"{name}_not_supported"


async def test_the_issuer_in_every_answer_is_announced(client: Discovering) -> None:
    """RFC 9207 §3: only then may a client insist on it (§2.4)."""
    assert client.provider["authorization_response_iss_parameter_supported"] is True
    answer = await client.stage.come_back(await client.stage.browser(), client.question())
    assert answer["iss"] == client.provider["issuer"]
    assert await refusal(client, prompt="none") == "login_required"


async def test_every_language_is_spoken(suite: Suite, provider: dict[str, Any]) -> None:
    for language in provider["ui_locales_supported"]:
        address = provider["end_session_endpoint"]
        page = await suite.stage.http.get(address, params={"ui_locales": language})
        assert page.headers["content-language"] == language
        assert f'lang="{language}"' in page.text
