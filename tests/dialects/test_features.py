"""What the service asks needs nothing that a PostgreSQL-compatible distributed database lacks.

That each statement is grammar to CockroachDB, its own parser says (`make dialects`). This is about what parses and
does not work, or works otherwise; `docs/capacity.md` has the same list with what each database says of it.
"""

import re
from collections.abc import Mapping

import pytest

from tests.dialects.statements import Written, everything
from tests.documentation import ROOT, Page

FEATURES: Mapping[str, str] = {
    "advisory locks": r"\bpg_(try_)?advisory",
    "`LISTEN`, `NOTIFY`": r"\b(LISTEN|NOTIFY|pg_notify)\b",
    "`LOCK TABLE`": r"\bLOCK TABLE\b",
    "deferrable constraints": r"\bDEFERR(ED|ABLE)\b",
    "system columns": r"\b(xmin|xmax|ctid|tableoid)\b",
    "`CREATE INDEX CONCURRENTLY`": r"\bCONCURRENTLY\b",
    "`pg_stat_activity`": r"\bpg_stat_",
    "`pg_index`": r"\bpg_(index|class|catalog)\b|\bto_regclass\b",
    "server settings by name": r"\bcurrent_setting\b|^SHOW\b",
    "session settings": r"^SET\s",
    "sequences, identity columns": r"\b(SERIAL|BIGSERIAL|IDENTITY|SEQUENCE|nextval)\b",
    "division of integers": r"/",
    "triggers, procedures, `DO`": r"\bTRIGGER\b|\bPROCEDURE\b|\bFUNCTION\b|^DO\s",
    "temporary tables": r"\bTEMP(ORARY)?\b",
    "exclusion constraints, inheritance": r"\bEXCLUDE\b|\bINHERITS\b",
    "shared row locks": r"\bFOR (KEY )?SHARE\b",
    "`SKIP LOCKED`": r"\bSKIP LOCKED\b",
    "`FOR NO KEY UPDATE`": r"\bFOR NO KEY UPDATE\b",
}
HARMLESS = {"`SKIP LOCKED`", "`FOR NO KEY UPDATE`"}
"""What both databases have, and the service uses."""

HEADER = "| feature | who needs it | CockroachDB | YugabyteDB |"


@pytest.fixture(scope="module")
def written() -> list[Written]:
    return everything()


def users_of(feature: str, written: list[Written]) -> set[str]:
    """Who needs it: the service, the migrations, or a command that an operator gives."""
    return {_user(one) for one in written if re.search(FEATURES[feature], one.sql, re.IGNORECASE)}


def _user(one: Written) -> str:
    if one.migration:
        return "migrations"
    # Read by `broker doctor` alone.
    return "a command" if one.origin.startswith("broker.store.soundness.") else "the service"


def test_the_service_needs_no_feature_that_is_missing_somewhere(written: list[Written]) -> None:
    assert [name for name in FEATURES if "the service" in users_of(name, written)] == sorted(
        HARMLESS, reverse=True
    )


def test_the_page_says_who_needs_what(written: list[Written]) -> None:
    rows = Page(ROOT / "docs/capacity.md").rows(HEADER)
    assert {name: needed for name, needed, _, _ in rows} == {
        name: ", ".join(sorted(users_of(name, written))) or "nobody" for name in FEATURES
    }
    assert all(cockroach and yugabyte for _, _, cockroach, yugabyte in rows)


def test_a_feature_is_found() -> None:
    for feature, sql in (
        ("advisory locks", "SELECT pg_advisory_xact_lock(1)"),
        ("division of integers", "SELECT a / b FROM t"),
        ("system columns", "SELECT ctid FROM t"),
        ("deferrable constraints", "ALTER TABLE t ADD UNIQUE (a) DEFERRABLE INITIALLY DEFERRED"),
        ("sequences, identity columns", "CREATE TABLE t (id BIGINT GENERATED ALWAYS AS IDENTITY)"),
    ):
        assert users_of(feature, [Written("broker.store.users._X", sql)]) == {"the service"}
