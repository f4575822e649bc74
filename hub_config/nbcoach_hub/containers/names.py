"""How the hub looks up servers that it knows by name.

aiohttp asks through c-ares where that is installed, as with JupyterHub 6. c-ares keeps an answer as long as it says it
may be kept, which Docker's own name server always puts at ten minutes. A server that is started again has another
address, and the hub would wait for it at the old one until it gives up.
"""

from __future__ import annotations

import socket

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver


class SystemResolver(AbstractResolver):
    """Ask the system for each connection, and keep nothing."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a host as they are now."""
        return await ThreadedResolver().resolve(host, port, family)

    async def close(self) -> None:
        """Close nothing."""
