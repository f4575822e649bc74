"""Learners' servers in containers of one host.

Theory of operation. The hub speaks to Docker through its socket, which is as good as root on the host: keep
everything else out of the hub's container. Each server gets a container without capabilities and without a way
to new privileges, bounded in memory, processors and processes, in a network of its own (see `networks`), with
a volume for the learner's files that outlives it. Containers outlive a restart of the hub: it then finds them by
name, and joins their networks again.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from http import HTTPStatus
from typing import Any

from docker.errors import APIError, NotFound
from dockerspawner import DockerSpawner
from traitlets import Bool, Integer, Unicode, default

from .networks import LearnerNetworks

_LOOK_SECONDS = 0.1
_LOOK_MOST_SECONDS = 20.0
_IN_USE_SECONDS = 30.0

HOME = "/home/learner"
HOME_VOLUME = "{prefix}-home-{username}"


class DockerLearnerSpawner(DockerSpawner):  # type: ignore[misc]
    """Start each server in a container and a network of its own."""

    hub_container = Unicode(
        help="Name or id of the hub's own container, which joins learners' networks; by default the host name."
    ).tag(config=True)
    hub_alias = Unicode("hub", help="Name that servers know the hub by; 'hub' by default.").tag(config=True)
    network_pool = Unicode(
        "10.213.0.0/16",
        help="Addresses for learners' networks, eight for each; 10.213.0.0/16 by default, for 8192 servers.",
    ).tag(config=True)
    internet = Bool(False, help="Whether learners' servers reach the internet; they do not by default.").tag(
        config=True
    )
    processes = Integer(256, help="Processes and threads that one server may have; 256 by default.").tag(config=True)

    delete_homes = Bool(
        False, help="Whether a user's home goes with his account; by default it stays for an administrator to delete."
    ).tag(config=True)

    @default("hub_container")
    def _default_hub_container(self) -> str:
        return socket.gethostname()

    @default("network_name")
    def _default_network_name(self) -> str:
        return str(self._render_templates("{prefix}-{username}--{servername}" if self.name else "{prefix}-{username}"))

    @default("prefix")
    def _default_prefix(self) -> str:
        return "nbcoach"

    @default("cmd")
    def _default_cmd(self) -> list[str]:
        # -P: a file like random.py in the learner's home must not stand in for the library's.
        return ["python", "-P", "-m", "jupyterhub.singleuser"]

    @default("volumes")
    def _default_volumes(self) -> dict[str, str]:
        return {HOME_VOLUME: HOME}

    @default("mem_limit")
    def _default_mem_limit(self) -> int:
        return 2**30

    @default("cpu_limit")
    def _default_cpu_limit(self) -> float:
        return 1.0

    @default("remove")
    def _default_remove(self) -> bool:
        return True

    @default("extra_host_config")
    def _default_extra_host_config(self) -> dict[str, Any]:
        return {
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
            "pids_limit": self.processes,
            "init": True,
        }

    @property
    def networks(self) -> LearnerNetworks:
        """The networks of this hub's learners."""
        return LearnerNetworks(
            self.docker,
            hub=self.hub_container,
            alias=self.hub_alias,
            pool=self.network_pool,
            internet=self.internet,
        )

    _joined = False

    async def start(self) -> Any:
        """Start the server in its container, in a network that the hub has joined."""
        await self.networks.join(self.network_name)
        self._joined = True
        address = await super().start()
        await _listening(address)
        return address

    async def poll(self) -> Any:
        """Return None while the server runs; the hub joins its network again after a restart."""
        status = await super().poll()
        if status is None and not self._joined:
            await self.networks.join(self.network_name)
            self._joined = True
        return status

    async def delete_forever(self) -> None:
        """Delete the home of a user whose account is deleted, if that is wanted."""
        if self.delete_homes and not self.name:  # named servers share it
            await self._delete_home()

    async def _delete_home(self) -> None:
        deadline = time.monotonic() + _IN_USE_SECONDS
        while True:
            try:
                await self.docker("remove_volume", self._render_templates(HOME_VOLUME))
            except NotFound:  # he never had a server
                return
            except APIError as err:  # in use: a swarm ends a container a while after its service
                if err.status_code != HTTPStatus.CONFLICT or time.monotonic() > deadline:
                    raise
            else:
                return
            await asyncio.sleep(_LOOK_SECONDS)

    async def stop(self, now: bool = False) -> None:
        """Stop the server, and remove its network."""
        await super().stop(now)
        await self.networks.remove(self.network_name)
        self._joined = False


async def _listening(address: Any) -> None:
    """Wait a while until a server listens.

    The hub looks at growing intervals, up to 5 s: it would find a server some seconds after it is there.
    """
    if not isinstance(address, tuple):
        return
    host, port = address
    deadline = time.monotonic() + _LOOK_MOST_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, TimeoutError):
            _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), 1.0)
            writer.close()
            return
        await asyncio.sleep(_LOOK_SECONDS)
