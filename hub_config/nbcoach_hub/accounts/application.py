"""The application of the accounts service."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path
from typing import Any

from traitlets import Unicode, default

from nbcoach_exercises.errors import NbcoachError

from ..auditing import Spool
from ..service import Service, ServiceClient, ServiceMisconfigured, page_routes
from ..service.application import Routes
from ..storage import InvalidStoreUrl, Store, open_store, url_from_environment
from .desk import Desk
from .hub import HubClient
from .pages import PAGES
from .routes import ROUTES

log = logging.getLogger(__name__)
_MOVE_SECONDS = 2.0


class AccountsService(Service):
    """Serve users their own accounts, and administrators all of them."""

    name = "accounts"
    store_url = Unicode(help="URL of the store; by default NBCOACH_STORE_URL.").tag(config=True)
    audit_spool = Unicode(
        help="File in which hub and commands note what is done beside this service; by default NBCOACH_AUDIT_SPOOL, "
        "without it there is none."
    ).tag(config=True)
    recommender_url = Unicode(
        help="URL of the recommender's prefix, for exports, which say that they lack its part without it; by default "
        "NBCOACH_RECOMMENDER_URL."
    ).tag(config=True)
    store: Store
    desk: Desk
    _moving: asyncio.Task[None] | None = None

    @default("store_url")
    def _default_store_url(self) -> str:
        return url_from_environment()

    @default("audit_spool")
    def _default_audit_spool(self) -> str:
        return os.environ.get("NBCOACH_AUDIT_SPOOL", "")

    @default("recommender_url")
    def _default_recommender_url(self) -> str:
        return os.environ.get("NBCOACH_RECOMMENDER_URL", "")

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
        token = os.environ.get("JUPYTERHUB_API_TOKEN", "")
        self._recommender = ServiceClient("recommender", self.recommender_url, token) if self.recommender_url else None
        self.desk = Desk(self.store, self._hub, self._recommender)
        if self.audit_spool and self._moving is None:
            self._moving = asyncio.create_task(self._move(Spool(Path(self.audit_spool))), name="audit-spool")

    async def stop_parts(self) -> None:
        """Close the store and connections."""
        moving, self._moving = self._moving, None
        if moving is not None:
            moving.cancel()
            await asyncio.wait({moving})
        if hasattr(self, "store"):
            await self.store.close()
        if hasattr(self, "_hub"):
            self._hub.close()
            if self._recommender is not None:
                self._recommender.close()

    async def _move(self, spool: Spool) -> None:
        while True:
            try:
                await spool.move(self.desk.take_in)
            except NbcoachError:
                pass  # the store is away: the file keeps them
            except OSError as err:
                log.error("The file of audit entries cannot be read: %s", err)
            await asyncio.sleep(_MOVE_SECONDS)

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
