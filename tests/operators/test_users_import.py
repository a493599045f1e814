"""`broker users import`: what it takes, what it refuses line by line, and that it may be run again."""

import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest

from broker.store import importing
from broker.store.import_matches import BATCH, Newcomer
from tests.cli.running import run
from tests.journeys.tables import contents
from tests.operators.people import counts, imported, on, subs, taken_over
from tests.store.rows import add_client, record

ADA: dict[str, Any] = {"open_id": "-open-ada", "previous_id": 41}
BOB: dict[str, Any] = {"open_id": "open-bob", "registration": "second", "previous_id": "bob@old", "blocked": True}
EVE: dict[str, Any] = {"union_id": "union-eve", "open_id": "ignored"}
SUB = "usr_" + "a2" * 16


def test_importing_again_changes_nothing_and_promises_the_same(database_url: str, tmp_path: Path) -> None:
    people: list[dict[str, Any]] = [ADA, BOB, EVE]
    assert counts(taken_over(database_url, people)) == (3, 0, 0, 0, 0)
    first = subs(database_url, people, tmp_path)
    kept = on(database_url, contents)
    assert counts(taken_over(database_url, people)) == (0, 0, 3, 0, 0)
    assert subs(database_url, people[::-1], tmp_path) == first[::-1]
    assert on(database_url, contents) == kept
    (event,) = kept["audit_events"]
    assert (event["event"], event["reason"]) == ("users.imported", "3 added")
    assert event["actor"].startswith("operator:")


def test_a_newer_file_brings_blocks_and_previous_ids_up_to_date(database_url: str, tmp_path: Path) -> None:
    taken_over(database_url, [ADA, BOB, EVE])
    newer: list[dict[str, Any]] = [
        {**ADA, "blocked": True},
        {**BOB, "blocked": False},
        {**EVE, "previous_id": "e"},
    ]
    before = subs(database_url, [ADA, BOB, EVE], tmp_path)
    assert counts(taken_over(database_url, newer)) == (0, 3, 0, 0, 0)
    listed = {each["sub"]: each for each in json.loads(waiting(database_url).stdout)}
    ada, bob, eve = (listed[sub] for sub in before)
    assert (ada["blocked_at"] is None, bob["blocked_at"] is None) == (False, True)
    assert (ada["previous_id"], eve["previous_id"], eve["open_id"]) == ("41", "e", None)


def waiting(url: str, *arguments: str) -> Any:
    return run("users", "list", "--waiting", "--json", *arguments, url=url)


def test_both_formats_say_the_same(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_bytes(
        "\ufeffprevious_id,open_id,registration,blocked,union_id\r\n"
        '41,-open-ada,,,\r\n"bob@old",open-bob,second,yes,\r\n\r\n,ignored,,no,union-eve\r\n'.encode()
    )
    told = json.loads(run("users", "import", str(file), "--json", url=database_url).stdout)
    assert counts(told) == (3, 0, 0, 0, 0)
    assert counts(taken_over(database_url, [ADA, BOB, EVE])) == (0, 0, 3, 0, 0)
    text = run("users", "import", str(file), url=database_url)
    assert dict(line.split() for line in text.stdout.splitlines()) == {
        **dict.fromkeys(("added", "updated", "known", "refused"), "0"),
        "unchanged": "3",
    }


def test_the_registration_of_all_open_ids_can_be_said_once(database_url: str) -> None:
    taken_over(database_url, [ADA, BOB], "--registration", "third")
    found = {each["open_id"]: each["registration"] for each in json.loads(waiting(database_url).stdout)}
    assert found == {"-open-ada": "third", "open-bob": "second"}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("[1]", "one JSON object"),
        ("{", "one JSON object"),
        ('{"open_id": "x", "name": "canary"}', "and nothing else"),
        ('{"previous_id": "canary"}', "union_id or an open_id"),
        ('{"open_id": 7}', "open_id must be an id of TikTok's"),
        ('{"open_id": "canary canary"}', "open_id must be an id of TikTok's"),
        (json.dumps({"union_id": "x" * 256}), "union_id must be an id of TikTok's"),
        ('{"open_id": "x", "registration": "CANARY"}', "registration must be the name"),
        ('{"open_id": "x", "previous_id": ""}', "previous_id must be 1 to 255"),
        ('{"open_id": "x", "previous_id": true}', "previous_id must be 1 to 255"),
        ('{"open_id": "x", "previous_id": "canary\\u001b"}', "previous_id must be 1 to 255"),
        ('{"open_id": "x", "sub": "canary"}', "sub must be usr_ and 32 characters"),
        ('{"open_id": "x", "blocked": "perhaps"}', "blocked must be true or false"),
        ('{"open_id": "x", "blocked": null}', "blocked must be true or false"),
        ('{"open_id": "-open-ada", "previous_id": "42"}', "imported before with another previous_id"),
        ('{"open_id": "another", "previous_id": 41}', "Somebody else was imported with this previous_id"),
        (json.dumps({"open_id": "-open-ada", "sub": SUB}), "imported before and has another sub"),
        (json.dumps({"union_id": "u1", "sub": SUB}), "signed in here already and has another sub"),
    ],
)
def test_a_bad_line_is_named_and_nobody_else_suffers(database_url: str, line: str, words: str) -> None:
    """What is in the line is not repeated: it is about a person."""
    on(database_url, add_client)
    on(database_url, record)
    content = "\n".join([json.dumps(ADA), "", line, json.dumps(BOB)])
    result = imported(database_url, content)
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert counts(told) == (2, 0, 0, 0, 1)
    assert told["refused"][0]["line"] == 3
    assert words in told["refused"][0]["reason"]
    assert "canary" not in result.output.lower()
    text = run("users", "import", "-", "--format", "jsonl", url=database_url, given=content)
    assert text.exit_code == 1
    assert text.stderr.splitlines()[0] == f"Line 3: {told['refused'][0]['reason']}"
    assert "run this again" in text.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"name,open_id\nx,y\n", "Line 1 must name the columns"),
        (b"open_id,open_id\nx,y\n", "Line 1 must name the columns"),
        (b'open_id\ngood\n"bad" bad\n', "Line 3 is not CSV"),
        (b"open_id\ngood\n\xff\xfe\n", "Line 3 is not UTF-8"),
        (b"open_id\ngood\n" + b"x" * 20_000, "Line 3 is longer than 16 KiB"),
    ],
)
def test_a_file_that_cannot_be_read_on_says_where(database_url: str, content: bytes, words: str) -> None:
    result = run("users", "import", "-", "--format", "csv", "--json", url=database_url, given=content)
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert words in told["stopped"]
    assert told["added"] == content.count(b"\ngood")
    assert words in result.stderr


