"""The status page, and the same as JSON."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, cast

from jinja2 import Environment, StrictUndefined, Template

from ..service import METRICS, Handler, PageHandler, page_routes, scoped

if TYPE_CHECKING:
    from tornado.web import RequestHandler

    from .application import StatusService

_WORDS = {"ok": "works", "failing": "fails", "away": "does not answer"}


class StatusHandler(Handler):
    """Serve how each part does."""

    @scoped(METRICS)
    async def get(self) -> None:
        """Answer with all parts."""
        parts = await cast("StatusService", self.service).registry.look()
        self.reply({"parts": [part.to_json() for part in parts]})


class StatusPageHandler(PageHandler):
    """Show how each part does."""

    style = (resources.files(__package__) / "page.css").read_text("utf-8")

    @scoped(METRICS)
    async def get(self) -> None:
        """Answer with the page."""
        parts = await cast("StatusService", self.service).registry.look()
        self.finish(
            _template().render(
                parts=parts,
                by_name={part.name: part for part in parts},
                troubled=[part for part in parts if part.state != "ok"],
                style=self.style,
                hub="/hub/",
                user=self.identity.name,
            )
        )


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(word=_WORDS.__getitem__, since=_since, ms=_ms, mib=_mib)
    return environment.from_string((resources.files(__package__ or "") / "page.html").read_text("utf-8"))


def _since(seconds: int | None) -> str:
    if seconds is None:
        return ""
    return str(timedelta(seconds=seconds)) if seconds < 86400 else f"{seconds // 86400} days"


def _ms(seconds: float | None) -> str:
    return "none yet" if seconds is None else f"{1000 * seconds:.0f} ms"


def _mib(size: Any) -> str:
    return f"{float(size) / 2**20:.0f} MiB"


ROUTES: tuple[tuple[str, type[RequestHandler]], ...] = (
    ("", StatusPageHandler),
    ("api/status", StatusHandler),
    *page_routes(),
)
