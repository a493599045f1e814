"""Further TikTok apps in a TOML file."""

from pathlib import Path

import pytest

from broker.opaque import Secret
from broker.settings import BadSettings, Settings, doubts, effective
from tests.configuration.given import NEEDED, fault, loaded

TWO = """
[[registrations]]
name = "de"
client_key = "awde"
client_secret = "shhh-de"

[[registrations]]
name = "test-app"
client_key = "sbawtest"
client_secret = "shhh-test"
previous_client_secret = "shhh-before"
scopes = ["user.info.basic", "user.info.profile"]
pkce = "none"
environment = "production"
"""


def registered(tmp_path: Path, text: str, **changes: str) -> Settings:
    """Settings with this TOML file of registrations."""
    path = tmp_path / "registrations.toml"
    path.write_text(text)
    return loaded(TIKTOK_REGISTRATIONS=str(path), **changes)


def test_further_registrations_follow_the_default_one(tmp_path: Path) -> None:
    found = registered(tmp_path, TWO, TIKTOK_SCOPES="user.info.basic,video.list", TIKTOK_PKCE="base64url")
    default, de, test = found.registrations
    assert default.name == "default"
    assert (de.name, de.client_key, de.client_secret.reveal()) == ("de", "awde", "shhh-de")
    assert (de.scopes, de.pkce) == (("user.info.basic", "video.list"), "base64url")
    assert (de.environment, de.previous_client_secret) == ("production", None)
    assert (test.scopes, test.pkce) == (("user.info.basic", "user.info.profile"), "none")
    assert (test.environment, test.previous_client_secret) == ("production", Secret("shhh-before"))
    assert dict(effective(found))["BROKER_TIKTOK_REGISTRATIONS"] == "de,test-app"
    other_spelling = loaded(
        TIKTOK_REGISTRATIONS_FILE=str(tmp_path / "registrations.toml"),
        TIKTOK_SCOPES="user.info.basic,video.list",
        TIKTOK_PKCE="base64url",
    )
    assert repr(other_spelling) == repr(found)
    assert "shhh" not in repr(found) + str(effective(found))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name = shhh", "is not valid TOML at line 1"),
        ("x = 1\n\n[[registrations", "is not valid TOML at end of document"),
        ("a = " + "[" * 20_000, "is not valid TOML"),
        ("a = " + "9" * 10_000, "is not valid TOML"),
        ("[registrations]\nname = 'x'", "must hold [[registrations]] tables"),
        ("registrations = ['shhh']", "must hold [[registrations]] tables"),
        ("[[registration]]", "must hold [[registrations]] tables"),
        (TWO + "[other]", "must hold [[registrations]] tables"),
        (TWO.replace("test-app", "de"), "the same name"),
        (TWO.replace("awde", "sbawtest"), "the same client_key"),
        (TWO.replace("awde", NEEDED["BROKER_TIKTOK_CLIENT_KEY"]), "the same client_key"),
        (TWO.replace('"de"', '"default"'), "registration 1: name must not be `default`"),
        (TWO.replace('"de"', '"DE"'), "registration 1: name must be"),
        (TWO.replace('"de"', '"de/x"'), "registration 1: name must be"),
        (TWO.replace('"de"', '"-de"'), "registration 1: name must be"),
        (TWO.replace('"de"', "7"), "registration 1: name must be a text"),
        (TWO.replace('name = "de"', ""), "registration 1: name is missing"),
        (TWO.replace('"shhh-de"', '"shhh de"'), "registration 1: client_secret must be"),
        (TWO.replace('"shhh-before"', '"shhh before"'), "registration 2: previous_client_secret must be"),
        (TWO.replace('"none"', '"plain"'), "registration 2: pkce must be one of"),
        (TWO.replace('"production"', '"staging"'), "registration 2: environment must be one of"),
        (TWO.replace('["user.info.basic", ', "["), "registration 2: scopes must contain"),
        (TWO.replace('["user.info.basic", ', "[1, "), "registration 2: scopes must be a text"),
        (TWO.replace("previous_", "previus_"), "unknown key; the nearest known one is previous_client_secret"),
    ],
)
def test_registrations_that_cannot_be_used_are_refused(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(BadSettings) as caught:
        registered(tmp_path, text)
    (sentence,) = caught.value.faults
    assert sentence.startswith("BROKER_TIKTOK_REGISTRATIONS ")
    assert reason in sentence
    assert "shhh" not in sentence


def test_every_fault_of_every_registration_is_reported(tmp_path: Path) -> None:
    text = TWO.replace('"de"', '"DE"').replace('"awde"', '""').replace('"none"', '"plain"')
    with pytest.raises(BadSettings) as caught:
        registered(tmp_path, text, TIKTOK_SCOPES="nonsense")
    assert len(caught.value.faults) == 4


def test_a_file_of_registrations_that_is_not_there_is_one_sentence() -> None:
    assert "cannot be read" in fault(TIKTOK_REGISTRATIONS="/nonexistent/registrations.toml")


def test_a_sandbox_in_public_and_a_key_of_the_other_environment_are_doubted(tmp_path: Path) -> None:
    """One sentence for each, with the name and what to do, and without the key; a test on loopback is none."""
    (mixed_up,) = doubts(registered(tmp_path, TWO))
    assert "test-app" in mixed_up
    assert "begins with sb" in mixed_up
    assert "compare" in mixed_up
    # Wherever it runs: TikTok would refuse it everywhere.
    assert doubts(registered(tmp_path, TWO, ISSUER="http://127.0.0.1:8000")) == [mixed_up]

    as_they_are = TWO.replace('environment = "production"', 'environment = "sandbox"')
    sandboxes = doubts(registered(tmp_path, as_they_are, TIKTOK_CLIENT_KEY="sbawdefault"))
    assert [name for sentence in sandboxes for name in ("default", "test-app") if f" {name} " in sentence] == [
        "default",
        "test-app",
    ]
    assert all("target users" in sentence and "production app" in sentence for sentence in sandboxes)
    assert not any("sbaw" in sentence for sentence in (mixed_up, *sandboxes))
    assert doubts(registered(tmp_path, as_they_are, ISSUER="http://localhost:8000")) == []

    turned_round = TWO.replace('client_key = "awde"', 'client_key = "awde"\nenvironment = "sandbox"')
    assert any("does not begin with sb" in sentence for sentence in doubts(registered(tmp_path, turned_round)))
    assert doubts(loaded()) == []
