"""Health: is the process alive, can it do its work, and what does its work look like.

Anybody may ask the first two, so the answers hold names of parts and "ok" or "failing", and no more: a
reason may name a file or an address. The details are for who may read metrics.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from .handlers import Handler
from .scopes import METRICS, public, scoped

log = logging.getLogger(__name__)


class LiveHealthHandler(Handler):
    """Say that the process answers; an orchestrator restarts one that does not."""

    @public
    async def get(self) -> None:
        """Answer with `{status, version}`."""
        self.reply({"status": "ok", "version": str(self.service.version)})


class HealthHandler(Handler):
    """Serve the readiness of the service to anybody; 503 when it cannot do its work."""

    @public
    async def get(self) -> None:
        """Answer with `{status, version, checks}`."""
        checks = await self.service.health.look()
        told = {part: "ok" if found == "ok" else "failing" for part, found in checks.items()}
        status = "ok" if set(told.values()) <= {"ok"} else "failing"
        body = {"status": status, "version": str(self.service.version), "checks": told}
        self.reply(body, status=200 if status == "ok" else 503)


class DetailsHandler(Handler):
    """Serve all that is known of the service's state to a caller with the hub's scope `read:metrics`."""

    @scoped(METRICS)
    async def get(self) -> None:
        """Answer with `{status, version, checks, uptime_seconds, details}`."""
        checks = await self.service.health.look()
        self.reply(
            {
                "status": "ok" if set(checks.values()) <= {"ok"} else "failing",
                "version": str(self.service.version),
                "checks": checks,
                "uptime_seconds": round(time.monotonic() - self.service.opened_at),
                "details": self.service.details(),
            }
        )


class Health:
    """Ask a service for its readiness, at most once a second however often anybody asks."""

    def __init__(self, service: Any, *, keep: float = 1.0, patience: float = 5.0) -> None:
        self._service = service
        self._keep = keep
        self._patience = patience
        self._lock = asyncio.Lock()
        self._seen: tuple[float, dict[str, str]] | None = None

    async def look(self) -> dict[str, str]:
        """Return for each part "ok" or what is wrong with it."""
        async with self._lock:
            if self._seen is None or time.monotonic() - self._seen[0] > self._keep:
                checks = await self._checks()
                self._service.metrics.note_readiness(checks)
                self._seen = (time.monotonic(), checks)
            return self._seen[1]

    async def _checks(self) -> dict[str, str]:
        try:
            return dict(await asyncio.wait_for(self._service.readiness(), self._patience))
        except TimeoutError:
            return {"readiness": f"no answer within {self._patience:g} s"}
        except Exception:
            log.exception("The readiness check failed.")
            return {"readiness": "the check itself failed; see the log"}
