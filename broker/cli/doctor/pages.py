"""Pages, style and words of the operator's own."""

from collections.abc import Iterator
from pathlib import Path

from broker.cli.doctor.findings import Finding, fault_from, ok
from broker.login.pages import loading
from broker.login.pages.folder import BadPages


def findings(templates: Path | None) -> Iterator[Finding]:
    """One for each fault that would keep `broker serve` from starting; None are ours."""
    check = "pages"
    try:
        loading.load(templates)
    except BadPages as bad:
        for number, sentence in enumerate(bad.faults, 1):
            name = check if number == 1 else f"{check} {number}"
            yield fault_from(name, sentence, "Correct it in the folder that BROKER_TEMPLATES names.")
        return
    yield ok(check, "ours" if templates is None else f"with those in {templates}")
