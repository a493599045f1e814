"""The page for who watches has every metric and every event of log and audit, and none that is not there."""

from broker.store.audit_names import EVENTS
from tests.documentation import ROOT, Page
from tests.watching.named import log_events, metrics

PAGE = Page(ROOT / "docs/operations/observe.md")


def test_every_metric_stands_there_with_its_labels_and_sentence() -> None:
    expected = [
        [f"`{name}`", ", ".join(f"`{label}`" for label in labels) or "–", sentence]
        for name, (sentence, labels) in metrics().items()
    ]
    assert PAGE.rows("| metric | labels | what it tells |") == expected


def test_every_event_of_the_log_stands_there_with_its_level() -> None:
    rows = PAGE.rows("| event | level | what happened |")
    assert {row[0].strip("`"): row[1] for row in rows} == {
        name: ", ".join(sorted(levels)) for name, levels in log_events().items()
    }
    assert len(rows) == len(log_events())
    assert all(row[2] for row in rows)


def test_every_event_of_the_audit_stands_there_with_its_sentence() -> None:
    rows = PAGE.rows("| event | what it tells |")
    assert rows == [[f"`{name}`", sentence] for name, sentence in EVENTS.items()]
