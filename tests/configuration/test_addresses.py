"""Which addresses are taken, and which are refused with what reason."""

import pytest

from broker.settings import effective
from tests.configuration.given import fault, faults, loaded


@pytest.mark.parametrize(
    ("issuer", "loopback", "secure"),
    [
        ("https://id.example.com", False, True),
        ("https://id.example.com:8443", False, True),
        ("https://xn--bcher-kva.example", False, True),
        ("https://10.1.2.3", False, True),
        ("https://[2001:db8::1]:8443", False, True),
        ("https://localhost:8443", True, True),
        ("http://localhost", True, False),
        ("http://localhost:8001", True, False),
        ("http://127.0.0.1:8001", True, False),
        ("http://127.9.9.9", True, False),
        ("http://[::1]:8001", True, False),
    ],
)
def test_issuers_that_are_origins_are_taken_as_they_are(issuer: str, loopback: bool, secure: bool) -> None:
    found = loaded(ISSUER=issuer)
    assert (found.issuer, found.loopback, found.secure) == (issuer, loopback, secure)


@pytest.mark.parametrize(
    ("issuer", "reason"),
    [
        ("http://id.example.com", "must be https"),
        ("http://10.0.0.1", "must be https"),
        ("http://[::2]", "must be https"),
        ("http://localhost.example.com", "must be https"),
        ("http://127.0.0.1.example.com", "must be https"),
        ("https://id.example.com/", "trailing slash"),
        ("https://id.example.com/auth", "no path"),
        ("https://id.example.com?", "query"),
        ("https://id.example.com?x=1", "query"),
        ("https://id.example.com#", "fragment"),
        ("https://id.example.com#x", "fragment"),
        ("https://ann@id.example.com", "user name"),
        ("https://ann:pw@id.example.com", "user name"),
        ("https://@id.example.com", "user name"),
        ("https://ID.example.com", "lower case"),
        ("HTTPS://id.example.com", "lower case"),
        ("https://id.example.com:443", "leave out :443"),
        ("http://localhost:80", "leave out :80"),
        ("https://id.example.com:", "leading zeros"),
        ("https://id.example.com:08443", "leading zeros"),
        ("https://id.example.com:0", "host and port"),
        ("https://id.example.com:65536", "host and port"),
        ("https://id.example.com:x", "host and port"),
        ("https://[::1", "host and port"),
        ("https://[0:0:0:0:0:0:0:1]", "usual spelling"),
        ("https://::1", "host"),
        ("https://127.1", "usual spelling"),
        ("https://0x7f.1", "usual spelling"),
        ("https://127.0.0.01", "usual spelling"),
        ("https://id.example.com.", "usual spelling"),
        ("https://-id.example.com", "usual spelling"),
        ("https://id_x.example.com", "usual spelling"),
        ("https://" + "a." * 127 + "com", "usual spelling"),
        ("https://", "usual spelling"),
        ("https:id.example.com", "usual spelling"),
        ("id.example.com", "must start with https://"),
        ("localhost:8000", "must start with https://"),
        ("ftp://id.example.com", "must start with https://"),
        ("https://id.example.com ", "without spaces"),
        ("https://id.exa\nmple.com", "without spaces"),
        ("https://bücher.example", "percent-encoded"),
        ("https://id.example.com\\@evil.example", "user name"),
        ("https://" + "a" * 3_000, "URL"),
    ],
)
def test_issuers_that_a_client_could_spell_otherwise_are_refused(issuer: str, reason: str) -> None:
    sentence = fault(ISSUER=issuer)
    assert reason in sentence
    assert issuer not in sentence


