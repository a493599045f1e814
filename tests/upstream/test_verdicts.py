"""The table of errors, and the vocabulary of failures."""

import re

import pytest

from broker.upstream.connector import (
    Misconfigured,
    NotShared,
    Refused,
    Rejected,
    Trace,
    Unavailable,
    UpstreamError,
)
from broker.upstream.tiktok_errors import VERDICTS, Verdict, verdict

SIGNING_IN = {"callback", "token", "user_info"}
APART = {"refresh", "revoke", "client_credentials"}


@pytest.mark.parametrize("row", VERDICTS, ids=[f"{row.place}-{row.error}-{row.hint}" for row in VERDICTS])
def test_every_row_of_the_table_can_be_reached(row: Verdict) -> None:
    error = verdict(row.error, f"Some {row.hint.upper()} text", Trace(row.place))
    assert (type(error), str(error)) == (row.outcome, row.sentence)
    assert row.place in SIGNING_IN | APART


@pytest.mark.parametrize("place", sorted(SIGNING_IN))
def test_an_error_without_a_row_signs_nobody_in(place: str) -> None:
    assert type(verdict("moon_phase", "", Trace(place))) is Rejected


@pytest.mark.parametrize("place", sorted(APART))
def test_an_error_without_a_row_does_not_declare_a_token_dead(place: str) -> None:
    assert type(verdict("moon_phase", "", Trace(place))) is Misconfigured


@pytest.mark.parametrize(
    "sentence",
    sorted(
        {row.sentence for row in VERDICTS if row.outcome is Refused}
        | {NotShared(("user.info.basic", "user.info.profile"), Trace("token")).description}
    ),
)
def test_what_a_person_reads_fits_an_error_description(sentence: str) -> None:
    """RFC 6749 §4.1.2.1: printable ASCII without quotation mark and backslash."""
    assert re.fullmatch(r"[\x20-\x21\x23-\x5b\x5d-\x7e]+\.", sentence)
    assert Refused(sentence, Trace("token")).description == sentence


def test_an_error_shows_its_sentence_and_keeps_its_trace_for_the_log() -> None:
    trace = Trace("token", status=429, error="slow_down", retry_after=5)
    error = Unavailable("it is busy", trace)
    assert isinstance(error, UpstreamError)
    assert (str(error), repr(error)) == ("it is busy", "Unavailable('it is busy')")
    assert error.retry_after == 5
    assert trace.fields() == {"endpoint": "token", "status": 429, "error": "slow_down", "retry_after": 5}
