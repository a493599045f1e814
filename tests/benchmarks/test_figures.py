"""What the rounds come to, and how it is told."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks import kept, page, plots, report
from benchmarks.accounting import Memory
from benchmarks.connections import Driven
from benchmarks.figures import Spread, lines, ratios
from benchmarks.kept import Run
from benchmarks.legs import LEGS
from benchmarks.postgresql import Counted, count
from benchmarks.rounds import Measured, Played, Setting, Start

SETTING = Setting("postgresql", 1)


def measured(target: str, *cpu: float, **given: Any) -> Measured:
    """A hundred refreshes a round, each round at its cost."""
    played = [Played("refresh", Driven(100, 2.0, 0.1, 1.0, 2.0, 3.0), seconds, 0.05) for seconds in cpu]
    title = f"{target} <&> co"
    told = {"refresh": Counted(1.0, 1.0, 1.0)}
    return Measured(target, title, SETTING, [Start(0.5, 0.4, 60.0)], played, told, Memory(70, 80, 75), **given)


@pytest.fixture
def run() -> Run:
    both = [measured("broker", 0.1, 0.2, 0.5), measured("other", 0.2, 0.2, 0.5)]
    return Run(
        both, {"refresh": Driven(100, 1.0, 0.01, 0.1, 0.1, 0.1)}, {"processor": "a", "cores": 2, "python": "3"}
    )


def test_a_leg_is_the_median_of_its_rounds_with_their_range(run: Run) -> None:
    [line] = lines(run.results[0])
    assert line.per_cpu_second == Spread(500, 200, 1000)
    assert line.service_cpu == 2.0
    assert line.database_cpu == 0.5
    assert line.per_second == Spread(50, 50, 50)


def test_a_ratio_is_made_of_rounds_that_were_played_beside_each_other(run: Run) -> None:
    """Not of medians: what disturbed one round disturbed it for both."""
    assert ratios(*run.results) == {"refresh": Spread(1.0, 1.0, 2.0)}


def test_a_rate_near_the_generators_own_is_warned_of(run: Run) -> None:
    assert not list(report.warnings(run))
    slow = Run(run.results, {"refresh": Driven(100, 1.0, 1.1, 0.1, 0.1, 0.1)}, run.machine)
    assert len(list(report.warnings(slow))) == 2
    assert "Warning" in report.table(slow)


def test_a_run_that_was_kept_is_the_same_run(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(kept.document(run))
    assert kept.read(path) == run


def test_every_figure_is_in_the_tables(run: Run) -> None:
    for words in (report.table(run), page.whole(run)):
        assert all(
            part in words for part in ("500", "200–1,000", "2.000 ms", "0.500 ms", "1.00", "75 MiB", "10,000")
        )


def test_a_page_is_filled_between_its_marks_again_and_again(run: Run) -> None:
    text = "Before\n<!-- figures: begin -->\nold\n<!-- figures: end -->\nafter\n"
    once = page.filled(text, run)
    assert "old" not in once
    assert "| refresh | 500 |" in once
    assert once.startswith("Before\n")
    assert once.endswith("\nafter\n")
    assert page.filled(once, run) == once
    drawings = {"latency": "x/latency.svg", "peers-postgresql-1": "x/peers.svg"}
    assert "(x/latency.svg)" in page.filled(text, run, drawings)
    ratios = page.filled("<!-- ratios: begin -->\n<!-- ratios: end -->", run, drawings)
    assert "(x/peers.svg)" in ratios
    assert "latency" not in ratios
    assert page.filled(ratios, Run(run.results[:1], run.ceiling, run.machine)) == ratios
    assert "| refresh | 500 | 500 | 1.00 (1.00–2.00) |" in ratios
    with pytest.raises(RuntimeError, match="no marks"):
        page.filled("Nothing here.", run)


def test_the_drawings_are_well_formed_and_have_every_value(run: Run, tmp_path: Path) -> None:
    drawn = plots.draw(run, tmp_path)
    assert [path.name for path in drawn.values()] == ["operations.svg", "latency.svg", "peers-postgresql-1.svg"]
    for path in drawn.values():
        root = ElementTree.fromstring(path.read_text())
        words = [text.text or "" for text in root.iter("{http://www.w3.org/2000/svg}text")]
        assert LEGS["refresh"].title in words
        assert any("broker <&> co" in each for each in words)
        assert any(each.startswith(("500", "1.0 · 3.0")) for each in words)


def test_statements_are_counted_without_what_is_around_them() -> None:
    log = (
        "at one in 5/7: LOG:  statement: BEGIN;\n"
        "at one in 5/7: LOG:  execute __asyncpg_stmt_3__: UPDATE grants\n\tSET x = 'at one in 9/9: LOG'\n"
        "at one in 5/7: DETAIL:  Parameters: $1 = 'SELECT'\n"
        "at one in 5/7: LOG:  statement: COMMIT;\n"
        "at two in 6/1: LOG:  execute <unnamed>: SELECT 1\n"
        "at one in 6/2: LOG:  execute <unnamed>: SELECT 1\n"
    )
    assert count(log, "one", 1) == Counted(2, 2, 1)
    assert count(log, "one", 1).each(2) == Counted(1, 1, 0.5)