def test_tiktok_may_be_a_simulator_over_http_on_loopback_or_beside_a_loopback_issuer() -> None:
    near, far = "http://localhost:8002/v2/auth/authorize/", "http://simulator:8002"
    assert loaded(TIKTOK_AUTHORIZE_URL=near).tiktok_authorize_url == near
    assert loaded(TIKTOK_API_URL=far, ISSUER="http://localhost:8001").tiktok_api_url == far
    assert "must start with https://" in fault(TIKTOK_API_URL=far)
    assert "must start with https://" in fault(TIKTOK_AUTHORIZE_URL=far)
    assert len(faults(TIKTOK_API_URL=far, ISSUER="nonsense")) == 1


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://open.tiktokapis.com/", "slash"),
        ("https://open.tiktokapis.com?x=1", "query"),
        ("https://open.tiktokapis.com#x", "fragment"),
        ("https://u:p@open.tiktokapis.com", "user name"),
        ("file:///etc/passwd", "https://"),
        ("https://OPEN.tiktokapis.com", "lower case"),
        ("https://open tiktokapis.com", "spaces"),
    ],
)
def test_base_urls_to_which_no_path_can_be_added_are_refused(url: str, reason: str) -> None:
    assert reason in fault(TIKTOK_API_URL=url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:///broker.db", "sqlite:///broker.db"),
        ("sqlite:////var/lib/my broker/b.db", "sqlite:////var/lib/my broker/b.db"),
        ("postgresql://ann:s%40crt@db:5432/broker", "postgresql://ann:***@db:5432/broker"),
        ("postgresql://:s%40crt@db/broker", "postgresql://:***@db/broker"),
        ("postgresql://ann@db/broker", "postgresql://ann@db/broker"),
        (
            "postgresql://ann:s%40crt@one:5432,two,[::1]:6000/broker?target_session_attrs=read-write",
            "postgresql://ann:***@one:5432,two,[::1]:6000/broker?target_session_attrs=read-write",
        ),
        ("postgresql:///broker?host=/run/postgresql", "postgresql:///broker?host=/run/postgresql"),
        (
            "postgresql://db/broker?user=ann&password=s%40crt&sslmode=require&x=s%40crt",
            "postgresql://db/broker?user=ann&password=***&sslmode=require&x=***",
        ),
    ],
)
def test_database_urls_are_kept_and_shown_without_their_password(url: str, shown: str) -> None:
    found = loaded(DATABASE_URL=url)
    assert found.database_url.reveal() == url
    assert dict(effective(found))["BROKER_DATABASE_URL"] == shown


def test_the_short_name_of_postgresql_is_spelled_out() -> None:
    assert loaded(DATABASE_URL="postgres://db/broker").database_url.reveal() == "postgresql://db/broker"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("mysql://db/broker", "must start with sqlite:/// or postgresql://"),
        ("postgresql+asyncpg://db/broker", "no +driver"),
        ("sqlite+aiosqlite:///broker.db", "no +driver"),
        ("POSTGRESQL://db/broker", "must start with"),
        ("broker.db", "must start with"),
        ("sqlite://", "must name a file"),
        ("sqlite:///", "must name a file"),
        ("sqlite://broker.db", "must name a file"),
        ("sqlite:///folder/", "must name a file"),
        ("sqlite:///:memory:", "must name a file"),
        ("sqlite:///bro\nker.db", "must name a file"),
        ("sqlite:///broker.db?mode=ro", "without options"),
        ("sqlite:///broker.db#x", "without options"),
        ("postgresql://db", "must name a database"),
        ("postgresql://db/", "must name a database"),
        ("postgresql://db/one/two", "must name a database"),
        ("postgresql://db:x/broker", "valid host and port"),
        ("postgresql://one,two:x/broker", "valid host and port"),
        ("postgresql://ann:12@one,two,/broker", "must name its hosts"),
        ("postgresql://,/broker", "must name its hosts"),
        ("postgresql://1,2,3,4,5,6,7,8,9/broker", "8 at most"),
        ("postgresql://ann:12@one,bob@two/broker", "percent-encoded"),
        ("postgresql://ann:p w@db/broker", "without spaces"),
        ("postgresql://ann:12/34@db/broker", "percent-encoded"),
        ("postgresql://ann:12?34@db/broker", "percent-encoded"),
        ("postgresql://ann:12#34@db/broker", "percent-encoded"),
        ("postgresql://ann:12@34@db/broker", "percent-encoded"),
        ("postgresql://ann:a/b@db/broker", "valid host and port"),
    ],
)
def test_database_urls_that_cannot_be_used_are_refused(url: str, reason: str) -> None:
    sentence = fault(DATABASE_URL=url)
    assert reason in sentence
    assert "34@" not in sentence
