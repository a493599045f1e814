"""`broker clients`: what an app of a complete provider may be registered for, and changing it."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from broker import opaque
from broker.cli.main import broker
from broker.store.schema import audit_events, clients
from tests.cli.running import rows, run
from tests.client_auth.signing import jwk, key

REDIRECT = "https://app.example/callback"
JWKS_URI = "https://app.example/jwks.json"


@pytest.fixture
def jwks_file(tmp_path: Path) -> Path:
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"keys": [jwk(key("ES256"), kid="one")]}))
    return file


def told(result: Result) -> dict[str, Any]:
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    response: dict[str, Any] = json.loads(result.stdout)
    return response


def added(url: str, *arguments: str) -> dict[str, Any]:
    return told(run("clients", "add", "App", "--redirect-uri", REDIRECT, *arguments, "--json", url=url))


def updated(url: str, client_id: str, *arguments: str, given: str | None = None) -> dict[str, Any]:
    return told(run("clients", "update", client_id, *arguments, "--json", url=url, given=given))


def kept(url: str) -> Any:
    (row,) = rows(url, select(clients))
    return row


def under(url: str, *arguments: str, **settings: str | None) -> Result:
    """A command under these settings besides the database."""
    environ = {"BROKER_ISSUER": None, "BROKER_ALLOW_PRIVATE_CALLBACKS": None, **settings}
    return CliRunner().invoke(
        broker, ["clients", *arguments], env={"BROKER_DATABASE_URL": url, **environ}, prog_name="broker"
    )


def test_every_option_of_the_provider_reaches_the_registration(database_url: str) -> None:
    """RFC 7591 §2, RP-Initiated Logout 1.0 §3.1, Back-Channel Logout 1.0 §2.2, RFC 9126 §6, RFC 9449 §5.2."""
    response = added(
        database_url,
        *("--auth-method", "private_key_jwt", "--jwks-uri", JWKS_URI, "--require-par", "--dpop-bound"),
        *("--post-logout-redirect-uri", "https://app.example/", "--post-logout-redirect-uri", f"{REDIRECT}/out"),
        *("--backchannel-logout-uri", "https://app.example/signed-out", "--id-token-alg", "EdDSA"),
        *("--initiate-login-uri", "https://app.example/login"),
    )
    wanted = {
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks_uri": JWKS_URI,
        "require_pushed_authorization_requests": True,
        "dpop_bound_access_tokens": True,
        "post_logout_redirect_uris": ["https://app.example/", f"{REDIRECT}/out"],
        "backchannel_logout_uri": "https://app.example/signed-out",
        "id_token_signed_response_alg": "EdDSA",
        "initiate_login_uri": "https://app.example/login",
    }
    assert wanted.items() <= response.items()
    assert wanted.items() <= json.loads(kept(database_url)["client_metadata"]).items()


def test_a_client_with_keys_of_its_own_is_given_no_secret(database_url: str, jwks_file: Path) -> None:
    arguments = ("--auth-method", "private_key_jwt", "--jwks", str(jwks_file))
    response = added(database_url, *arguments, "--client-id", "keys")
    assert "client_secret" not in response
    assert response["jwks"] == json.loads(jwks_file.read_text())
    assert kept(database_url)["secret_digest"] is None
    refused = run("clients", "rotate-secret", "keys", url=database_url)
    assert refused.exit_code == 1
    assert "has keys of its own and no secret" in refused.stderr
    # Shown as JSON, to be copied from.
    assert (
        json.dumps(response["jwks"], separators=(",", ":"))
        in run("clients", "show", "keys", url=database_url).stdout
    )


def test_a_single_key_is_taken_for_a_set_and_a_private_one_is_refused(database_url: str, tmp_path: Path) -> None:
    """RFC 7517 §4, §5; the private key is nobody else's business, and never printed."""
    file = tmp_path / "key.json"
    file.write_text(json.dumps(jwk(key("ES256"))))
    arguments = ("--auth-method", "private_key_jwt", "--jwks", str(file))
    assert added(database_url, *arguments)["jwks"] == {"keys": [jwk(key("ES256"))]}
    private = jwk(key("ES256"), secret=True)
    file.write_text(json.dumps(private))
    result = run("clients", "add", "App", "--redirect-uri", REDIRECT, *arguments, url=database_url)
    assert result.exit_code == 1
    assert "public keys only" in result.stderr
    assert private["d"] not in result.output
    for content, words in (("[]", "one JWK Set"), ("{}", "private_key_jwt needs jwks"), ("x", "not JSON")):
        file.write_text(content)
        result = run("clients", "add", "App", "--redirect-uri", REDIRECT, *arguments, url=database_url)
        assert (result.exit_code, words in result.stderr) == (1, True), content


