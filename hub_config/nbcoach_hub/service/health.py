"""Health: is the process alive, and can it do its work."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from .handlers import Handler
from .scopes import public

log = logging.getLogger(__name__)


class HealthHandler(Handler):
    """Serve the health of the service to anybody; 503 when it cannot do its work."""

    @public
    async def get(self) -> None:
        """Answer with `{status, version, checks}`."""
        body = await self.service.health.look()
        self.reply(body, status=200 if body["status"] == "ok" else 503)


class Health:
    """Ask a service for its readiness, at most once a second however often anybody asks."""

    def __init__(self, service: Any, *, keep: float = 1.0, patience: float = 5.0) -> None:
        self._service = service
        self._keep = keep
        self._patience = patience
        self._lock = asyncio.Lock()
        self._seen: tuple[float, dict[str, Any]] | None = None

    async def look(self) -> dict[str, Any]:
        """Return `{status, version, checks}`."""
        async with self._lock:
            if self._seen is None or time.monotonic() - self._seen[0] > self._keep:
                checks = await self._checks()
                status = "ok" if all(found == "ok" for found in checks.values()) else "failing"
                body = {"status": status, "version": str(self._service.version), "checks": checks}
                self._seen = (time.monotonic(), body)
            return self._seen[1]

    async def _checks(self) -> dict[str, str]:
        try:
            return dict(await asyncio.wait_for(self._service.readiness(), self._patience))
        except TimeoutError:
            return {"readiness": f"no answer within {self._patience:g} s"}
        except Exception:
            log.exception("The readiness check failed.")
            return {"readiness": "the check itself failed; see the log"}
