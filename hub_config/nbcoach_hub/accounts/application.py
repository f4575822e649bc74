"""The application of the accounts service."""

from __future__ import annotations

from typing import Any

from traitlets import Unicode, default

from nbcoach_exercises.errors import NbcoachError

from ..service import Service, ServiceMisconfigured, page_routes
from ..service.application import Routes
from ..storage import InvalidStoreUrl, Store, open_store, url_from_environment
from .desk import Desk
from .hub import HubClient
from .pages import PAGES
from .routes import ROUTES


class AccountsService(Service):
    """Serve users their own accounts, and administrators all of them."""

    name = "accounts"
    store_url = Unicode(help="URL of the store; by default NBCOACH_STORE_URL.").tag(config=True)
    store: Store
    desk: Desk

    @default("store_url")
    def _default_store_url(self) -> str:
        return url_from_environment()

    def routes(self) -> Routes:
        """Return the routes of the API and of the pages."""
        return [*ROUTES, *PAGES, *page_routes()]

    async def start_parts(self) -> None:
        """Open the store."""
        try:
            self.store = self.metrics.measure(open_store(self.store_url))
        except InvalidStoreUrl as err:
            raise ServiceMisconfigured(f"NBCOACH_STORE_URL: {err}") from err
        await self.store.start()
        self._hub = HubClient(self.hub_api_url)
        self.desk = Desk(self.store, self._hub)

    async def stop_parts(self) -> None:
        """Close the store and connections."""
        if hasattr(self, "store"):
            await self.store.close()
        if hasattr(self, "_hub"):
            self._hub.close()

    async def readiness(self) -> dict[str, str]:
        """Return whether the store answers."""
        try:
            await self.store.ping()
        except NbcoachError as err:
            return {"store": err.message}
        return {"store": "ok"}

    def details(self) -> dict[str, Any]:
        """Return the store's kind."""
        return {"store": self.store_url.partition(":")[0]}
