"""What KubeSpawner has to know beyond the chart of Zero to JupyterHub: learners' pods without rights.

The chart sets image, memory, processors, storage and network policy from its values, see
`hub_config/deploy/kubernetes/values.yaml`; `set_pods` runs after it, from `hub.extraConfig`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def set_pods(c: Any, environment: Mapping[str, str]) -> None:
    """Set what learners' pods may do, and add to their environment.

    Args:
        c: a traitlets `Config`.
        environment: variables that name our services.

    """
    pods = c.KubeSpawner
    pods.environment = {**dict(pods.get("environment", {})), **environment}
    # -P: a file like random.py in the learner's home must not stand in for the library's.
    pods.cmd = ["python", "-P", "-m", "jupyterhub.singleuser"]
    pods.uid = pods.gid = pods.fs_gid = 1000
    pods.allow_privilege_escalation = False
    pods.automount_service_account_token = False
    pods.container_security_context = {
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