def test_keys_that_no_signature_can_be_checked_with_are_refused(database_url: str, tmp_path: Path) -> None:
    """RFC 7517 §5: beside a good one they are passed over; alone, the app could never prove itself."""
    file, useless = tmp_path / "keys.json", {"kty": "EC", "crv": "P-384", "x": "x", "y": "y"}
    arguments = ("--auth-method", "private_key_jwt", "--jwks", str(file))
    file.write_text(json.dumps({"keys": [useless]}))
    result = run("clients", "add", "App", "--redirect-uri", REDIRECT, *arguments, url=database_url)
    assert result.exit_code == 1
    assert "jwks must have a key to verify signatures with" in result.stderr
    file.write_text(json.dumps({"keys": [useless, jwk(key("ES256"))]}))
    assert len(added(database_url, *arguments)["jwks"]["keys"]) == 2


def test_a_machine_needs_no_redirect_uri(database_url: str) -> None:
    """RFC 6749 §4.4."""
    arguments = ("add", "Job", "--grant-type", "client_credentials", "--scope", "orders:read", "--json")
    response = told(run("clients", *arguments, url=database_url))
    assert response["client_secret"].startswith("brs_")
    assert (response["grant_types"], response["scope"]) == (["client_credentials"], "orders:read")
    public = run("clients", *arguments, "--public", url=database_url)
    assert "can keep a secret" in public.stderr


@pytest.mark.parametrize("option", ["--jwks-uri", "--backchannel-logout-uri"])
def test_what_the_broker_calls_must_not_point_inside(database_url: str, option: str) -> None:
    """OWASP SSRF: loopback is allowed while the issuer is on loopback, more only by the operator's word."""
    here, inside, out = "https://localhost/x", "https://10.1.2.3/x", "https://app.example/x"
    public, local = {"BROKER_ISSUER": "https://id.example"}, {"BROKER_ISSUER": "http://127.0.0.1:8000"}
    on = {"BROKER_ALLOW_PRIVATE_CALLBACKS": "on"}
    for uri, settings, allowed in (
        (out, {}, True),
        (here, {}, False),
        (here, public, False),
        (here, local, True),
        (inside, local, False),
        (inside, public, False),
        (inside, on, True),
        (here, public | on, True),
        ("https://169.254.169.254/x", on, False),
        ("com.example.app:/x", on, False),
    ):
        result = under(database_url, "add", "App", "--redirect-uri", REDIRECT, option, uri, **settings)
        assert (result.exit_code == 0) is allowed, (uri, settings, result.output)
        assert isinstance(result.exception, SystemExit | None)
    assert len(rows(database_url, select(clients))) == 4


def test_a_private_address_is_one_fault_among_all(database_url: str) -> None:
    arguments = ("--redirect-uri", f"{REDIRECT}#x", "--backchannel-logout-uri", "https://192.168.0.1/x")
    result = under(database_url, "add", "App", *arguments)
    _, fragment, private = result.stderr.splitlines()
    assert "fragment" in fragment
    assert "BROKER_ALLOW_PRIVATE_CALLBACKS" in private
    unreadable = under(database_url, "add", "App", *arguments, BROKER_ALLOW_PRIVATE_CALLBACKS="perhaps")
    assert "BROKER_ALLOW_PRIVATE_CALLBACKS must be" in unreadable.stderr
    assert rows(database_url, select(clients)) == []


