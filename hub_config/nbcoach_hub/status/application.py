"""The application of the status service."""

from __future__ import annotations

import os

from nbcoach_exercises.errors import Unavailable, UpstreamFailed

from ..service import Service
from ..service.application import Routes
from .registry import Registry
from .routes import ROUTES


class StatusService(Service):
    """Show admins how each part of the platform does."""

    name = "status"
    registry: Registry

    def routes(self) -> Routes:
        """Return the page, what it is made of, and the way back from the log-in."""
        return list(ROUTES)

    async def start_parts(self) -> None:
        """Prepare to ask the hub."""
        self.registry = Registry(self.hub_api_url, os.environ.get("JUPYTERHUB_API_TOKEN", ""))

    async def stop_parts(self) -> None:
        """Give the connections up."""
        if hasattr(self, "registry"):
            self.registry.close()

    async def readiness(self) -> dict[str, str]:
        """Return whether the hub tells its services."""
        try:
            await self.registry.services()
        except (Unavailable, UpstreamFailed) as err:
            return {"hub": err.message}
        return {"hub": "ok"}
