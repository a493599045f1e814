"""What pip-audit's report comes to: it exits with 0 also when the index knew of nothing that it was asked for."""

import json
import sys
from pathlib import Path
from typing import Any

_NOT_ASKED = 75


def verdict(report: dict[str, Any]) -> tuple[int, list[str]]:
    """Exit code and lines to print; the last line is the outcome."""
    every = report.get("dependencies", [])
    unknown = [each["name"] for each in every if "skip_reason" in each]
    found = [(each, flaw) for each in every for flaw in each.get("vulns", [])]
    lines = [f"{each['name']} {each['version']}: {_told(flaw)}" for each, flaw in found]
    if len(unknown) == len(every):
        return _NOT_ASKED, ["Nobody could be asked: the package index here tells nothing of vulnerabilities."]
    if found:
        advice = "run `make lock ARGS=--upgrade`, or look into them."
        return 1, [*lines, f"Known vulnerabilities: {len(found)}; {advice}"]
    if unknown:
        return 1, [f"The package index does not know {', '.join(unknown)}, so that nothing is said of them."]
    return 0, [f"No known vulnerability in {len(every)} packages."]


def _told(flaw: dict[str, Any]) -> str:
    mended = ", ".join(flaw.get("fix_versions", [])) or "no release"
    return f"{flaw['id']} ({', '.join(flaw.get('aliases', []))}), mended in {mended}"


def _main() -> int:
    report = Path(sys.argv[1])
    text = report.read_text(encoding="utf-8") if report.exists() else ""
    code, lines = verdict(json.loads(text) if text.strip() else {})
    sys.stdout.write("\n".join([*lines, ""]))
    return code


if __name__ == "__main__":
    sys.exit(_main())
