"""What operators read names every command and nothing that is not there; incident pages answer the same questions.

Settings are held to the README's table by `test_docs`, metrics, log and audit to their page by
`watching.test_observe_page`, queries to the metrics by `watching.test_dashboard_and_alerts`.
"""

import re

import click
import pytest

from broker.cli.main import broker
from broker.store.audit_names import EVENTS
from tests.deploy.manifests import SETTINGS
from tests.documentation import PAGES, README, ROOT, Page, fault_in
from tests.programs import commands
from tests.watching.named import alert_rules, log_events, series

OPERATIONS = ROOT / "docs/operations"
START = Page(OPERATIONS / "README.md")
OPERATORS_PAGES = [README, *(page for page in PAGES if OPERATIONS in page.path.parents)]
INCIDENTS = [page for page in PAGES if page.path.parent == OPERATIONS / "incidents"]
SHIPPED = [Page(path) for path in sorted(ROOT.glob("deploy/**/*.*"))]
EVERYTHING = [*PAGES, *SHIPPED, Page(ROOT / "docs/openapi.yaml"), Page(ROOT / "Dockerfile")]

every_text = pytest.mark.parametrize("page", EVERYTHING, ids=lambda page: page.name)
every_operators_page = pytest.mark.parametrize("page", OPERATORS_PAGES, ids=lambda page: page.name)
every_incident = pytest.mark.parametrize("page", INCIDENTS, ids=lambda page: page.name)

QUESTIONS = ["How you notice", "What people see meanwhile", "What to do", "What not to do", "When it is over"]
_NO_METRIC = {"broker_restored"}
"""The database into which the page on backups restores."""


def test_every_command_stands_in_the_table_with_its_options_and_sentence() -> None:
    told = Page(OPERATIONS / "commands.md").rows("| command | options | what it does |")
    assert told == [each.row for each in commands(broker)]


@every_text
def test_a_metric_that_is_named_is_one(page: Page) -> None:
    named = re.findall(r"(?<![\w/])broker_[a-z_]+", page.text)
    assert set(named) - series().keys() - _NO_METRIC == set()


@every_text
def test_an_alert_that_is_named_is_one(page: Page) -> None:
    assert set(re.findall(r"\bBroker[A-Z]\w+", page.text)) <= {rule["alert"] for rule in alert_rules()}


@pytest.mark.parametrize("page", [page for page in EVERYTHING if page not in PAGES], ids=lambda page: page.name)
def test_a_variable_that_is_named_beside_the_pages_is_a_setting(page: Page) -> None:
    assert set(re.findall(r"\bBROKER_[A-Z0-9_]*[A-Z0-9]\b", page.text)) <= SETTINGS


@every_text
def test_an_event_that_is_named_is_written(page: Page) -> None:
    """Log and audit: whatever in backticks begins as one of theirs does, and whatever `--event` is given."""
    known = EVENTS.keys() | log_events().keys()
    begins = {name.partition(".")[0] for name in known if "." in name}
    like = [span for span in page.spans if re.fullmatch(rf"({'|'.join(begins)})\.(?!md|py|css)[a-z_]+", span)]
    assert set(like) <= known
    asked = [words[words.index("--event") + 1] for words in page.command_lines() if "--event" in words[:-1]]
    assert set(asked) <= EVENTS.keys() | {"NAME"}


@every_text
def test_a_command_that_is_named_without_its_program_exists(page: Page) -> None:
    """`users erase` in a sentence, as short for `broker users erase`; and `broker users erase` outside of code."""
    groups = [name for name, command in broker.commands.items() if isinstance(command, click.Group)]
    short = [span.split() for span in page.spans if span.partition(" ")[0] in groups and " " in span]
    plain = re.findall(rf"\bbroker ({'|'.join(groups)}) ([a-z][a-z-]*)", page.text)
    assert [words for words in (*short, *map(list, plain)) if fault_in(broker, words)] == []


@every_operators_page
def test_an_option_that_is_named_by_itself_exists(page: Page) -> None:
    options = {option for each in commands(broker) for option in each.options} | {"--help"}
    assert {span.split()[0] for span in page.spans if span.startswith("--")} <= options


@every_incident
def test_an_incident_page_answers_the_same_questions_in_the_same_order(page: Page) -> None:
    headings = re.findall(r"^## (.+)$", page.text, re.MULTILINE)
    assert [heading for heading in headings if heading in QUESTIONS] == QUESTIONS


def test_the_start_page_leads_to_every_page_for_operators_and_the_readme_to_the_start_page() -> None:
    there = {str(page.path.relative_to(OPERATIONS)) for page in OPERATORS_PAGES[1:]} - {"README.md"}
    assert there - {link.partition("#")[0] for link in START.links} == set()
    assert START.name in README.links
