"""What is masked in log lines, by the name of a value and by the look of a text."""

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from broker.log_masking import MASK, masked, scrubbed

REFRESH_TOKEN = "brt_" + "k5x2" * 14


@pytest.mark.parametrize(
    "name",
    [
        "client_secret",
        "secret_keys",
        "access_token",
        "refreshToken",
        "subject_token",
        "id_token_hint",
        "code",
        "authorization_code",
        "code_verifier",
        "Cookie",
        "set-cookie",
        "Authorization",
        "password",
        "db_passwd",
        "client_assertion",
        "credentials",
        "private_key",
    ],
)
def test_a_text_under_a_telling_name_is_masked(name: str) -> None:
    assert masked({name: "hush", "kept": "said"}) == {name: MASK, "kept": "said"}
    assert masked({"deep": [{"deeper": ({name: "hush"},)}]}) == {"deep": [{"deeper": [{name: MASK}]}]}
    assert masked({name: ["hush"]}) == {name: MASK}


@pytest.mark.parametrize(
    "fields",
    [
        {"errCode": "10007", "error_code": "-2", "err_code": "x", "error_type": "client_key"},
        {"status_code": "200", "token_type": "Bearer", "log_id": "2022062218543703701301"},
        {"codes_purged": 12, "code": -2, "token": None, "token_is_new": True, "access_token_seconds": 0.5},
        {"path": "/token", "sub": "usr_1", "frames": [1, "two", (), {}]},
    ],
)
def test_error_codes_counts_and_common_names_stay_readable(fields: dict[str, object]) -> None:
    shown = masked(fields)
    assert orjson.dumps(shown) == orjson.dumps(fields)


def test_masking_ends_at_a_depth_and_hides_what_is_below() -> None:
    endless: dict[str, object] = {"said": "yes"}
    endless["again"] = endless
    turning: list[object] = ["said"]
    turning.append(turning)
    for shown in (masked(endless), masked({"turning": turning})):
        assert "..." not in str(shown)
        assert MASK in str(shown)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("code=abc&state=xyz", "code=***&state=xyz"),
        ("{'client_secret': 'abc', 'x': 1}", "{'client_secret': '***', 'x': 1}"),
        ("Authorization: Bearer abc", "Authorization: Bearer ***"),
        ("connect postgresql://ann:p-w@host/db", "connect postgresql://ann:***@host/db"),
        (f"token {REFRESH_TOKEN}, expired", "token ***, expired"),
        ("got act.example12345Example12345!1", "got ***"),
        ("/srv/python3.11/site-packages/alembic/runtime/migration.py", None),
        ("sqlalchemy.dialects.postgresql.asyncpg.AsyncAdapt", None),
        ("duplicate key value violates unique constraint uq_accounts_registration_open_id", None),
    ],
)
def test_words_of_others_lose_what_looks_like_a_secret(text: str, kept: str | None) -> None:
    assert scrubbed(text) == (text if kept is None else kept)


@given(st.text(), st.text())
@example("code=", "")
@example("x" * 4_000, "")
def test_a_secret_never_survives_scrubbing(before: str, after: str) -> None:
    assert REFRESH_TOKEN not in scrubbed(f"{before} {REFRESH_TOKEN} {after}")


@pytest.mark.parametrize("unit", ["a", "code", "a.", "code ", "://", "://a:", "code='", "-1", "bearer "])
def test_scrubbing_is_bounded(unit: str) -> None:
    assert len(scrubbed(unit * 100_000)) < 10_000
