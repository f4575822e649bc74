"""Learners' servers as services of a Docker Swarm, on several hosts.

Theory of operation. What `docker` says of containers holds, with three differences. SwarmSpawner starts services, not
containers, so what a container may do is said in the service's own words, in which Docker 20.10 knows neither a limit
of processes nor a way to forbid new privileges: capabilities are dropped, and the learner's image holds no program that
would give any. Networks are overlays that span the hosts. And volumes belong to one host: name a driver, or options of
the local one, by which every host mounts the same place, such as an NFS export with a folder for each learner.

The hub is no service but a container of its own on a manager: only such a one can join a network that comes later.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docker.types import DriverConfig, Mount
from dockerspawner import SwarmSpawner
from traitlets import Dict, Unicode, default

from .docker import HOME, DockerLearnerSpawner


class SwarmLearnerSpawner(DockerLearnerSpawner, SwarmSpawner):  # type: ignore[misc]
    """Start each server as a service of the swarm, in a network of its own."""

    home_driver = Unicode("local", help="Driver of the volumes with learners' files; 'local' by default.").tag(
        config=True
    )
    home_options = Dict(
        help="Options of that driver, such as those of an NFS mount; {username} stands for the learner's name."
    ).tag(config=True)

    homes = Unicode(
        help="Where the hub itself has mounted that place: it makes a learner's folder there before the server starts. "
        "Empty by default: the volumes need no folders, or somebody else makes them."
    ).tag(config=True)

    @default("network_pool")
    def _default_network_pool(self) -> str:
        return ""  # a swarm gives overlay networks their addresses itself

    @default("use_internal_ip")
    def _default_use_internal_ip(self) -> bool:
        return True

    @default("extra_endpoint_spec")
    def _default_extra_endpoint_spec(self) -> dict[str, Any]:
        # Names that lead to the task itself: no virtual addresses, which need a part of the kernel that may be missing.
        return {"mode": "dnsrr"}

    @default("extra_container_spec")
    def _default_extra_container_spec(self) -> dict[str, Any]:
        options = {name: str(self._render_templates(value)) for name, value in self.home_options.items()}
        source = str(self._render_templates("{prefix}-home-{username}"))
        driver = DriverConfig(self.home_driver, options)
        mount = Mount(HOME, source, type="volume", driver_config=driver)
        return {"mounts": [mount], "cap_drop": ["ALL"], "init": True}

    async def start(self) -> Any:
        """Start the server as a service, in a network that the hub has joined."""
        if self.homes:
            (Path(self.homes) / self.escaped_name).mkdir(mode=0o700, exist_ok=True)
        return await super().start()
