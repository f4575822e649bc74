"""A network for each learner, in which there are his server and the hub and nobody else.

Theory of operation. Containers in one network reach each other's ports, so learners who share one can
knock at each other's servers. Here each server has a network of its own. The hub's container joins it
under a fixed name, which is how the server finds the hub's API and, through the gateway in the same
container, the services; services and store are in other networks and cannot be reached in another way.
Unless the internet is allowed the network is internal: it has no way out.

Docker's own address pools hold about thirty networks, so subnets of the least size are taken from a pool
that the admin names. Who is first to create a network has its subnet: Docker refuses one that overlaps,
and the next is tried. An overlay network of a swarm gets its subnet from the swarm.

Networks are left and removed when the server stops. One that a crash has left behind is used again by the same learner.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from docker.errors import APIError, NotFound
from docker.types import IPAMConfig, IPAMPool

_SUBNET_PREFIX = 29
"""Six addresses: the bridge's own, the hub, the server, and three to spare."""
_REMOVAL_TRIES = 10
_IN_USE = (400, 403, 409)
"""What Docker answers of a network with members, local or of a swarm, and of a container that is being removed."""
_LABELS = {"org.nbcoach.network": "learner"}

_creating = asyncio.Lock()

Docker = Callable[..., Awaitable[Any]]


class NetworksExhausted(RuntimeError):
    """No subnet of the pool is free; the message says which setting to change."""


class LearnerNetworks:
    """The networks that one hub makes.

    Args:
        docker: calls a method of Docker's client by name.
        hub: the name or id of the hub's container, which joins each network.
        alias: the name that servers know the hub by.
        pool: the addresses that subnets are taken from; empty for overlay networks.
        internet: whether there is a way out.

    """

    def __init__(self, docker: Docker, *, hub: str, alias: str, pool: str = "", internet: bool = False) -> None:
        self._docker = docker
        self._hub = hub
        self._alias = alias
        self._pool = pool
        self._internet = internet

    async def join(self, name: str) -> None:
        """Make the network if it is not there, and let the hub join it; idempotent.

        Raises:
            NetworksExhausted: the pool has no free subnet.
            APIError: Docker refuses.

        """
        async with _creating:
            try:
                await self._docker("inspect_network", name)
            except NotFound:
                await self._create(name)
        try:
            await self._docker("connect_container_to_network", self._hub, name, aliases=[self._alias])
        except APIError as err:
            if not _joined_already(err):
                raise

    async def remove(self, name: str) -> None:
        """Let the hub leave the network and remove it; one that is gone is fine, one that stays in use is left.

        Raises:
            APIError: Docker refuses for another reason.

        """
        await self._try("disconnect_container_from_network", self._hub, name)
        for _ in range(_REMOVAL_TRIES):  # a container that has just ended is in it for a moment
            if await self._try("remove_network", name):
                return
            await asyncio.sleep(1)

    async def _try(self, method: str, *arguments: str) -> bool:
        """Return whether it was done, or there was nothing to do; False while a network is in use."""
        try:
            await self._docker(method, *arguments)
        except NotFound:
            return True
        except APIError as err:
            if err.status_code not in _IN_USE:
                raise
            return False
        return True

    async def _create(self, name: str) -> None:
        kind = {"driver": "bridge"} if self._pool else {"driver": "overlay", "attachable": True}
        common = {**kind, "internal": not self._internet, "labels": _LABELS}
        if not self._pool:
            await self._docker("create_network", name, **common)
            return
        taken = [subnet for network in await self._docker("networks") for subnet in _subnets(network)]
        for subnet in ipaddress.IPv4Network(self._pool).subnets(new_prefix=_SUBNET_PREFIX):
            if any(subnet.overlaps(other) for other in taken):
                continue
            try:
                ipam = IPAMConfig(pool_configs=[IPAMPool(subnet=str(subnet))])
                await self._docker("create_network", name, ipam=ipam, **common)
                return
            except APIError as err:
                if "overlap" not in str(err).lower():
                    raise
        raise NetworksExhausted(
            f"All networks of {self._pool} are in use: name a larger pool in DockerLearnerSpawner.network_pool."
        )


def _subnets(network: dict[str, Any]) -> Iterator[ipaddress.IPv4Network]:
    for config in (network.get("IPAM") or {}).get("Config") or ():
        subnet = str(config.get("Subnet", ""))
        if "." in subnet:
            yield ipaddress.IPv4Network(subnet, strict=False)


def _joined_already(err: APIError) -> bool:
    # 403 of a network of this host, 409 of one that spans a swarm.
    return err.status_code in (403, 409) and "already" in str(err).lower()
