"""Whether a bill of materials (CycloneDX) names what the lock file locks: each package, in its version."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_LOCKED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)( ;)?", re.MULTILINE)


def faults(bill: dict[str, Any], lock: str) -> Iterator[str]:
    """A line for each difference; what is locked for some platforms only need not be there."""
    named = {(_name(each["name"]), each["version"]) for each in bill["components"]}
    locked = {(_name(name), version): not marker for name, version, marker in _LOCKED.findall(lock)}
    for name, version in sorted(named - locked.keys()):
        yield f"{name} {version} is in the bill of materials and not in the lock file"
    for (name, version), everywhere in sorted(locked.items()):
        if everywhere and (name, version) not in named:
            yield f"{name} {version} is in the lock file and not in the bill of materials"
    roots = {bill["metadata"]["component"]["bom-ref"]}
    if not any(each["ref"] in roots and each.get("dependsOn") for each in bill["dependencies"]):
        yield "the bill of materials does not say what the program itself depends on"


def _name(written: str) -> str:
    # https://packaging.python.org/en/latest/specifications/name-normalization/
    return re.sub(r"[-_.]+", "-", written).lower()


def _main() -> int:
    bill, lock = (Path(name).read_text(encoding="utf-8") for name in sys.argv[1:])
    found = list(faults(json.loads(bill), lock))
    sys.stdout.write("".join(f"{each}\n" for each in found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(_main())
