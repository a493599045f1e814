"""What stands under `deploy/`, read as data."""

from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML

from broker.configuration import values
from broker.configuration.table import VARIABLES
from broker.configuration.variable import FILE_SUFFIX
from tests.documentation import ROOT

KUBERNETES = ROOT / "deploy" / "kubernetes"
SETTINGS = {name for each in VARIABLES for name in (each.name, each.name + FILE_SUFFIX)}
UNIT = ROOT / "deploy" / "systemd" / "broker.service"


def documents() -> Iterator[dict[str, Any]]:
    """Every manifest but the kustomization."""
    for file in sorted(KUBERNETES.glob("*.yaml")):
        if file.name != "kustomization.yaml":
            yield from YAML(typ="safe").load_all(file)


def kustomization() -> dict[str, Any]:
    """The list of what is applied together, and under which image."""
    loaded: dict[str, Any] = YAML(typ="safe").load(KUBERNETES / "kustomization.yaml")
    return loaded


def of_kind(kind: str) -> dict[str, Any]:
    """The one manifest of this kind."""
    (found,) = (each for each in documents() if each["kind"] == kind)
    return found


def pods() -> list[dict[str, Any]]:
    """The pod templates: the service's, then the migration's."""
    return [of_kind(kind)["spec"]["template"] for kind in ("Deployment", "Job")]


def unit(section: str, key: str) -> list[str]:
    """The values of `key` in a section of the systemd unit, in their order."""
    _, _, after = UNIT.read_text().partition(f"[{section}]\n")
    lines = after.partition("\n[")[0].splitlines()
    return [line.partition("=")[2] for line in lines if line.startswith(f"{key}=")]


def farewell() -> int:
    """Seconds that `broker serve` takes to end at the longest, by the defaults of its settings."""
    seconds = values.duration("0s")
    shutdown = [each.default or "0s" for each in VARIABLES if each.name.startswith("BROKER_SHUTDOWN_")]
    return sum(seconds(each) for each in shutdown)
