"""Learners' servers as services of a Docker Swarm, on several hosts.

Theory of operation. What `docker` says of containers holds, with three differences. SwarmSpawner starts services, not
containers, so what a container may do is said in the service's own words, in which Docker 20.10 knows neither a limit
of processes nor a way to forbid new privileges: capabilities are dropped, and the learner's image holds no program that
would give any. Networks are overlays that span the hosts. And volumes belong to one host: name a driver, or options of
the local one, by which every host mounts the same place, such as an NFS export with a folder for each learner.

A swarm asks a registry for the image at each start, unless it is named by its digest; so the hub looks up what the
image is on its own host, and all hosts run that one. And to a swarm, a task runs only once its image's health check
has passed, which happens a whole interval after the start; the hub watches servers itself, so there is no such check.

The hub is no service but a container of its own on a manager: only such a one can join a network that comes later.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docker.errors import ImageNotFound
from docker.types import DriverConfig, Healthcheck, Mount
from dockerspawner import SwarmSpawner
from traitlets import Bool, Dict, Unicode, default

from ..homes import delete_home
from .docker import HOME, HOME_VOLUME, DockerLearnerSpawner


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

    pin_image = Bool(
        True,
        help="Whether all hosts run the very image that the hub's host has under that name: by its digest if it is "
        "from a registry, else by its id, and then each host needs it loaded. True by default.",
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
        source = str(self._render_templates(HOME_VOLUME))
        driver = DriverConfig(self.home_driver, options)
        mount = Mount(HOME, source, type="volume", driver_config=driver)
        return {"mounts": [mount], "cap_drop": ["ALL"], "init": True, "healthcheck": Healthcheck(test=["NONE"])}

    async def start(self) -> Any:
        """Start the server as a service, in a network that the hub has joined."""
        if self.homes:
            (Path(self.homes) / self.escaped_name).mkdir(mode=0o700, exist_ok=True)
        return await super().start()

    async def _delete_home(self) -> None:
        """Delete the files where all hosts mount them; a volume on another host holds none then."""
        await super()._delete_home()
        if self.homes:
            await delete_home(Path(self.homes) / self.escaped_name)

    async def create_object(self) -> Any:
        """Start the service, with the image that this host has."""
        if self.pin_image:
            self.set_trait("extra_container_spec", {**self.extra_container_spec, "image": await self._pinned()})
        return await super().create_object()

    async def _pinned(self) -> str:
        """Return a name of the image that can mean no other, or the name as it is if the image is not here."""
        try:
            found = await self.docker("inspect_image", self.image)
        except ImageNotFound:
            return str(self.image)
        repository = str(self.image).partition("@")[0]
        repository = repository.removesuffix(":" + repository.rpartition("/")[2].partition(":")[2])
        digests = found.get("RepoDigests") or ()
        return str(next((digest for digest in digests if digest.startswith(f"{repository}@")), found["Id"]))
