"""The charts: what Helm makes of ours, by the published schemas, and values for Zero to JupyterHub that fit it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from traitlets.config import Config

from nbcoach_hub.settings import Settings

KUBERNETES = Path(__file__).parents[2] / "hub_config" / "deploy" / "kubernetes"
VERSION = "1.34"
LEARNER = {"app": "jupyterhub", "component": "singleuser-server"}

Manifests = dict[tuple[str, str], dict[str, Any]]


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("helm") is None:
        pytest.skip("Helm is not installed (https://helm.sh/docs/intro/install)")
    command = ["helm", "template", "nbcoach", str(KUBERNETES / "chart"), "--kube-version", VERSION, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture(scope="module")
def manifests() -> Manifests:
    """What the chart makes of its own values."""
    done = helm()
    assert done.returncode == 0, done.stderr
    made = [manifest for manifest in yaml.safe_load_all(done.stdout) if manifest]
    return {(manifest["kind"], manifest["metadata"]["name"]): manifest for manifest in made}


@pytest.fixture
def values() -> dict[str, Any]:
    """The values for Zero to JupyterHub."""
    told: dict[str, Any] = yaml.safe_load((KUBERNETES / "values.yaml").read_text())
    return told


def test_every_manifest_is_valid(manifests: Manifests) -> None:
    for manifest in manifests.values():
        kubernetes_validate.validate(manifest, VERSION, strict=True)
    kinds = [kind for kind, _ in manifests]
    assert (kinds.count("Deployment"), kinds.count("Service"), kinds.count("NetworkPolicy")) == (3, 3, 3)


def test_no_pod_has_rights(manifests: Manifests) -> None:
    for (kind, _), manifest in manifests.items():
        if kind != "Deployment":
            continue
        pod = manifest["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        context = container["securityContext"]
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert (context["allowPrivilegeEscalation"], context["readOnlyRootFilesystem"]) == (False, True)
        assert set(container["resources"]) == {"requests", "limits"}
        assert "readinessProbe" in container


def test_no_policy_lets_a_learner_in(manifests: Manifests) -> None:
    policies = [manifest for (kind, _), manifest in manifests.items() if kind == "NetworkPolicy"]
    for policy in policies:
        assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
        for rule in policy["spec"]["ingress"]:
            assert rule["from"], "a rule without senders lets everybody in"
            for sender in rule["from"]:
                wanted = sender["podSelector"]["matchLabels"]
                assert not wanted.items() <= LEARNER.items()


@pytest.mark.parametrize(("asking", "asked"), [("recommender", "grader"), ("accounts", "recommender")])
def test_a_part_reaches_the_one_that_it_asks(manifests: Manifests, asking: str, asked: str) -> None:
    labels = {part: manifests["Service", f"nbcoach-{part}"]["spec"]["selector"] for part in (asking, asked)}
    leaving = manifests["NetworkPolicy", f"nbcoach-{asking}"]["spec"]["egress"]
    coming = manifests["NetworkPolicy", f"nbcoach-{asked}"]["spec"]["ingress"]
    assert {"podSelector": {"matchLabels": labels[asked]}} in [peer for rule in leaving for peer in rule.get("to", ())]
    assert {"podSelector": {"matchLabels": labels[asking]}} in [peer for rule in coming for peer in rule["from"]]
    (container,) = manifests["Deployment", f"nbcoach-{asking}"]["spec"]["template"]["spec"]["containers"]
    port = manifests["Service", f"nbcoach-{asked}"]["spec"]["ports"][0]["port"]
    url = {"name": f"NBCOACH_{asked.upper()}_URL", "value": f"http://nbcoach-{asked}:{port}/services/{asked}/"}
    assert url in container["env"]


def test_the_values_lead_the_hub_to_the_charts_services(
    manifests: Manifests, values: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in values["hub"]["extraEnv"].items():
        secret = value["valueFrom"]["secretKeyRef"]["key"] if isinstance(value, dict) else ""
        monkeypatch.setenv(name, "ab" * 32 if secret else value)
    monkeypatch.setenv("NBCOACH_STATE", str(tmp_path))
    monkeypatch.setenv("NBCOACH_STORE_URL", f"sqlite:///{tmp_path}/store.sqlite")
    c = Config()
    c.JupyterHub.services = c.JupyterHub.load_roles = []
    exec(values["hub"]["extraConfig"]["10-nbcoach"], {"c": c})
    assert c.JupyterHub.spawner_class == "kubespawner.KubeSpawner"
    services = {service["name"]: service.get("url") for service in c.JupyterHub.services}
    for name, service in Settings.from_environment().service_urls.items():
        assert services[name] == service
        port = manifests["Service", f"nbcoach-{name}"]["spec"]["ports"][0]["port"]
        assert service == f"http://nbcoach-{name}:{port}"


@pytest.mark.parametrize(
    "wrong", ["grader.resources.limits.cpu=much", "secretName=", "grader.seccompProfile.type=None", "typo=1"]
)
def test_wrong_values_are_refused(wrong: str) -> None:
    done = helm("--set", wrong)
    assert done.returncode != 0
    assert wrong.split("=")[0].split(".")[-1] in done.stderr
