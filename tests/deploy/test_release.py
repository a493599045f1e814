"""What audits and bills of materials come to, and that compose.yaml names settings that there are."""

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


LOCK = """# Made by a program.
click==8.5.1 \\
    --hash=sha256:00
prometheus-client==0.26.0 \\
    --hash=sha256:01
uvloop==0.23.0 ; sys_platform != 'win32' \\
    --hash=sha256:02
"""


def bill(*components: tuple[str, str], depends: tuple[str, ...] = ("click==8.5.1",)) -> dict[str, Any]:
    """As cyclonedx-py makes one."""
    return {
        "metadata": {"component": {"bom-ref": "root-component", "name": "tiktok-broker"}},
        "components": [{"name": name, "version": version} for name, version in components],
        "dependencies": [{"ref": "root-component", "dependsOn": list(depends)}],
    }


EVERYTHING = (("click", "8.5.1"), ("prometheus_client", "0.26.0"), ("uvloop", "0.23.0"))


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (bill(*EVERYTHING), ""),
        (bill(*EVERYTHING[:2]), ""),
        (bill(*EVERYTHING, ("pip", "26.1")), "pip 26.1 is in the bill of materials and not in the lock file\n"),
        (
            bill(("click", "8.5.0"), *EVERYTHING[1:]),
            "click 8.5.0 is in the bill of materials and not in the lock file\n"
            "click 8.5.1 is in the lock file and not in the bill of materials\n",
        ),
        (
            bill(*EVERYTHING[::2]),
            "prometheus-client 0.26.0 is in the lock file and not in the bill of materials\n",
        ),
        (
            bill(*EVERYTHING, depends=()),
            "the bill of materials does not say what the program itself depends on\n",
        ),
    ],
    ids=["the same", "another platform", "one more", "another version", "one less", "of nobody"],
)
def test_a_bill_of_materials_names_what_is_locked_and_nothing_else(
    tmp_path: Path, made: dict[str, Any], said: str
) -> None:
    """`make release` asks this of the one that it makes."""
    (tmp_path / "bill").write_text(json.dumps(made))
    (tmp_path / "lock").write_text(LOCK)
    done = subprocess.run(
        [sys.executable, str(ROOT / ".ci/bill.py"), str(tmp_path / "bill"), str(tmp_path / "lock")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr, done.returncode) == (said, "", 1 if said else 0)


def test_compose_sets_what_is_a_setting() -> None:
    text = (ROOT / "compose.yaml").read_text()
    assert set(re.findall(r"^ +(BROKER_[A-Z_]+):", text, re.MULTILINE)) <= SETTINGS
