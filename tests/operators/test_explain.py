"""`broker explain`: what holds for a client; and what it says of a request is what the broker does."""

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import pytest
from click.testing import CliRunner, Result

from broker.cli.explain import request
from broker.cli.main import broker
from broker.oauth import client_metadata
from broker.store import client_changes, clients
from tests.cli.running import run, settings
from tests.emptied import database_url
from tests.stage import PUBLIC, WEB, WEB_REDIRECT, HeldClock, Stage, answer_in, running_stage

__all__ = ["database_url"]

REDIRECT = "https://app.example/callback"


def explained(url: str, *arguments: str, **changes: str) -> Result:
    """The command, under the settings of a broker on this machine."""
    result = CliRunner().invoke(broker, ["explain", *arguments], env=settings(url, **changes), prog_name="broker")
    assert isinstance(result.exception, SystemExit | None), result.exception
    return result


def added(url: str, *arguments: str) -> None:
    assert run("clients", "add", "App", "--client-id", "app", *arguments, url=url).exit_code == 0


def told(url: str, **changes: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(explained(url, "app", "--json", **changes).stdout)
    return found


def refused(found: dict[str, Any]) -> dict[str, str | None]:
    return {each["what"]: each["error"] for each in found["refused"]}


def test_defaults_and_settings_are_applied(database_url: str) -> None:
    added(database_url, "--redirect-uri", REDIRECT, "--audience", "https://api.example")
    found = told(database_url, BROKER_ACCESS_TOKEN_TTL="5m", BROKER_SIGNING_ALG="EdDSA")
    assert found["redirect_uris"] == {REDIRECT: "character for character"}
    assert found["grant_types"] == ["authorization_code", "refresh_token"]
    assert found["scopes"] == ["openid", "profile", "offline_access"]
    assert found["authentication"] == {"method": "client_secret_basic", "proof": "a secret", "secrets": "one"}
    assert found["access_token"]["audience"] == ["https://api.example", "http://127.0.0.1:8000"]
    assert found["access_token"]["lives"] == "5m"
    assert found["id_token"] == {"alg": "EdDSA (BROKER_SIGNING_ALG)", "issued": True}
    assert found["refresh_token"]["after_sign_out"] == "goes on"
    assert (found["tiktok"]["registration"], found["tiktok"]["scopes"]) == ("default", ["user.info.basic"])
    assert found["tiktok"]["redirect_uri"] == "http://127.0.0.1:8000/callback/tiktok"
    assert found["tiktok"]["platform"].startswith("register it under platform Desktop")
    assert found["wrong"] == []
    assert refused(found)["no code_challenge"] == "invalid_request"
    assert refused(found)["a resource other than https://api.example"] == "invalid_target"
    run("clients", "rotate-secret", "app", "--keep", "1h", url=database_url)
    assert told(database_url)["authentication"]["secrets"] == "two"


def test_each_lifetime_is_that_of_its_setting(database_url: str) -> None:
    added(database_url, "--redirect-uri", REDIRECT)
    found = told(
        database_url,
        BROKER_CODE_TTL="31s",
        BROKER_ACCESS_TOKEN_TTL="7m",
        BROKER_REFRESH_TOKEN_TTL="11d",
        BROKER_GRANT_TTL="111d",
        BROKER_REFRESH_GRACE="41s",
        BROKER_SESSION_TTL="5d",
        BROKER_SESSION_MAX_TTL="13d",
    )
    assert (found["code_lives"], found["access_token"]["lives"]) == ("31s", "7m")
    assert found["refresh_token"] == {
        "lives": "11d, anew with each use",
        "at_most": "111d",
        "after_sign_out": "goes on",
        "repeated_within": "41s",
    }
    assert found["session"] == {"unused": "5d", "at_most": "13d"}


def test_people_read_the_same(database_url: str) -> None:
    added(database_url, "--redirect-uri", REDIRECT, "--redirect-uri", f"{REDIRECT}/2", "--no-pkce")
    shown = explained(database_url, "app")
    assert (shown.exit_code, shown.stderr) == (0, "")
    for words in (
        f"{REDIRECT}/2, character for character",
        "may be left out; what is sent must be S256",
        "What would be refused:",
        "authentication by client_secret_post, private_key_jwt, none → invalid_client: Only the registered",
    ):
        assert words in shown.stdout
    assert "What is wrong:" not in shown.stdout
    assert "no code_challenge" not in shown.stdout


def test_ports_of_loopback_are_told_apart(database_url: str) -> None:
    """RFC 8252 §7.3, §8.3."""
    uris = ("http://127.0.0.1/cb", "http://localhost/cb", "com.example.app:/cb")
    options = [word for uri in uris for word in ("--redirect-uri", uri)]
    added(database_url, *options, "--public")
    found = told(database_url)
    assert found["redirect_uris"] == dict(
        zip(uris, ("with any port", "character for character", "character for character"), strict=True)
    )
    assert "http://localhost/cb with another port" in refused(found)
    assert "http://127.0.0.1/cb with another port" not in refused(found)
    assert found["authentication"] == {"method": "none", "proof": "PKCE"}
    run("clients", "update", "app", "--auth-method", "client_secret_post", url=database_url)
    assert "http://127.0.0.1/cb with another port" in refused(told(database_url))


def test_what_cannot_work_is_told_first(database_url: str) -> None:
    added(
        database_url,
        *(
            "--redirect-uri",
            REDIRECT,
            "--registration",
            "partner",
            "--backchannel-logout-uri",
            "https://x.example/",
        ),
    )
    run("clients", "disable", "app", url=database_url)
    patch = json.dumps({"backchannel_logout_uri": "https://10.0.0.1/"})
    allowed = {"BROKER_DATABASE_URL": database_url, "BROKER_ALLOW_PRIVATE_CALLBACKS": "on"}
    CliRunner().invoke(broker, ["clients", "update", "app", "--metadata", "-"], input=patch, env=allowed)
    wrong = told(database_url, BROKER_ISSUER="http://[::1]:8000")["wrong"]
    assert [(each["what"], each["error"]) for each in wrong] == [
        ("everything", "invalid_client"),
        ("sign-in", "server_error"),
        ("what the broker calls", None),
        ("http://[::1]:8000/callback/tiktok/partner at TikTok", None),
    ]
    assert "What is wrong:\n  everything → invalid_client: It is disabled" in explained(database_url, "app").stdout


def test_every_restriction_is_a_refusal(database_url: str) -> None:
    added(
        database_url,
        *("--redirect-uri", REDIRECT, "--require-par", "--dpop-bound", "--scope", "profile"),
        *("--required-tiktok-scope", "user.info.profile"),
    )
    found = told(database_url)
    named = refused(found)
    assert named["a request that was not pushed to /par"] == "invalid_request"
    assert named["a token request without a DPoP proof"] == "invalid_dpop_proof"
    assert named["an ID token, and /userinfo"] == "insufficient_scope"
    assert named["a person who unticks user.info.profile at TikTok"] == "access_denied"
    assert named["grant_type=client_credentials"] == "unauthorized_client"
    assert named["any resource"] == "invalid_target"
    assert "user.info.profile, which the registration default does not ask for" in found["wrong"][0]["why"]


def test_a_machine_signs_nobody_in(database_url: str) -> None:
    added(database_url, "--grant-type", "client_credentials", "--scope", "orders:read")
    found = told(database_url)
    assert refused(found)["any request to /authorize"] == "invalid_request"
    assert (found["refresh_token"], found["code_lives"], found["id_token"]["issued"]) == (None, None, False)
    assert explained(database_url, "app").exit_code == 0


def test_missing_settings_and_an_unknown_client_are_told(database_url: str) -> None:
    assert "There is no client x" in explained(database_url, "x").stderr
    bad = explained(database_url, "x", BROKER_ISSUER="")
    assert (bad.exit_code, "BROKER_ISSUER is required" in bad.stderr) == (1, True)


@pytest.fixture
async def stage(database_url: str, clock: HeldClock) -> AsyncIterator[Stage]:
    async with running_stage(database_url, clock) as stage:
        yield stage


async def test_what_it_says_of_a_request_is_what_the_broker_does(stage: Stage) -> None:
    pushing = {"redirect_uris": [WEB_REDIRECT], "require_pushed_authorization_requests": True}
    for client_id in ("pushing", "disabled"):
        await stage.database.transact(clients.add, client_id, pushing, b"x" * 32, now=1)
    await stage.database.transact(client_changes.disable, "disabled", now=1)
    changes: list[tuple[str, dict[str, str | None], str | None]] = [
        (WEB, {}, None),
        (WEB, {"scope": "openid unknown"}, None),
        (WEB, {"redirect_uri": f"{WEB_REDIRECT}/"}, "invalid_request"),
        (WEB, {"redirect_uri": None}, "invalid_request"),
        (WEB, {"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        (WEB, {"code_challenge_method": "plain"}, "invalid_request"),
        (WEB, {"response_type": "token"}, "unsupported_response_type"),
        (WEB, {"resource": "https://other.example"}, "invalid_target"),
        (WEB, {"scope": 'bad "scope"'}, "invalid_scope"),
        (WEB, {"request": "x"}, "request_not_supported"),
        (WEB, {"request_uri": "https://app.example/request"}, "request_uri_not_supported"),
        (PUBLIC, {"redirect_uri": "http://127.0.0.1:5555/callback"}, None),
        (PUBLIC, {"redirect_uri": "http://localhost/callback"}, "invalid_request"),
        ("pushing", {"redirect_uri": WEB_REDIRECT}, "invalid_request"),
        ("disabled", {"redirect_uri": WEB_REDIRECT}, "invalid_client"),
    ]
    browser = await stage.browser()
    for client_id, change, expected in changes:
        question = stage.question(client_id, **change)
        row = await stage.database.read(clients.find, client_id)
        assert row is not None
        address = f"{stage.issuer}/authorize?{urlencode(question)}"
        for spelled in (address, urlencode(question)):
            verdict = request.verdict(spelled, row, client_metadata.read(row.metadata))
            assert (verdict.refusal and verdict.refusal.error) == expected, change
        answer = await stage.authorize(browser, question)
        location = answer.headers.get("location", "")
        if expected is None:
            assert location.startswith(stage.simulator), change
        elif verdict.refusal is not None and "a page" in verdict.refusal.why:
            assert answer.status_code == 400, change
        else:
            assert answer_in(location)["error"] == expected, change


def test_a_request_is_judged_by_its_exit_code(database_url: str) -> None:
    added(database_url, "--redirect-uri", REDIRECT, "--no-pkce")
    good = {"client_id": "app", "redirect_uri": REDIRECT, "response_type": "code", "scope": "openid email"}
    asked = explained(database_url, "app", "--request", f"https://id.example/authorize?{urlencode(good)}")
    assert (asked.exit_code, asked.stdout.splitlines()[-1]) == (0, "This request is good; it is granted: openid")
    bad = explained(database_url, "app", "--request", urlencode(good | {"client_id": "other"}))
    assert bad.exit_code == 1
    assert "refused with invalid_client: The request names another client_id." in bad.stdout
    pushed = explained(
        database_url, "app", "--json", "--request", "client_id=app&request_uri=urn:ietf:params:oauth:request_uri:x"
    )
    assert (pushed.exit_code, json.loads(pushed.stdout)["request"]["refusal"]["error"]) == (1, None)
