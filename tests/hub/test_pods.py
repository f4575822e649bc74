"""Learners' pods on Kubernetes: the manifest that KubeSpawner makes of our configuration, by the published schema."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import kubernetes_validate
import pytest
from kubernetes_asyncio.client import ApiClient
from kubespawner import KubeSpawner
from traitlets.config import Config

from nbcoach_hub import configure
from nbcoach_hub.settings import Settings

VERSION = "1.34"


@pytest.fixture
def pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The pod of a learner named Amy, with the chart's own settings in place before ours."""
    monkeypatch.setattr("kubespawner.spawner.load_config", lambda **_: None)  # the credentials of a cluster
    c = Config()
    c.KubeSpawner.image = "nbcoach/learner"
    c.KubeSpawner.environment = {"FROM_THE_CHART": "kept"}
    c.KubeSpawner.cmd = "jupyterhub-singleuser"
    configure.apply(c, Settings(state=tmp_path, spawner="kubernetes"))
    return asyncio.run(_manifest(c))


async def _manifest(c: Config) -> dict[str, Any]:
    address = "http://hub:8081/hub/"
    hub = SimpleNamespace(public_host="", url=address, base_url="/hub/", api_url=f"{address}api")
    user = SimpleNamespace(name="amy", id=1, url="/user/amy/")
    spawner = KubeSpawner(_mock=True, config=c, hub=hub, user=user)
    spawner.api_token = "secret"
    spawner.oauth_client_id = "jupyterhub-user-amy"
    async with ApiClient() as client:
        manifest: dict[str, Any] = client.sanitize_for_serialization(await spawner.get_pod_manifest())
    await spawner.api.api_client.close()
    return manifest


def test_it_is_valid(pod: dict[str, Any]) -> None:
    kubernetes_validate.validate(json.loads(json.dumps(pod)), VERSION, strict=True)


def test_it_has_no_rights(pod: dict[str, Any]) -> None:
    (container,) = pod["spec"]["containers"]
    context = container["securityContext"]
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["allowPrivilegeEscalation"] is False
    assert context["runAsNonRoot"] is True
    assert (context["runAsUser"], pod["spec"]["securityContext"]["fsGroup"]) == (1000, 1000)
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["spec"]["automountServiceAccountToken"] is False


def test_it_knows_our_services_and_what_the_chart_said(pod: dict[str, Any]) -> None:
    (container,) = pod["spec"]["containers"]
    variables = {variable["name"]: variable.get("value") for variable in container["env"]}
    assert variables["NBCOACH_GRADER_URL"] == "http://proxy-public/services/grader/"
    assert variables["FROM_THE_CHART"] == "kept"
    assert container["args"] == ["python", "-P", "-m", "jupyterhub.singleuser"]
