"""`broker clients add`."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from broker import opaque
from broker.oauth import client_metadata
from broker.store.schema import audit_events, clients
from tests.cli.running import rows, run

REDIRECT = "https://app.example/callback"


def added(url: str, *arguments: str) -> dict[str, Any]:
    result = run("clients", "add", *arguments, "--json", url=url)
    assert (result.exit_code, result.stderr) == (0, "")
    response: dict[str, Any] = json.loads(result.stdout)
    return response


def kept(url: str) -> list[Any]:
    return rows(url, select(clients))


def test_id_and_secret_are_printed_and_only_a_digest_is_kept(database_url: str) -> None:
    result = run("clients", "add", "My app", "--redirect-uri", REDIRECT, url=database_url)
    assert result.exit_code == 0
    printed = dict(line.split() for line in result.stdout.splitlines())
    assert printed["client_id"].startswith("cli_")
    assert printed["client_secret"].startswith("brs_")
    assert "not shown again" in result.stderr
    assert printed["client_secret"] not in result.stderr
    (row,) = kept(database_url)
    assert row["client_id"] == printed["client_id"]
    assert bytes(row["secret_digest"]) == opaque.digest(printed["client_secret"])
    assert all(printed["client_secret"] not in str(row[column.name]) for column in clients.columns)


def test_json_is_the_registration_response_of_rfc_7591(database_url: str) -> None:
    response = added(database_url, "My app", "--redirect-uri", REDIRECT)
    assert list(response)[:4] == ["client_id", "client_id_issued_at", "client_secret", "client_secret_expires_at"]
    assert response["client_secret_expires_at"] == 0
    (row,) = kept(database_url)
    assert row["created_at"] == response["client_id_issued_at"]
    metadata = {"client_name": "My app", "redirect_uris": [REDIRECT]}
    assert {key: response[key] for key in list(response)[4:]} == client_metadata.complete(metadata)
    assert json.loads(row["client_metadata"]) == client_metadata.complete(metadata)


def test_a_public_client_has_no_secret(database_url: str) -> None:
    response = added(database_url, "Phone", "--public", "--redirect-uri", "http://127.0.0.1/callback")
    assert response["token_endpoint_auth_method"] == "none"
    assert not {"client_secret", "client_secret_expires_at"} & response.keys()
    assert kept(database_url)[0]["secret_digest"] is None
    text = run("clients", "add", "Tab", "--public", "--redirect-uri", REDIRECT, url=database_url)
    assert "client_secret" not in text.stdout


def test_every_option_reaches_the_registration(database_url: str) -> None:
    response = added(
        database_url,
        "Shop",
        *("--redirect-uri", REDIRECT, "--redirect-uri", "https://app.example/other"),
        *("--auth-method", "client_secret_post", "--scope", "openid", "--scope", "profile"),
        *("--audience", "https://a.example", "--audience", "https://b.example"),
        *("--grant-type", "authorization_code", "--client-id", "shop:1", "--no-pkce"),
        *("--registration", "second", "--client-uri", "https://shop.example/"),
    )
    del response["client_id_issued_at"], response["client_secret"], response["client_secret_expires_at"]
    assert response == {
        "client_id": "shop:1",
        "client_name": "Shop",
        "redirect_uris": [REDIRECT, "https://app.example/other"],
        "token_endpoint_auth_method": "client_secret_post",
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "application_type": "web",
        "scope": "openid profile",
        "audience": ["https://a.example", "https://b.example"],
        "no_pkce": True,
        "registration": "second",
        "client_uri": "https://shop.example/",
    }


def test_scope_may_be_a_list_in_quotes(database_url: str) -> None:
    response = added(database_url, "My app", "--redirect-uri", REDIRECT, "--scope", " openid  profile")
    assert response["scope"] == "openid profile"


@pytest.mark.parametrize("from_standard_input", [False, True])
def test_metadata_comes_from_a_file_and_options_go_before_it(
    database_url: str, tmp_path: Path, from_standard_input: bool
) -> None:
    metadata = {"client_name": "In the file", "redirect_uris": [REDIRECT], "application_type": "native"}
    file = tmp_path / "app.json"
    file.write_text(json.dumps({**metadata, "scope": "openid\tprofile "}))
    arguments = ["clients", "add", "By option", "--metadata", "-" if from_standard_input else str(file), "--json"]
    result = run(*arguments, url=database_url, given=file.read_bytes() if from_standard_input else None)
    assert result.exit_code == 0, result.output
    response = json.loads(result.stdout)
    assert response["client_name"] == "By option"
    assert response["application_type"] == "native"
    assert response["scope"] == "openid profile"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "is not JSON"),
        (b"\xff", "is not JSON"),
        (b"[]", "one JSON object"),
        (b" " * 70_000, "larger than 64 KiB"),
    ],
)
def test_a_file_that_is_no_metadata_is_one_sentence(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "app.json"
    file.write_bytes(content)
    result = run("clients", "add", "--metadata", str(file), url=f"sqlite:///{tmp_path}/broker.db")
    assert result.exit_code == 1
    assert words in result.stderr
    assert result.stderr.count("\n") == 1


def test_every_fault_is_listed_and_nothing_is_kept(database_url: str) -> None:
    result = run(
        *("clients", "add", "My app", "--public", "--no-pkce", "--scope", 'openid "email"'),
        *("--redirect-uri", "https://app.example/#here", "--audience", "no-uri"),
        url=database_url,
    )
    assert result.exit_code == 1
    first, *faults = result.stderr.splitlines()
    assert first == "Error: The client cannot be registered like this:"
    assert len(faults) == 4
    for word in ("PKCE", "fragment", "scope", "audience"):
        assert any(word in fault for fault in faults), word
    assert kept(database_url) == []


def test_unknown_metadata_is_named(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "app.json"
    file.write_text(json.dumps({"client_name": "x", "redirect_uris": [REDIRECT], "require_mtls": True}))
    result = run("clients", "add", "--metadata", str(file), url=database_url)
    assert result.exit_code == 1
    assert "require_mtls" in result.stderr


def test_what_an_app_says_of_itself_is_kept_and_shown(database_url: str, tmp_path: Path) -> None:
    """RFC 7591 §2: a file made for any server may have these."""
    said = {
        "client_name": "My app",
        "redirect_uris": [REDIRECT],
        "client_uri": "https://app.example/",
        "logo_uri": "https://app.example/logo.png",
        "tos_uri": "https://app.example/terms",
        "policy_uri": "https://app.example/privacy",
        "contacts": ["ops@app.example"],
        "software_id": "4NRB1-0XZABZI9E6-5SM3R",
        "software_version": "2.1",
    }
    file = tmp_path / "app.json"
    file.write_text(json.dumps(said))
    result = run("clients", "add", "--metadata", str(file), "--json", url=database_url)
    assert result.exit_code == 0, result.output
    assert said.items() <= json.loads(result.stdout).items()
    file.write_text(json.dumps({**said, "logo_uri": "javascript:alert(1)"}))
    result = run("clients", "add", "--metadata", str(file), url=database_url)
    assert (result.exit_code, "The logo URI" in result.stderr) == (1, True)


def test_an_id_is_taken_once(database_url: str) -> None:
    response = added(database_url, "First", "--redirect-uri", REDIRECT, "--client-id", "mine")
    again = run(
        "clients", "add", "Second", "--redirect-uri", REDIRECT, "--client-id", "mine", "--json", url=database_url
    )
    assert again.exit_code == 1
    assert "There is a client mine already" in again.stderr
    assert "brs_" not in again.output
    (row,) = kept(database_url)
    assert json.loads(row["client_metadata"])["client_name"] == "First"
    assert bytes(row["secret_digest"]) == opaque.digest(response["client_secret"])
    assert len(rows(database_url, select(audit_events))) == 1


@pytest.mark.parametrize("client_id", ["", "a b", "é", "a\n", "x" * 65])
def test_an_id_that_cannot_be_one_is_wrong_usage(client_id: str) -> None:
    result = run("clients", "add", "My app", "--redirect-uri", REDIRECT, "--client-id", client_id)
    assert result.exit_code == 2
    assert "visible ASCII" in result.stderr


def test_an_id_that_could_be_a_persons_is_refused() -> None:
    """RFC 9700 §4.15: a client's token in its own name has the client's id as its `sub`."""
    taken = opaque.identifier("usr_")
    result = run("clients", "add", "My app", "--redirect-uri", REDIRECT, "--client-id", taken)
    assert result.exit_code == 2
    assert "the ids of people" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("--redirect-uri", REDIRECT),
        ("My app", "--public", "--auth-method", "client_secret_post"),
        ("My app", "--auth-method", "client_secret_jwt"),
        ("My app", "--grant-type", "implicit"),
        ("My app", "--id-token-alg", "none"),
        ("My app", "--metadata", "/no/such/file"),
        ("My app", "--jwks", "/no/such/file"),
    ],
)
def test_wrong_usage_exits_2(arguments: tuple[str, ...]) -> None:
    assert run("clients", "add", *arguments).exit_code == 2


@pytest.mark.parametrize("uri", ["http://[", "https://app.example:port/", "https://\udcff", "", "\x00"])
@pytest.mark.parametrize("option", ["--redirect-uri", "--audience", "--client-uri"])
def test_strange_addresses_are_faults_and_never_a_traceback(tmp_path: Path, option: str, uri: str) -> None:
    arguments = ["clients", "add", "My app", "--redirect-uri", REDIRECT, option, uri]
    result = run(*arguments, url=f"sqlite:///{tmp_path}/broker.db")
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)


def test_the_audit_trail_says_who_was_added(database_url: str) -> None:
    response = added(database_url, "My app", "--redirect-uri", REDIRECT)
    (event,) = rows(database_url, select(audit_events))
    assert (event["event"], event["actor"].partition(":")[0], event["client_id"]) == (
        "client.added",
        "operator",
        response["client_id"],
    )
    assert event["at"] == response["client_id_issued_at"]
