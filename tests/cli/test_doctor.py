"""`broker doctor` as a command: what it prints, and how it ends."""

import io
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from broker.cli.doctor import report
from broker.cli.doctor.findings import Finding, fault, ok, warning
from broker.cli.main import broker
from broker.configuration.table import VARIABLES
from tests.cli.running import ended, settings
from tests.stage import TIKTOK_SECRET

ONE_OF_EACH = [
    ok("first", "good"),
    warning("a second one", "so so\x1b[2J", "Do this."),
    fault("third", "bad", "word " * 40),
]


def doctor(*arguments: str, environ: Mapping[str, str]) -> Result:
    """The command in this process."""
    return CliRunner().invoke(broker, ["doctor", *arguments], env=dict(environ), prog_name="broker")


def findings(result: Result) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(result.stdout)
    assert all(list(each) == ["check", "outcome", "found", "remedy"] for each in listed)
    return listed


def test_every_fault_in_the_settings_is_listed_at_once_with_its_remedy(tmp_path: Path) -> None:
    done = ended("doctor", "--json", environ={"BROKER_CODE_TTL": "soon", "BROKER_ISSUR": "x"}, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    listed = json.loads(done.stdout)
    assert {each["outcome"] for each in listed} == {"fault"}
    told = {each["found"].split()[0]: each["remedy"] for each in listed}
    names = ["ISSUER", "SECRET_KEYS", "TIKTOK_CLIENT_KEY", "TIKTOK_CLIENT_SECRET", "CODE_TTL", "ISSUR"]
    assert list(told) == [f"BROKER_{name}" for name in names]
    assert told["BROKER_ISSUER"] == "Set it to the broker's public origin, such as https://id.example.com."
    assert told["BROKER_CODE_TTL"] == "Correct it; the README lists every setting."
    assert list(tmp_path.iterdir()) == []


def test_mere_warnings_exit_0_and_a_fault_1(database_url: str) -> None:
    good = settings(database_url)
    result = doctor("--json", environ=good)
    assert (result.exit_code, result.stderr) == (0, "")
    assert {each["outcome"] for each in findings(result)} == {"ok", "warning"}
    result = doctor("--json", environ={**good, "BROKER_ISSUER": "http://[::1]:8000"})
    assert result.exit_code == 1
    assert "fault" in {each["outcome"] for each in findings(result)}
    assert TIKTOK_SECRET not in result.output


def test_on_a_terminal_a_finding_is_a_line_and_its_remedy_stands_below(capsys: pytest.CaptureFixture[str]) -> None:
    report.show(ONE_OF_EACH)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == ["✓ first         good", "! a second one  so so\\x1b[2J", f"{'':16}Do this."]
    assert lines[3] == "✗ third         bad"
    assert lines[-1] == "1 fault, 1 warning."
    assert max(map(len, lines)) <= 116
    assert all(line.startswith(" " * 16) for line in lines[4:-1])


def test_a_terminal_without_such_marks_gets_words(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    report.show(ONE_OF_EACH)
    sys.stdout.flush()
    words = [line.split()[0] for line in written.getvalue().decode("ascii").splitlines() if line[0] != " "]
    assert words == ["ok", "warning", "fault", "1"]


@pytest.mark.parametrize(
    ("of_them", "words"),
    [([ok("a", "b")], "All is well."), ([warning("a", "b", "c")] * 2, "no faults, 2 warnings.")],
)
def test_the_last_line_counts(of_them: list[Finding], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    report.show(of_them)
    assert capsys.readouterr().out.splitlines()[-1] == words


def test_every_setting_that_is_wrong_is_a_fault_with_a_remedy() -> None:
    """All of them at once, each with a text that no setting takes, or the path of a file that is not there."""
    environ: dict[str, str] = {each.name: "/no/such/file \u00a7" for each in VARIABLES}
    result = doctor("--json", environ=environ)
    assert result.exit_code == 1
    told = findings(result)
    assert all(each["outcome"] == "fault" and each["remedy"] for each in told)
    assert {name for name in environ if not any(name in each["found"] for each in told)} == set()
    assert "/no/such/file" not in result.output
