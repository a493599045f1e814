"""The pages on security name tests that exist, and leave out no clause of RFC 9700."""

import ast
import re

import pytest

from tests.documentation import ROOT, Page

CLAUSES = Page(ROOT / "docs/security/rfc9700.md")
THREATS = Page(ROOT / "docs/security/threat-model.md")
# RFC 9700: the recommendations, and the attacks with their countermeasures. Section 3 is the attacker model.
OF_THE_RFC = (
    *("2.1", "2.1.1", "2.1.2", "2.2.1", "2.2.2", "2.3", "2.4", "2.5", "2.6"),
    *(f"4.{number}" for number in range(1, 18)),
)
_TEST = re.compile(r"(tests/[\w/]+\.py)::(test_\w+)")


def found_in(file: str) -> set[str]:
    """The names of the test functions in this file."""
    path = ROOT / file
    tree = ast.parse(path.read_text()) if path.exists() else ast.Module([], [])
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("page", [CLAUSES, THREATS], ids=lambda page: page.name)
def test_every_test_that_a_page_names_exists(page: Page) -> None:
    named = [_TEST.fullmatch(span) for span in page.spans if "::" in span]
    assert len(named) > 15
    assert all(named)
    gone = [found[0] for found in named if found and found[2] not in found_in(found[1])]
    assert gone == []


def test_every_clause_has_a_heading_a_place_and_a_proof() -> None:
    parts = re.split(r"^## ", CLAUSES.text, flags=re.MULTILINE)[1:]
    assert [part.split()[0] for part in parts] == list(OF_THE_RFC)
    for part in parts:
        assert re.search(r"^- In: `broker/", part, re.MULTILINE), part[:40]
        assert re.search(r"^- Proven by: `tests/", part, re.MULTILINE), part[:40]


def test_every_threat_that_is_defended_has_a_proof() -> None:
    rows = THREATS.rows("| attack | held by | proven by |")
    assert len(rows) > 15
    assert all(_TEST.fullmatch(proof.strip("`")) for _, _, proof in rows)