def test_the_wrong_file_is_not_read_to_its_end(database_url: str) -> None:
    told = taken_over(database_url, [ADA, *[{"email": "x"}] * 500])
    assert counts(told) == (1, 0, 0, 0, 100)
    assert "up to line 101 are bad" in told["stopped"]


def test_a_dry_run_says_the_same_and_changes_nothing(database_url: str) -> None:
    """Also of two lines that do not go together and stand far apart."""
    crowd = [{"union_id": f"u{number}", "previous_id": f"n{number}"} for number in range(BATCH)]
    people: list[dict[str, Any]] = [ADA, *crowd, {"open_id": "late", "previous_id": 41}, ADA]
    taken_over(database_url, [crowd[0]])
    before = on(database_url, contents)
    tried = taken_over(database_url, people, "--dry-run")
    assert on(database_url, contents) == before
    done = taken_over(database_url, people)
    assert tried == done | {"dry_run": True}
    assert counts(done) == (BATCH, 0, 2, 0, 1)
    assert done["refused"][0]["line"] == BATCH + 2


def test_a_long_file_is_taken_in_batches(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No transaction is longer, and no more lines are held at once."""
    lengths: list[int] = []
    real = importing.take

    async def watched(tx: Any, newcomers: list[Newcomer], *, now: int) -> Any:
        lengths.append(len(newcomers))
        return await real(tx, newcomers, now=now)

    monkeypatch.setattr(importing, "take", watched)
    told = taken_over(database_url, [{"union_id": f"u{number}"} for number in range(2 * BATCH + 7)])
    assert counts(told) == (2 * BATCH + 7, 0, 0, 0, 0)
    assert lengths == [BATCH, BATCH, 7]


def test_a_sub_of_another_broker_is_kept_and_never_given_twice(database_url: str, tmp_path: Path) -> None:
    one = {"union_id": "u1", "sub": SUB}
    assert subs(database_url, [one], tmp_path) == [SUB]
    assert taken_over(database_url, [{"union_id": "u2", "sub": SUB}])["refused"][0]["line"] == 1
    assert run("users", "erase", SUB, "--yes", url=database_url).exit_code == 0
    told = taken_over(database_url, [one])
    assert "had it and was erased" in told["refused"][0]["reason"]


def test_the_mapping_is_a_new_file_for_its_owner_only(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "mapping.csv"
    taken_over(database_url, [ADA, EVE], "--mapping", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    head, ada, eve = file.read_text().splitlines()
    assert head == "previous_id,registration,open_id,union_id,sub"
    assert re.fullmatch(r"41,default,-open-ada,,usr_[a-z2-7]{32}", ada)
    assert re.fullmatch(r",,,union-eve,usr_[a-z2-7]{32}", eve)
    again = imported(database_url, "", "--mapping", str(file))
    assert (again.exit_code, "is there already" in again.stderr) == (1, True)
    assert imported(database_url, "", "--mapping", str(tmp_path / "no" / "x")).exit_code == 1


def test_wrong_usage_is_told(database_url: str, tmp_path: Path) -> None:
    unnamed = tmp_path / "people"
    unnamed.touch()
    assert "--format" in run("users", "import", str(unnamed), url=database_url).stderr
    for arguments in (
        (str(unnamed),),
        (str(tmp_path / "missing.csv"),),
        ("-", "--format", "csv", "--dry-run", "--mapping", str(tmp_path / "x")),
    ):
        assert run("users", "import", *arguments, url=database_url).exit_code == 2, arguments
