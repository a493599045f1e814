"""What the tokens say, to the claim: header and claim sets, audiences, hashes."""

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import jwt
import pytest

from broker.claims import Claims
from broker.claims_told import Occasion, Person, about
from broker.keys.signer import Signer
from tests.keys.made import NOW, ring

ISSUER = "https://broker.example"
PERSON = Person(
    "usr_1", "u1", "o1", "Ada", "ada", "https://p16.example/a.webp", "user.info.basic user.info.profile"
)
NAMELESS = Person("usr_1", "u1", "o1", None, None, None, "user.info.basic")
OCCASION = Occasion("grant1", "cli_app", "ses_1", NOW - 5)
ACCESS_CLAIMS = {"iss", "sub", "aud", "exp", "iat", "jti", "client_id", "scope", "sid", "auth_time", "union_id"}
ID_CLAIMS = {"iss", "sub", "aud", "azp", "exp", "iat", "auth_time", "nonce", "at_hash", "sid"}
ABOUT = {"name", "picture", "preferred_username", "union_id", "open_id", "tiktok_scopes"}


def claims_of(alg: str = "ES256") -> Claims:
    """An issuer of its own keys; tokens live ten minutes."""
    return Claims(ISSUER, Signer(ring(alg)), alg, 600)


async def access(claims: Claims, scope: str = "openid profile", resources: tuple[str, ...] = ()) -> str:
    """An access token."""
    return await claims.access_token(
        PERSON, OCCASION, scope=tuple(scope.split()), resources=resources, jkt=None, now=NOW
    )


async def identity(claims: Claims, **changes: Any) -> dict[str, Any]:
    """The claims of an ID token."""
    fields: dict[str, Any] = {
        "scope": ("openid", "profile"),
        "access_token": "a.b.c",
        "nonce": "n",
        "alg": None,
        "now": NOW,
    }
    person, occasion = changes.pop("person", PERSON), changes.pop("occasion", OCCASION)
    return payload(await claims.id_token(person, occasion, **(fields | changes)))


def payload(token: str) -> dict[str, Any]:
    """What a token says, unverified."""
    said: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return said


@pytest.mark.parametrize("alg", ["ES256", "RS256", "PS256", "EdDSA"])
async def test_headers_are_as_the_profiles_want_them(alg: str) -> None:
    """RFC 9068 §2.1 for access tokens; and nothing in a header that nobody needs."""
    claims = claims_of(alg)
    kid = claims.signer.ring.signing[0].kid
    token = await access(claims)
    assert jwt.get_unverified_header(token) == {"alg": alg, "kid": kid, "typ": "at+jwt"}
    id_token = await claims.id_token(
        PERSON, OCCASION, scope=("openid",), access_token=token, nonce=None, alg=None, now=NOW
    )
    assert jwt.get_unverified_header(id_token) == {"alg": alg, "kid": kid, "typ": "JWT"}


async def test_an_access_token_says_this_and_no_more() -> None:
    said = payload(await access(claims_of()))
    assert said.keys() == ACCESS_CLAIMS
    random = said.pop("jti").removeprefix("grant1.")
    assert len(random) == 32
    assert said == {
        "iss": ISSUER,
        "sub": "usr_1",
        "aud": [ISSUER],
        "exp": NOW + 600,
        "iat": NOW,
        "client_id": "cli_app",
        "scope": "openid profile",
        "sid": "ses_1",
        "auth_time": NOW - 5,
        "union_id": "u1",
    }


async def test_an_id_token_says_this_and_no_more() -> None:
    said = await identity(claims_of())
    assert said.keys() == ID_CLAIMS | ABOUT
    assert (said["iss"], said["sub"], said["aud"], said["azp"]) == (ISSUER, "usr_1", "cli_app", "cli_app")
    assert (said["exp"], said["iat"], said["auth_time"]) == (NOW + 600, NOW, NOW - 5)
    assert (said["nonce"], said["sid"]) == ("n", "ses_1")
    assert (said["name"], said["preferred_username"], said["picture"]) == ("Ada", "ada", PERSON.picture)
    assert (said["union_id"], said["open_id"]) == ("u1", "o1")
    assert said["tiktok_scopes"] == ["user.info.basic", "user.info.profile"]


async def test_an_id_token_without_profile_names_nobody() -> None:
    assert (await identity(claims_of(), scope=("openid",))).keys() == ID_CLAIMS


async def test_what_is_not_there_is_left_out() -> None:
    """No nonce after a refresh, no session after its row has gone, no name that TikTok did not tell."""
    bare = Occasion("grant1", "cli_app", None, NOW)
    said = await identity(claims_of(), nonce=None, person=NAMELESS, occasion=bare)
    assert said.keys() == ID_CLAIMS - {"nonce", "sid"} | {"union_id", "open_id", "tiktok_scopes"}
    token = await claims_of().access_token(NAMELESS, bare, scope=("openid",), resources=(), jkt=None, now=NOW)
    assert payload(token).keys() == ACCESS_CLAIMS - {"sid"}


async def test_nobody_is_ever_given_an_email() -> None:
    """TikTok has none."""
    assert "email" not in about(PERSON, ("openid", "profile", "email"))
    assert about(PERSON, ("openid", "email")) == {}


@pytest.mark.parametrize(
    ("scope", "resources", "audience"),
    [
        ("openid", (), [ISSUER]),
        ("", (), [ISSUER]),
        ("profile", (), [ISSUER]),
        ("openid", ("https://a/", "https://b/"), ["https://a/", "https://b/", ISSUER]),
        ("profile", ("https://b/", "https://a/"), ["https://b/", "https://a/"]),
        ("openid", (ISSUER, "https://a/"), [ISSUER, "https://a/"]),
    ],
)
async def test_the_audience_is_a_list_of_the_resources_and_the_issuer_when_openid_is_granted(
    scope: str, resources: tuple[str, ...], audience: list[str]
) -> None:
    assert payload(await access(claims_of(), scope, resources))["aud"] == audience


@pytest.mark.parametrize(
    ("alg", "digest", "half"), [("ES256", "sha256", 16), ("RS256", "sha256", 16), ("EdDSA", "sha512", 32)]
)
async def test_at_hash_is_half_the_hash_that_belongs_to_the_algorithm(alg: str, digest: str, half: int) -> None:
    """OIDC Core §3.1.3.6."""
    said = await identity(claims_of(alg), access_token="a.b.c")
    expected = urlsafe_b64encode(hashlib.new(digest, b"a.b.c").digest()[:half]).rstrip(b"=").decode()
    assert said["at_hash"] == expected


async def test_no_two_access_tokens_are_alike() -> None:
    claims = claims_of()
    assert len({payload(await access(claims))["jti"] for _ in range(50)}) == 50


async def test_claims_are_numbers_and_text_as_the_rfcs_have_them() -> None:
    """RFC 7519 §2: NumericDate; no floats, no text in their place."""
    token = await access(claims_of())
    segment = token.split(".")[1]
    said = json.loads(urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    assert {type(said[name]) for name in ("exp", "iat", "auth_time")} == {int}
