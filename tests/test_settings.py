"""Loading settings: where they come from, that all faults are told, and that no secret is ever repeated."""

import dataclasses
import typing
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.configuration.values import Network
from broker.opaque import Secret
from broker.sealing import SecretKey
from broker.settings import VARIABLES, BadSettings, Registration, Settings, effective, from_environment, load
from tests.configuration.given import KEY, NEEDED, fault, faults, loaded


def test_what_is_needed_is_enough_and_the_rest_stands_at_its_default() -> None:
    found = loaded()
    assert found.database_url == Secret("sqlite:///broker.db")
    assert (found.tiktok_authorize_url, found.tiktok_api_url) == (
        "https://www.tiktok.com/v2/auth/authorize/",
        "https://open.tiktokapis.com",
    )
    assert (found.code_ttl, found.access_token_ttl, found.refresh_token_ttl) == (60, 600, 2_592_000)
    assert (found.grant_ttl, found.session_ttl, found.session_max_ttl) == (31_536_000, 604_800, 2_592_000)
    assert (found.login_ttl, found.refresh_grace, found.jwks_max_age) == (600, 60, 300)
    assert (found.key_lifetime, found.signing_alg, found.status_list) == (7_776_000, "ES256", True)
    assert (found.trusted_proxies, found.metrics_token, found.allow_private_callbacks) == ((), None, False)
    assert (found.log_format, found.log_level) == ("json", "info")
    (default,) = found.registrations
    assert (default.name, default.client_key, default.client_secret.reveal()) == (
        "default",
        "awexample0001",
        "shhh-client-secret",
    )
    assert (default.scopes, default.pkce, default.environment) == (
        ("user.info.basic",),
        "hex",
        "production",
    )
    assert default.previous_client_secret is None


def test_every_missing_setting_is_reported_at_once_with_what_to_do() -> None:
    with pytest.raises(BadSettings) as caught:
        load({})
    assert [sentence.split()[0] for sentence in caught.value.faults] == list(NEEDED)
    assert all("is required; " in sentence for sentence in caught.value.faults)
    assert str(caught.value) == "\n".join(caught.value.faults)


def test_faults_of_every_kind_are_reported_together() -> None:
    found = faults(CODE_TTL="soon", GRANT_TTL="1d", ISUER="x", METRICS_TOKEN="short", TIKTOK_PKCE="md5")
    assert len(found) == 5
    assert all(sentence.endswith(".") and "\n" not in sentence for sentence in found)


def test_an_empty_value_counts_as_unset() -> None:
    assert loaded(CODE_TTL="", METRICS_TOKEN="", METRICS_TOKEN_FILE="").metrics_token is None
    assert "is required" in fault(ISSUER="")


def test_every_field_has_the_type_it_declares() -> None:
    found = loaded(METRICS_TOKEN="m" * 16, TRUSTED_PROXIES="10.0.0.0/8,::1", ALLOW_PRIVATE_CALLBACKS="on")
    element: dict[str, type | tuple[type, ...]] = {
        "secret_keys": SecretKey,
        "registrations": Registration,
        "trusted_proxies": typing.get_args(Network),
    }
    for name, declared in typing.get_type_hints(Settings).items():
        value = getattr(found, name)
        if typing.get_origin(declared) is tuple:
            assert isinstance(value, tuple)
            assert all(isinstance(each, element[name]) for each in value)
        elif typing.get_origin(declared) is typing.Literal:
            words = typing.get_args(declared)
            assert {getattr(loaded(**{name.upper(): word}), name) for word in words} == set(words)
        else:
            assert isinstance(value, declared)


def test_the_table_holds_every_variable_once_and_every_default_is_valid() -> None:
    assert len({variable.name for variable in VARIABLES}) == len(VARIABLES) == 41
    assert all(variable.purpose and variable.name.startswith("BROKER_") for variable in VARIABLES)
    for variable in VARIABLES:
        if variable.default is not None:
            variable.parse(variable.default)
    filled = {variable.field for variable in VARIABLES}
    assert {each.name for each in dataclasses.fields(Settings)} <= filled


