"""The page for backend developers has the very programs that are tested here."""

import pytest

from tests.documentation import ROOT, Page
from tests.verifiers.programs import VERIFIERS


@pytest.mark.parametrize(
    ("language", "file"),
    [
        ("python", "python/example/verify.py"),
        ("js", "node/verify.mjs"),
        ("go", "go/verify.go"),
        ("java", "java/src/main/java/Verifier.java"),
    ],
)
def test_what_the_page_offers_to_copy_is_what_is_run(language: str, file: str) -> None:
    assert Page(ROOT / "docs/verifying.md").blocks(language) == [(VERIFIERS / file).read_text()]
