"""What a dependency audit comes to, and that compose.yaml names settings that there are."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.manifests import SETTINGS
from tests.documentation import ROOT

GOOD = {"name": "click", "version": "8.5.1", "vulns": []}
BAD = {
    "name": "jinja2",
    "version": "2.4.1",
    "vulns": [{"id": "PYSEC-2014-8", "aliases": ["CVE-2014-1402"], "fix_versions": ["2.7.2"]}],
}
UNKNOWN = {"name": "yarl", "skip_reason": "Dependency not found on PyPI and could not be audited: yarl (1.25.1)"}


def audited(report: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, str(ROOT / ".ci/audited.py"), str(report)], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("dependencies", "code", "words"),
    [
        ([GOOD], 0, "No known vulnerability in 1 packages."),
        ([GOOD, BAD], 1, "jinja2 2.4.1: PYSEC-2014-8 (CVE-2014-1402), mended in 2.7.2\nKnown vulnerabilities: 1;"),
        ([GOOD, UNKNOWN], 1, "does not know yarl, so that nothing is said of them"),
        ([BAD, UNKNOWN], 1, "Known vulnerabilities: 1;"),
        ([UNKNOWN], 75, "Nobody could be asked"),
        ([], 75, "Nobody could be asked"),
    ],
)
def test_an_audit_passes_only_when_somebody_could_be_asked(
    tmp_path: Path, dependencies: list[Any], code: int, words: str
) -> None:
    report = tmp_path / "report"
    report.write_text(json.dumps({"dependencies": dependencies, "fixes": []}))
    found, printed = audited(report)
    assert found == code
    assert words in printed


def test_no_report_is_no_audit(tmp_path: Path) -> None:
    assert audited(tmp_path / "none")[0] == 75
    (tmp_path / "empty").touch()
    assert audited(tmp_path / "empty")[0] == 75


def test_compose_sets_what_is_a_setting() -> None:
    text = (ROOT / "compose.yaml").read_text()
    assert set(re.findall(r"^ +(BROKER_[A-Z_]+):", text, re.MULTILINE)) <= SETTINGS
