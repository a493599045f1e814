"""The manifests fit the program, each other, and Kubernetes' "restricted" Pod Security Standard."""

import re
import shutil
import subprocess
from itertools import pairwise
from typing import Any

import pytest

from broker.cli.main import broker
from broker.configuration.table import VARIABLES
from broker.configuration.variable import FILE_SUFFIX
from tests.deploy.manifests import KUBERNETES, SETTINGS, documents, farewell, kustomization, of_kind, pods
from tests.documentation import ROOT, Page, fault_in
from tests.stage import HeldClock
from tests.web.front import running_front

every_pod = pytest.mark.parametrize("pod", pods(), ids=["service", "migration"])


def container(pod: dict[str, Any]) -> dict[str, Any]:
    (only,) = pod["spec"]["containers"]
    found: dict[str, Any] = only
    return found


@every_pod
def test_a_pod_runs_a_command_that_there_is(pod: dict[str, Any]) -> None:
    assert fault_in(broker, container(pod)["args"]) is None


@every_pod
def test_a_pod_sets_what_is_a_setting_and_its_files_are_mounted(pod: dict[str, Any]) -> None:
    given = {each["name"]: each["value"] for each in container(pod)["env"]}
    assert given.keys() <= SETTINGS
    assert all(name.endswith(FILE_SUFFIX) for name in given), "secrets are files"
    (mount,) = (each for each in container(pod)["volumeMounts"] if each["name"] == "secrets")
    (volume,) = (each["secret"] for each in pod["spec"]["volumes"] if each["name"] == "secrets")
    assert mount["readOnly"]
    names = {path.removeprefix(f"{mount['mountPath']}/") for path in given.values()}
    assert names <= secret_keys()
    assert {each["path"] for each in volume.get("items", [])} <= names
    assert volume["defaultMode"] == 0o440


def secret_keys() -> set[str]:
    """The keys of the Secret that the page on installing makes."""
    lines = Page(ROOT / "docs/operations/install.md").command_lines()
    (words,) = (words for words in lines if words[:1] == ["kubectl"] and "secret" in words)
    assert words[words.index("generic") + 1] == pods()[0]["spec"]["volumes"][0]["secret"]["secretName"]
    return {
        word.removeprefix("--from-file=").partition("=")[0] for word in words if word.startswith("--from-file=")
    }


def test_every_required_setting_comes_from_somewhere() -> None:
    given = {each["name"].removesuffix(FILE_SUFFIX) for each in container(pods()[0])["env"]}
    given |= of_kind("ConfigMap")["data"].keys()
    assert of_kind("ConfigMap")["data"].keys() <= SETTINGS
    assert {each.name for each in VARIABLES if each.remedy} <= given
    (source,) = container(pods()[0])["envFrom"]
    assert source["configMapRef"]["name"] == of_kind("ConfigMap")["metadata"]["name"]


@every_pod
def test_a_pod_is_restricted(pod: dict[str, Any]) -> None:
    """Kubernetes, Pod Security Standards, "Restricted", and beyond it a root file system that nobody writes to."""
    spec, own = pod["spec"], container(pod)["securityContext"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert own == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert spec["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & spec.keys()
    assert all(each.keys() <= {"name", "secret", "emptyDir"} for each in spec["volumes"])
    user = re.search(r"^USER (\d+):(\d+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert user is not None
    wanted = {key: spec["securityContext"][key] for key in ("runAsUser", "runAsGroup", "fsGroup")}
    assert wanted == {"runAsUser": int(user[1]), "runAsGroup": int(user[2]), "fsGroup": int(user[2])}
    resources = container(pod)["resources"]
    assert resources["requests"].keys() == {"cpu", "memory"}
    assert "memory" in resources["limits"]


async def test_the_probes_ask_for_what_there_is(database_url: str) -> None:
    async with running_front(database_url, HeldClock()) as front:
        for name in ("startupProbe", "livenessProbe", "readinessProbe"):
            probe = container(pods()[0])[name]
            assert (await front.http.get(probe["httpGet"]["path"])).status_code == 200
            assert probe["httpGet"]["port"] in ports(pods()[0])
    # A database that is away must restart nobody.
    assert container(pods()[0])["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert container(pods()[0])["readinessProbe"]["httpGet"]["path"] == "/readyz"


def ports(pod: dict[str, Any]) -> dict[str, int]:
    return {each["name"]: each["containerPort"] for each in container(pod)["ports"]}


def test_it_listens_where_the_service_and_the_policy_lead() -> None:
    listens = dict(pairwise(container(pods()[0])["args"]))
    assert int(listens["--port"]) == ports(pods()[0])["http"]
    assert listens["--host"] == "0.0.0.0"
    (port,) = of_kind("Service")["spec"]["ports"]
    (rule,) = of_kind("NetworkPolicy")["spec"]["ingress"]
    assert port["targetPort"] == rule["ports"][0]["port"] == "http"


def test_each_selector_means_the_pods_that_it_should() -> None:
    service, migration = (pod["metadata"]["labels"] for pod in pods())

    def selects(selector: dict[str, str], labels: dict[str, str]) -> bool:
        return selector.items() <= labels.items()

    for kind in ("Deployment", "PodDisruptionBudget"):
        selector = of_kind(kind)["spec"]["selector"]["matchLabels"]
        assert (selects(selector, service), selects(selector, migration)) == (True, False), kind
    selector = of_kind("Service")["spec"]["selector"]
    assert (selects(selector, service), selects(selector, migration)) == (True, False)
    policy = of_kind("NetworkPolicy")["spec"]["podSelector"]["matchLabels"]
    assert (selects(policy, service), selects(policy, migration)) == (True, True)
    for spread in pods()[0]["spec"]["topologySpreadConstraints"]:
        assert selects(spread["labelSelector"]["matchLabels"], service)
    accounts = {each["metadata"]["name"] for each in documents() if each["kind"] == "ServiceAccount"}
    assert {pod["spec"]["serviceAccountName"] for pod in pods()} == accounts


def test_one_pod_at_a_time_leaves_and_a_roll_out_takes_none_away() -> None:
    assert of_kind("PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    assert of_kind("Deployment")["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert of_kind("Deployment")["spec"]["replicas"] > 1


def test_nobody_is_killed_before_the_broker_has_ended_by_itself() -> None:
    assert pods()[0]["spec"]["terminationGracePeriodSeconds"] >= farewell() + 10


def test_no_private_network_is_reached_by_way_of_https() -> None:
    egress = of_kind("NetworkPolicy")["spec"]["egress"]
    # What is not named is open.
    assert of_kind("NetworkPolicy")["spec"]["policyTypes"] == ["Ingress", "Egress"]
    (https,) = (rule for rule in egress if {"port": 443} in rule["ports"])
    (everywhere,) = (each["ipBlock"] for each in https["to"] if each["ipBlock"]["cidr"] == "0.0.0.0/0")
    assert set(everywhere["except"]) >= {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"}


def test_all_but_the_migration_is_applied_together_and_both_are_of_one_release() -> None:
    listed = set(kustomization()["resources"])
    assert {file.name for file in KUBERNETES.glob("*.yaml")} - listed == {"kustomization.yaml", "migration.yaml"}
    (image,) = kustomization()["images"]
    assert container(pods()[0])["image"] == image["name"]
    assert container(pods()[1])["image"] == f"{image['newName']}:{image['newTag']}"


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="there is no kubectl here")
def test_kubectl_puts_it_together() -> None:
    done = subprocess.run(
        ["kubectl", "kustomize", str(KUBERNETES)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "image: registry.example.com/tiktok-broker:0.1.0" in done.stdout
