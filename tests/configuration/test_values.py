"""Which keys, scopes, words and networks are taken, and which are refused with what reason."""

import ipaddress

import pytest

from broker.opaque import Secret
from broker.sealing import SecretKey
from broker.settings import effective
from tests.configuration.given import KEY, OTHER_KEY, fault, loaded


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("brk_short", "entry 1 of 1"),
        (f"{KEY},shhh", "entry 2 of 2"),
        (f"{KEY},{KEY}", "twice"),
        (f"{KEY},", "empty entry"),
        (KEY.upper(), "entry 1 of 1"),
        (f"{KEY}\n{OTHER_KEY}", "entry 1 of 1"),
        ("brk_\udcff", "entry 1 of 1"),
    ],
)
def test_secret_keys_that_broker_secret_did_not_print_are_refused(text: str, reason: str) -> None:
    sentence = fault(SECRET_KEYS=text)
    assert reason in sentence
    assert KEY not in sentence
    assert "shhh" not in sentence


def test_the_order_of_secret_keys_is_kept() -> None:
    assert [key.id for key in loaded(SECRET_KEYS=f"{OTHER_KEY}, {KEY}").secret_keys] == [
        SecretKey(OTHER_KEY).id,
        SecretKey(KEY).id,
    ]


@pytest.mark.parametrize("text", ["aw key", "aw/key", "ключ", "a" * 65, "aw\n", "${KEY}"])
def test_client_keys_are_letters_and_digits(text: str) -> None:
    assert "must be the client key" in fault(TIKTOK_CLIENT_KEY=text)


@pytest.mark.parametrize("text", ["sh hh", "shhh\n", "shhh\u2026", "s" * 257])
def test_client_secrets_with_what_a_paste_leaves_behind_are_refused(text: str) -> None:
    sentence = fault(TIKTOK_CLIENT_SECRET=text)
    assert "must be the client secret" in sentence
    assert text not in sentence


def test_a_sandbox_is_known_by_its_client_key() -> None:
    assert loaded(TIKTOK_CLIENT_KEY="sbawexample01").registrations[0].environment == "sandbox"


def test_scopes_keep_their_order() -> None:
    found = loaded(TIKTOK_SCOPES="user.info.profile, user.info.basic,video.list")
    assert found.registrations[0].scopes == ("user.info.profile", "user.info.basic", "video.list")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("user.info.profile", "must contain user.info.basic"),
        ("user.info.basic,user.info.basic", "twice"),
        ("user.info.basic,,video.list", "empty entry"),
        ("user.info.basic video.list", "comma list"),
        ("User.Info.Basic", "comma list"),
    ],
)
def test_scopes_that_tiktok_would_refuse_are_refused(text: str, reason: str) -> None:
    assert reason in fault(TIKTOK_SCOPES=text)


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("TIKTOK_PKCE", ("hex", "base64url", "none"), ("HEX", "S256", "plain")),
        ("SIGNING_ALG", ("ES256", "RS256", "PS256", "EdDSA"), ("es256", "HS256", "none")),
        ("LOG_FORMAT", ("json", "console"), ("text",)),
        ("LOG_LEVEL", ("debug", "info", "warning", "error", "critical"), ("INFO", "warn", "notset")),
    ],
)
def test_choices_take_their_words_and_no_others(name: str, good: tuple[str, ...], bad: tuple[str, ...]) -> None:
    for text in good:
        assert dict(effective(loaded(**{name: text})))[f"BROKER_{name}"] == text
    for text in bad:
        assert "must be one of" in fault(**{name: text})


@pytest.mark.parametrize(
    ("text", "value"), [("on", True), ("TRUE", True), ("1", True), ("yes", True), ("off", False), ("0", False)]
)
def test_switches_take_the_usual_words(text: str, value: bool) -> None:
    assert loaded(ALLOW_PRIVATE_CALLBACKS=text).allow_private_callbacks is value


def test_a_switch_takes_no_other_word() -> None:
    assert "must be on or off" in fault(ALLOW_PRIVATE_CALLBACKS="maybe")


def test_trusted_proxies_are_addresses_and_networks() -> None:
    assert loaded(TRUSTED_PROXIES="10.0.0.0/8, 192.0.2.7,2001:db8::/32").trusted_proxies == (
        ipaddress.ip_network("10.0.0.0/8"),
        ipaddress.ip_network("192.0.2.7/32"),
        ipaddress.ip_network("2001:db8::/32"),
    )
    assert loaded(TRUSTED_PROXIES="none").trusted_proxies == ()


@pytest.mark.parametrize("text", ["*", "proxy.example.com", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.1 10.0.0.2"])
def test_trusted_proxies_that_are_no_networks_are_refused(text: str) -> None:
    assert "comma list of addresses" in fault(TRUSTED_PROXIES=text)


@pytest.mark.parametrize("text", ["short", "with space in the middle", "s" * 257, "sixteen-chars-ö!"])
def test_a_metrics_token_that_no_scraper_can_send_or_anybody_can_guess_is_refused(text: str) -> None:
    sentence = fault(METRICS_TOKEN=text)
    assert text not in sentence
    assert loaded(METRICS_TOKEN=KEY).metrics_token == Secret(KEY)


def test_the_audit_is_kept_forever_or_for_a_day_at_least() -> None:
    assert (loaded().audit_retention, dict(effective(loaded()))["BROKER_AUDIT_RETENTION"]) == (None, "forever")
    assert loaded(AUDIT_RETENTION="400d").audit_retention == 400 * 86_400
    for text in ("23h", "0", "never", "-1d"):
        assert "BROKER_AUDIT_RETENTION must be" in fault(AUDIT_RETENTION=text)


@pytest.mark.parametrize("text", ["ada", "ada@example.com", "OPS-17", "Ångström"])
def test_an_operator_has_a_name(text: str) -> None:
    assert loaded(OPERATOR=text).operator == text


@pytest.mark.parametrize("text", ["ada lovelace", "a" * 65, "ada:root", "ada\n", "ada\x1b[2J"])
def test_what_could_be_taken_for_something_else_is_no_name(text: str) -> None:
    assert "must be a name" in fault(OPERATOR=text)
