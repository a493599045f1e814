"""What `deploy/` asks of Prometheus is there to be asked: each metric, each label, and a page for each alert."""

import json
import re
from typing import Any

import pytest

from tests.documentation import ROOT, Page
from tests.watching.named import alert_rules, metrics, series

DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy/grafana/broker.json").read_text())
RULES = alert_rules()
PAGE = Page(ROOT / "docs/operations/observe.md")

# What the scrape adds, and what a histogram's buckets have.
_ADDED = {"job", "instance", "le"}
_FUNCTIONS = {"sum", "rate", "increase", "max", "min", "count", "absent", "histogram_quantile", "label_values"}
_SELECTED = re.compile(r"(\w+)\{([^}]*)\}")
_GROUPED = re.compile(r"\b(?:by|on|without) \(([^)]*)\)")
_PLAIN = re.compile(r'"[^"]*"|\$\w+|\[[^\]]*\]')


def queries() -> list[str]:
    panels = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    variables = [each["definition"] for each in DASHBOARD["templating"]["list"] if each["type"] == "query"]
    return [*panels, *variables, *(rule["expr"] for rule in RULES)]


def faults(query: str) -> list[str]:
    """The names in a query that nothing answers to."""
    known = {name: {*labels} | _ADDED for name, (_, labels) in series().items()} | {"up": _ADDED}
    plain = _PLAIN.sub("", query)
    names = set(re.findall(r"\b(?:broker_\w+|up)\b", plain))
    found = [name for name in names if name not in known]
    found += [f"what is {name}" for name in re.findall(r"(\w+)\(", plain) if name not in _FUNCTIONS]
    for name, selectors in _SELECTED.findall(plain):
        asked = {each.strip(" =~!") for each in selectors.split(",")}
        found += [f"{name} has no {label}" for label in asked - known.get(name, set())]
    here = set().union(*(known.get(name, set()) for name in names))
    for group in _GROUPED.findall(plain):
        asked = {each.strip() for each in group.split(",")}
        found += [f"nothing here has {label}" for label in asked - here]
    return found


def test_every_query_names_what_is_there() -> None:
    assert {query: found for query in queries() if (found := faults(query))} == {}


@pytest.mark.parametrize(
    "query",
    [
        "rate(broker_sign_in_total[5m])",
        "sum by (app) (rate(broker_sign_ins_total[5m]))",
        'broker_sign_ins_total{result="ok"}',
        'max(broker_database_up{kind="x"})',
        "sum(broker_http_request_seconds_buckets)",
        "sums(broker_database_up)",
        "sum(broker_key_age_seconds_bucket)",
        "broker_key_age_seconds unless on (kid) broker_key_successor_seconds",
    ],
)
def test_a_query_for_nothing_would_be_found(query: str) -> None:
    assert faults(query)


def test_every_metric_is_somewhere_on_the_dashboard() -> None:
    shown = " ".join(queries())
    assert [name for name in metrics() if name not in shown] == []


def test_every_legend_names_a_label_that_its_query_keeps() -> None:
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            kept = {each.strip() for group in _GROUPED.findall(target["expr"]) for each in group.split(",")}
            assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= kept, panel["title"]


def test_panels_do_not_overlap_and_each_has_a_number_of_its_own() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}
    assert len(places) == len(panels)


def test_every_alert_leads_to_what_to_do() -> None:
    for rule in RULES:
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"]["summary"].endswith(".")
        page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
        assert page == PAGE.name
        assert anchor == rule["alert"].lower()
        assert f"### {rule['alert']}\n\n{rule['annotations']['summary']}" in PAGE.text.replace(
            "\n\n", "\0"
        ).replace("\n", " ").replace("\0", "\n\n").replace(" ###", "\n###")
    names = [rule["alert"] for rule in RULES]
    assert re.findall(r"^### (Broker\w+)$", PAGE.text, re.MULTILINE) == names
