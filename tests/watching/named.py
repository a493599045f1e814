"""What the product itself names: its metrics with their labels, its alerts, and the events of its log."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from prometheus_client import Counter, Histogram
from prometheus_client.metrics import MetricWrapperBase
from ruamel.yaml import YAML

from broker import telemetry
from broker.metrics_facts import FACTS

ROOT = Path(__file__).parents[2]
_LEVELS = {"debug", "info", "warning", "error", "critical"}
# A server stands apart, and so does the demo: nobody watches them.
_APART = {"simulator", "demo"}


def metrics() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Sentence and labels of each metric, by the name under which it is scraped."""
    counted = [each for each in vars(telemetry).values() if isinstance(each, MetricWrapperBase)]
    ours = {
        each._name + ("_total" if isinstance(each, Counter) else ""): (each._documentation, each._labelnames)
        for each in counted
    }
    return ours | dict(FACTS)


def series() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Metrics as they are queried: a histogram has three names more."""
    timed = {each._name for each in vars(telemetry).values() if isinstance(each, Histogram)}
    found = metrics()
    return found | {f"{name}{end}": found[name] for name in timed for end in ("_bucket", "_sum", "_count")}


def alert_rules() -> list[dict[str, Any]]:
    """What is shipped for Prometheus to wake somebody."""
    groups = YAML(typ="safe").load(ROOT / "deploy/prometheus/alerts.yaml")["groups"]
    return [rule for group in groups for rule in group["rules"]]


@cache
def log_events() -> dict[str, set[str]]:
    """The levels at which each event of the log is written, read from the source."""
    found: dict[str, set[str]] = {}
    for path in sorted((ROOT / "broker").rglob("*.py")):
        if _APART.isdisjoint(path.relative_to(ROOT / "broker").parts):
            for name, level in _events(ast.parse(path.read_text())):
                found.setdefault(name, set()).add(level)
    return found


def _events(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Calls such as `_log.info("request", …)`: on a logger, with an event by name."""
    nodes = list(ast.walk(tree))
    called = {node.func for node in nodes if isinstance(node, ast.Call)}
    for node in nodes:
        if isinstance(node, ast.Attribute) and node.attr in _LEVELS and _is_logger(node.value):
            assert node in called, f"a line of the log under another name is not found: {ast.unparse(node)}"
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if node.func.attr in _LEVELS and _is_logger(node.func.value):
            first = node.args[0]
            assert isinstance(first, ast.Constant), f"an event is a constant name: {ast.unparse(node)}"
            yield str(first.value), node.func.attr


def _is_logger(value: ast.expr) -> bool:
    return ast.unparse(value) in ("_log", "logger") or ast.unparse(value).startswith("log.get(")