def test_update_changes_what_is_named_and_nothing_else(database_url: str) -> None:
    before = added(database_url, "--client-id", "mine", "--audience", "https://a.example", "--no-pkce")
    after = updated(database_url, "mine", "--name", "New name", "--redirect-uri", f"{REDIRECT}/2", "--require-par")
    changed = {
        "client_name": "New name",
        "redirect_uris": [f"{REDIRECT}/2"],
        "require_pushed_authorization_requests": True,
    }
    once = {"client_secret", "client_secret_expires_at", "client_id_issued_at"}
    assert after == {name: value for name, value in before.items() if name not in once} | changed
    row = kept(database_url)
    assert (row["version"], bytes(row["secret_digest"])) == (2, opaque.digest(before["client_secret"]))
    events = [event["event"] for event in rows(database_url, select(audit_events))]
    assert sorted(events) == ["client.added", "client.updated"]


def test_update_takes_away_what_the_file_says_is_null(database_url: str) -> None:
    """RFC 7396."""
    added(database_url, "--client-id", "mine", "--audience", "https://a.example", "--no-pkce", "--dpop-bound")
    patch = json.dumps({"audience": None, "no_pkce": False, "dpop_bound_access_tokens": None})
    after = updated(database_url, "mine", "--metadata", "-", given=patch)
    assert after.keys().isdisjoint({"audience", "no_pkce", "dpop_bound_access_tokens"})
    text = run("clients", "update", "mine", "--name", "App", url=database_url)
    assert (text.exit_code, text.output) == (0, "mine is changed.\n")


def test_update_keeps_the_rules_and_says_every_fault(database_url: str) -> None:
    added(database_url, "--client-id", "mine")
    before = kept(database_url)
    wrong = ("--auth-method", "private_key_jwt", "--jwks-uri", "https://127.0.0.1/x", "--audience", "no-uri")
    result = under(database_url, "update", "mine", *wrong, BROKER_ISSUER="https://id.example")
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 3
    assert run("clients", "update", "mine", url=database_url).exit_code == 2
    assert "There is no client" in run("clients", "update", "x", "--name", "y", url=database_url).stderr
    assert kept(database_url) == before


def test_an_app_that_comes_to_need_a_secret_gets_one(database_url: str) -> None:
    added(database_url, "--public", "--client-id", "mine")
    result = run("clients", "update", "mine", "--auth-method", "client_secret_post", url=database_url)
    assert result.exit_code == 0
    secret = dict(line.split() for line in result.stdout.splitlines())["client_secret"]
    assert bytes(kept(database_url)["secret_digest"]) == opaque.digest(secret)
    assert "client_secret" not in updated(database_url, "mine", "--auth-method", "client_secret_basic")


def test_a_rotated_secret_stays_good_as_long_as_asked(database_url: str) -> None:
    old = added(database_url, "--client-id", "mine")["client_secret"]
    result = run("clients", "rotate-secret", "mine", "--keep", "24h", url=database_url)
    assert result.exit_code == 0
    assert "The old secret is good until 20" in result.stderr
    row = kept(database_url)
    assert bytes(row["previous_secret_digest"]) == opaque.digest(old)
    assert row["previous_secret_until"] == row["updated_at"] + 86_400
    for keep in ("soon", "91d", "-1h", ""):
        assert run("clients", "rotate-secret", "mine", "--keep", keep, url=database_url).exit_code == 2, keep
    assert kept(database_url) == row
    run("clients", "rotate-secret", "mine", url=database_url)
    after = kept(database_url)
    assert after["previous_secret_until"] == after["updated_at"]
