"""Lock files name versions and digests. Where to download from is for whoever installs to say."""

import re

import pytest

from tests.documentation import ROOT


@pytest.mark.parametrize("pattern", ["**/*.lock", "**/package-lock.json", "**/go.sum"])
def test_a_lock_file_holds_no_address(pattern: str) -> None:
    places = [
        ROOT.glob(pattern.removeprefix("**/")),
        (ROOT / "tests").glob(pattern),
        (ROOT / "verifiers").glob(pattern),
        (ROOT / "benchmarks").glob(pattern),
    ]
    locks = [lock for place in places for lock in place if "node_modules" not in lock.parts]
    assert locks
    assert {lock for lock in locks if re.search(r"\w+://", lock.read_text())} == set()
