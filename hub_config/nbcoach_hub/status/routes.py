"""The status page, and the same as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from ..service import METRICS, Handler, PageHandler, page_routes, scoped

if TYPE_CHECKING:
    from tornado.web import RequestHandler

    from .application import StatusService


class StatusHandler(Handler):
    """Serve how each part does."""

    @scoped(METRICS)
    async def get(self) -> None:
        """Answer with all parts."""
        parts = await cast("StatusService", self.service).registry.look()
        self.reply({"parts": [part.to_json() for part in parts]})


class StatusPageHandler(PageHandler):
    """Show how each part does."""

    package = "nbcoach_hub.status"

    @scoped(METRICS)
    async def get(self) -> None:
        """Answer with the page."""
        parts = await cast("StatusService", self.service).registry.look()
        self.show(
            "status.html",
            parts=parts,
            by_name={part.name: part for part in parts},
            troubled=[part for part in parts if part.state != "ok"],
            clock=_clock,
            ms=_ms,
            mib=_mib,
        )


def _clock(seconds: int) -> str:
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _ms(seconds: float | None) -> str:
    return "" if seconds is None else f"{1000 * seconds:.0f} ms"


def _mib(size: Any) -> str:
    return f"{float(size) / 2**20:.0f} MiB"


ROUTES: tuple[tuple[str, type[RequestHandler]], ...] = (
    ("", StatusPageHandler),
    ("api/status", StatusHandler),
    *page_routes(),
)