def test_the_console_is_the_format_on_a_terminal_unless_another_was_chosen() -> None:
    assert load(NEEDED, terminal=True).log_format == "console"
    assert load(NEEDED | {"BROKER_LOG_FORMAT": "json"}, terminal=True).log_format == "json"


def test_the_environment_of_the_process_is_what_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in NEEDED.items():
        monkeypatch.setenv(name, text)
    monkeypatch.setenv("BROKER_CODE_TTL", "90s")
    assert from_environment().code_ttl == 90


# Files


@pytest.mark.parametrize("ending", ["", "\n", "\r\n", "\n\n"])
def test_any_setting_may_come_from_a_file(tmp_path: Path, ending: str) -> None:
    for variable in VARIABLES:
        text = NEEDED.get(variable.name) or variable.default
        if text is None or variable.is_path:
            continue
        path = tmp_path / variable.name
        path.write_bytes(f"{text}{ending}".encode())
        others = {name: value for name, value in NEEDED.items() if name != variable.name}
        assert effective(load(others | {f"{variable.name}_FILE": str(path)})) == effective(loaded())


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "ttl"
    path.write_bytes(b"\xef\xbb\xbf90s\r\n")
    assert loaded(CODE_TTL_FILE=str(path)).code_ttl == 90


def test_a_setting_and_its_file_together_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "ttl"
    path.write_text("90s")
    assert "both set; remove one" in fault(CODE_TTL="90s", CODE_TTL_FILE=str(path))


def test_a_file_that_cannot_be_used_is_one_sentence_without_its_path(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\xfd")
    (tmp_path / "large").write_bytes(b"x" * 65_537)
    (tmp_path / "largest").write_bytes(b"x" * 65_536)
    for name, reason in {
        "absent": "cannot be read (No such file or directory)",
        ".": "cannot be read (Is a directory)",
        "empty": "names an empty file",
        "binary": "text file in UTF-8",
        "large": "more than 64 KiB",
        "largest": "must be 16 to 256 letters",
        "nul\0": "must be the path",
    }.items():
        sentence = fault(METRICS_TOKEN_FILE=str(tmp_path / name))
        assert reason in sentence
        assert str(tmp_path) not in sentence


def test_a_required_setting_whose_file_fails_is_reported_once() -> None:
    others = {name: text for name, text in NEEDED.items() if name != "BROKER_SECRET_KEYS"}
    with pytest.raises(BadSettings) as caught:
        load(others | {"BROKER_SECRET_KEYS_FILE": "/nonexistent/keys"})
    assert len(caught.value.faults) == 1


def test_a_fault_in_a_file_names_the_variable_that_was_set(tmp_path: Path) -> None:
    path = tmp_path / "ttl"
    path.write_text("soon")
    assert fault(CODE_TTL_FILE=str(path)).startswith("BROKER_CODE_TTL_FILE must be a duration")


# Names


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("ISUER", "BROKER_ISSUER"),
        ("TIKTOK_CLIENT_SECRETS", "BROKER_TIKTOK_CLIENT_SECRET"),
        ("SECRET_KEY_FILE", "BROKER_SECRET_KEYS_FILE"),
        ("PORT", "BROKER_"),
        ("", "BROKER_"),
        ("X" * 100_000, "BROKER_"),
        ("LOG_LEVEL\n\x1b[2J", "BROKER_LOG_LEVEL"),
    ],
)
def test_an_unknown_variable_is_refused_with_the_nearest_known_one(name: str, nearest: str) -> None:
    (sentence,) = faults(**{name: "8000"})
    assert f"is not a setting; the nearest is {nearest}" in sentence
    assert sentence.isprintable()
    assert len(sentence) < 300


