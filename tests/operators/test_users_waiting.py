"""Somebody who was imported and has not signed in yet: found, shown, kept out, exported, erased."""

import json
from pathlib import Path

import pytest

from broker.store import waiting
from tests.cli.examining import examine
from tests.cli.running import run
from tests.journeys.tables import contents
from tests.operators.people import on, subs, taken_over
from tests.store.rows import add_client, authorization, record, sign_in

ADA = {"open_id": "-open-ada-open-ada-open-ada", "previous_id": "41"}
EVE = {"union_id": "union-eve"}


@pytest.fixture
def people(database_url: str, tmp_path: Path) -> list[str]:
    """The subs of Ada and Eve."""
    return subs(database_url, [ADA, EVE], tmp_path)


def test_they_are_listed_apart_and_found_by_every_name(database_url: str, people: list[str]) -> None:
    ada, eve = people
    assert json.loads(run("users", "list", "--json", url=database_url).stdout) == []
    listed = json.loads(run("users", "list", "--waiting", "--json", url=database_url).stdout)
    assert [each["sub"] for each in listed] == sorted(people)
    first = run("users", "list", "--waiting", "--limit", "1", url=database_url)
    assert first.stdout.splitlines()[1].startswith(min(people))
    assert first.stderr == f"There are more: broker users list --waiting --after {min(people)}\n"
    last = run("users", "list", "--waiting", "--after", max(people), url=database_url)
    assert (last.stdout, last.stderr) == ("", "There is nobody behind this one.\n")
    for name, sub in ((ada, ada), (ADA["open_id"], ada), (eve, eve), ("union-eve", eve)):
        assert json.loads(run("users", "show", name, "--json", url=database_url).stdout)["sub"] == sub
        assert "has not signed in here yet" in run("users", "show", name, url=database_url).stdout
    exported = json.loads(run("users", "export", ada, url=database_url).stdout)
    assert exported["imported_people"][0]["open_id"] == ADA["open_id"]
    assert exported["accounts"] == []


def test_a_registration_that_there_is_not_is_found_by_the_doctor(database_url: str, people: list[str]) -> None:
    """Whoever waits there waits for ever."""
    taken_over(database_url, [{"open_id": "x", "registration": "partenr"}])
    found = examine(database_url)
    assert "imported people of default" not in found
    assert "1 wait for a sign-in through the registration partenr" in found["imported people of partenr"].found


def test_whoever_has_come_is_shown_with_their_previous_id(database_url: str, people: list[str]) -> None:
    on(database_url, add_client)
    on(database_url, lambda database: record(database, sign_in(account=authorization(open_id=ADA["open_id"]))))
    shown = json.loads(run("users", "show", people[0], "--json", url=database_url).stdout)
    assert (shown["sub"], shown["union_id"], shown["previous_ids"]) == (people[0], "u1", ["41"])
    assert "previous id" in run("users", "show", people[0], url=database_url).stdout
    listed = json.loads(run("users", "list", "--waiting", "--json", url=database_url).stdout)
    assert [each["sub"] for each in listed] == [people[1]]


def test_nobody_waits(database_url: str) -> None:
    assert run("users", "list", "--waiting", url=database_url).stderr == "Nobody waits.\n"


def test_they_can_be_kept_out_and_let_in(database_url: str, people: list[str]) -> None:
    ada = people[0]
    for command, said in (
        ("block", f"{ada} will be refused.\n"),
        ("block", f"{ada} was blocked already.\n"),
        ("unblock", f"{ada} may sign in again.\n"),
        ("unblock", f"{ada} was not blocked.\n"),
    ):
        result = run("users", command, ADA["open_id"], url=database_url)
        assert (result.exit_code, result.output) == (0, said)
    happened = json.loads(run("audit", "--user", ADA["open_id"], "--json", url=database_url).stdout)
    assert [each["event"] for each in happened] == ["user.unblocked", "user.blocked"]


@pytest.mark.parametrize("command", ["sign-out", "disconnect"])
def test_what_they_have_not_got_cannot_end(database_url: str, people: list[str], command: str) -> None:
    result = run("users", command, people[0], "--yes", url=database_url)
    assert (result.exit_code, "has not signed in here yet" in result.stderr) == (1, True)


def test_they_can_be_erased(database_url: str, people: list[str]) -> None:
    ada, eve = people
    run("users", "block", ada, url=database_url)
    asked = run("users", "erase", ada, url=database_url)
    assert (asked.exit_code, "--yes" in asked.stderr) == (1, True)
    assert run("users", "erase", ada, "--yes", url=database_url).output == f"{ada} is erased.\n"
    kept = on(database_url, contents)
    assert [row["sub"] for row in kept["imported_people"]] == [eve]
    for trace in (ada, ADA["open_id"]):
        assert trace not in repr(kept)
    assert json.loads(run("audit", "--user", ada, "--json", url=database_url).stdout)[0]["event"] == "user.erased"
    assert on(database_url, lambda database: database.transact(waiting.block, ada, now=1)) is False
