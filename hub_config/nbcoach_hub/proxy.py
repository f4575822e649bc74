"""JupyterHub's proxy, which can begin to start before it is needed.

Node takes as long to load as the hub takes to look through its database; so both do it at the same time.
"""

from __future__ import annotations

import asyncio

from jupyterhub.proxy import ConfigurableHTTPProxy


class EarlyProxy(ConfigurableHTTPProxy):  # type: ignore[misc]
    """The proxy; configured as `ConfigurableHTTPProxy`."""

    _begun: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Start the process, and leave it to `start` to wait for it."""
        self._begun = asyncio.create_task(super().start())
        await asyncio.sleep(0)

    async def start(self) -> None:
        """Wait for what was begun, or start anew."""
        begun, self._begun = self._begun, None
        try:
            if begun is not None:
                await begun
                return
        except TimeoutError:
            # Its time ran while the hub was busy with itself. Now the hub has nothing else to do.
            self.stop()
        await super().start()