def test_what_kubernetes_and_docker_announce_about_a_service_called_broker_is_no_typo() -> None:
    loaded(
        SERVICE_HOST="10.0.0.1",
        SERVICE_PORT="8000",
        SERVICE_PORT_HTTP="8000",
        PORT="tcp://10.0.0.1:8000",
        PORT_8000_TCP="tcp://10.0.0.1:8000",
        PORT_8000_TCP_PROTO="tcp",
        PORT_8000_TCP_PORT="8000",
        PORT_8000_TCP_ADDR="10.0.0.1",
        REDIS_SERVICE_HOST="10.0.0.2",
        REDIS_PORT="tcp://10.0.0.2:6379",
    )
    assert load(NEEDED | {"PATH": "/bin", "BROKERAGE": "x", "broker_issuer": "x"}).secure


# Secrets


def test_effective_shows_every_variable_and_no_secret() -> None:
    found = loaded(METRICS_TOKEN="shhh-metrics-token", DATABASE_URL="postgresql://ann:shhh@db/broker")
    shown = effective(found)
    assert [name for name, _ in shown] == [variable.name for variable in VARIABLES]
    assert dict(shown)["BROKER_TIKTOK_CLIENT_SECRET"] == dict(shown)["BROKER_METRICS_TOKEN"] == "***"
    assert dict(shown)["BROKER_CODE_TTL"] == "1m"
    assert dict(shown)["BROKER_TRUSTED_PROXIES"] == dict(loaded_shown())["BROKER_METRICS_TOKEN"] == "none"
    assert not any(secret in str(shown) + repr(found) for secret in ("shhh", KEY, KEY[4:]))


def loaded_shown() -> list[tuple[str, str]]:
    """What is shown of the settings that are needed."""
    return effective(loaded())


SECRET = "kq7shhhshhhshhhz"
NAMES = [name for variable in VARIABLES for name in (variable.name, f"{variable.name}_FILE")]
AROUND = st.text(alphabet=st.characters(), max_size=8)
SPOILED = st.one_of(
    st.sampled_from(["", SECRET, f"brk_{SECRET}", f"https://{SECRET}", f"x://u:{SECRET}@h/d", f"{SECRET}=\n"]),
    st.builds(lambda before, after: f"{before}{SECRET}{after}", AROUND, AROUND),
    st.builds(
        lambda scheme, after: f"{scheme}{SECRET}{after}",
        st.sampled_from(["postgresql://u:", "postgresql://h/d?password=", "http://u:", "https://", "sqlite:"]),
        AROUND,
    ),
    st.text(),
)


@given(
    st.dictionaries(st.one_of(st.sampled_from(NAMES), st.text().map("BROKER_".__add__)), SPOILED),
    st.booleans(),
)
def test_loading_succeeds_or_tells_the_faults_without_repeating_a_value(
    environ: dict[str, str], complete: bool
) -> None:
    try:
        found = load((NEEDED | environ) if complete else environ)
    except BadSettings as bad:
        told = f"{bad} {bad!r}"
    else:
        told = "".join(shown for name, shown in effective(found) if name == "BROKER_SECRET_KEYS")
    assert SECRET not in told


@given(
    st.from_regex(r"shhh[!-~]{0,40}", fullmatch=True),
    st.from_regex(r"shhh[A-Za-z0-9._~+/-]{12,40}", fullmatch=True),
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40).map("shhh".__add__),
)
def test_settings_hold_every_secret_and_show_none(client: str, metrics: str, password: str) -> None:
    quoted = quote(password, safe="")
    found = loaded(
        TIKTOK_CLIENT_SECRET=client,
        METRICS_TOKEN=metrics,
        DATABASE_URL=f"postgresql://ann:{quoted}@db/broker?password={quoted}",
    )
    assert found.registrations[0].client_secret.reveal() == client
    assert found.metrics_token == Secret(metrics)
    shown = f"{found!r} {found} {effective(found)}"
    assert "shhh" not in shown
    assert KEY not in shown
