"""What the settings alone tell: each thing that is unwise, sown and found, with what to do about it."""

from pathlib import Path

import pytest

from broker.cli.doctor import rules
from broker.cli.doctor.findings import Finding
from broker.settings import Settings
from tests.cli.examining import by_check
from tests.configuration.given import loaded

GOOD = {"TRUSTED_PROXIES": "10.0.0.7"}
LOCAL = {"ISSUER": "http://localhost:8000"}
STAND_IN = {
    "TIKTOK_AUTHORIZE_URL": "https://tiktok.example/v2/auth/authorize/",
    "TIKTOK_API_URL": "https://api.example",
}


def found(**changes: str) -> dict[str, Finding]:
    """The findings of a good public set-up with these changes."""
    return of(loaded(**(GOOD | changes)))


def of(settings: Settings) -> dict[str, Finding]:
    return by_check(rules.findings(settings))


def test_a_good_set_up_has_nothing_wrong_and_says_what_to_register() -> None:
    findings = found()
    assert {finding.outcome for finding in findings.values()} == {"ok"}
    assert findings["redirect URI of default"].found == (
        "https://id.example.com/callback/tiktok "
        "(register it under platform Web; Desktop takes localhost and 127.0.0.1 only)"
    )


@pytest.mark.parametrize(
    ("check", "changes", "words", "remedy"),
    [
        ("issuer", LOCAL, "is on this machine", "set BROKER_ISSUER to a public https origin"),
        (
            "proxies",
            {"TRUSTED_PROXIES": "none"},
            "no proxy is trusted",
            "Name the proxy in BROKER_TRUSTED_PROXIES",
        ),
        ("proxies", {"TRUSTED_PROXIES": "none"}, "everybody has one address", "Name the proxy"),
        ("proxies", {"TRUSTED_PROXIES": "0.0.0.0/0"}, "whoever sends them", "Name just the proxies"),
        ("callbacks", {"ALLOW_PRIVATE_CALLBACKS": "on"}, "inside your network", "BROKER_ALLOW_PRIVATE_CALLBACKS"),
        ("access tokens", {"ACCESS_TOKEN_TTL": "3601s"}, "good for 3601s", "Set BROKER_ACCESS_TOKEN_TTL to 10m"),
        (
            "TikTok",
            STAND_IN,
            "sign in at TikTok but at https://tiktok.example",
            "Unset BROKER_TIKTOK_AUTHORIZE_URL",
        ),
        ("TikTok", {"TIKTOK_API_URL": "https://api.example"}, "one is not (https://api.example)", "Unset BROKER_"),
        (
            "client key of default",
            {"TIKTOK_CLIENT_KEY": "sbawexample"},
            "ten target users",
            "production key and secret in BROKER_TIKTOK_CLIENT_KEY and BROKER_TIKTOK_CLIENT_SECRET",
        ),
        ("PKCE of default", {"TIKTOK_PKCE": "base64url"}, "refuses the code", "Set BROKER_TIKTOK_PKCE to hex"),
        ("PKCE of default", {"TIKTOK_PKCE": "none"}, "bound to no sign-in", "Set BROKER_TIKTOK_PKCE to hex"),
        (
            "scopes of default",
            {"TIKTOK_SCOPES": "user.info.basic,user.info.profil"},
            "user.info.profil is on no list",
            "Correct BROKER_TIKTOK_SCOPES",
        ),
    ],
)
def test_what_is_unwise_is_a_warning_that_says_what_to_do(
    check: str, changes: dict[str, str], words: str, remedy: str
) -> None:
    finding = found(**changes)[check]
    assert finding.outcome == "warning"
    assert words in finding.found
    assert remedy in (finding.remedy or "")


def test_of_limits_that_are_off_nothing_is_said() -> None:
    assert found(TRUSTED_PROXIES="none", LIMITS="off")["proxies"].found.endswith("no proxy is trusted")


@pytest.mark.parametrize(
    ("issuer", "words"),
    [
        ("http://localhost", "Desktop needs a port"),
        ("http://[::1]:8000", "Web refuses IP addresses"),
        ("https://192.0.2.7", "Web refuses IP addresses"),
        ("https://broker", "Web needs a public host name"),
    ],
)
def test_a_redirect_uri_that_no_platform_takes_is_a_fault(issuer: str, words: str) -> None:
    finding = found(ISSUER=issuer)["redirect URI of default"]
    assert finding.outcome == "fault"
    assert finding.found.startswith(f"{issuer}/callback/tiktok (no platform of TikTok takes it")
    assert words in finding.found
    assert "Change BROKER_ISSUER" in (finding.remedy or "")


def test_on_loopback_a_sandbox_and_a_stand_in_are_as_they_should_be() -> None:
    local = {"TIKTOK_CLIENT_KEY": "sbawexample", "TRUSTED_PROXIES": "none"}
    findings = found(**LOCAL, **STAND_IN, **local)
    assert [check for check, finding in findings.items() if finding.outcome != "ok"] == ["issuer"]
    assert findings["callbacks"].found == "apps are called on this machine, too"
    assert "under platform Desktop; Web refuses localhost" in findings["redirect URI of default"].found


def test_scopes_that_need_approval_are_named() -> None:
    told = found(TIKTOK_SCOPES="user.info.basic,user.info.profile")["scopes of default"]
    assert (told.outcome, "approved user.info.profile," in told.found) == ("ok", True)


def test_each_registration_is_looked_at_and_told_where_it_is_set(tmp_path: Path) -> None:
    file = tmp_path / "registrations.toml"
    file.write_text(
        '[[registrations]]\nname = "partner"\nclient_key = "sbawpartner"\nclient_secret = "canary"\n'
        'environment = "production"\npkce = "none"\n'
        '[[registrations]]\nname = "staging"\nclient_key = "awstaging"\nclient_secret = "canary"\n'
        'environment = "sandbox"\n'
    )
    findings = found(TIKTOK_REGISTRATIONS=str(file))
    assert findings["redirect URI of partner"].found.startswith("https://id.example.com/callback/tiktok/partner (")
    key = findings["client key of partner"]
    assert key.found == "environment is production, but the key looks like one of a sandbox app"
    assert "client_key of partner in BROKER_TIKTOK_REGISTRATIONS" in (key.remedy or "")
    assert "looks like one of a production app" in findings["client key of staging"].found
    assert "Set pkce of partner in BROKER_TIKTOK_REGISTRATIONS to hex" in (
        findings["PKCE of partner"].remedy or ""
    )
    assert findings["PKCE of staging"].outcome == "ok"
    assert "canary" not in str(findings)
