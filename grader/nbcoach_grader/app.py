"""The grader service: catalogue, checks and the attempt log, behind the hub's authentication."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from tornado.web import RequestHandler
from traitlets import Instance, Integer, Unicode, default

from nbcoach_exercises.catalogue import Catalogue
from nbcoach_exercises.errors import NbcoachError
from nbcoach_hub.service import Limits, Service
from nbcoach_hub.storage import Store, open_store, url_from_environment

from .engine.engine import Engine
from .grading import Grading
from .kernels.engine import KernelEngine
from .live import live_routes
from .metrics import GraderMetrics
from .notices import Notices
from .releases import Releases
from .roster import Roster
from .routes import api_routes
from .runner import Runner
from .submissions import Submissions
from .work_routes import work_routes


class Grader(Service):
    """Serve courses to learners, judge their cells, keep the attempts."""

    name = "grader"

    courses = Unicode(help="Folder that holds the courses; by default NBCOACH_COURSES.").tag(config=True)
    store_url = Unicode(help="URL of the store, such as sqlite:///file; by default NBCOACH_STORE_URL.").tag(config=True)
    engine = Instance(Engine, help="What runs and judges cells in Python.")
    kernels = Instance(KernelEngine, help="What runs and judges cells in other languages.")

    attempts_per_hour = Integer(
        240,
        min=1,
        help="How often a learner may have one question with hidden checks judged, in an hour, by default 240.",
    ).tag(config=True)

    submissions_per_hour = Integer(
        60, min=1, help="How often a learner may hand in one exercise, in an hour, by default 60."
    ).tag(config=True)

    classes = [Engine, KernelEngine]  # noqa: RUF012 - traitlets' own way to name what can be configured

    @default("courses")
    def _default_courses(self) -> str:
        return os.environ.get("NBCOACH_COURSES", "courses")

    @default("store_url")
    def _default_store_url(self) -> str:
        return url_from_environment() or "sqlite:///nbcoach.sqlite"

    @default("engine")
    def _default_engine(self) -> Engine:
        return Engine(parent=self)

    @default("kernels")
    def _default_kernels(self) -> KernelEngine:
        return KernelEngine(parent=self)

    grading: Grading
    submissions: Submissions
    notices: Notices
    releases: Releases
    runner: Runner
    store: Store

    def routes(self) -> list[tuple[str, type[RequestHandler]]]:
        """Return the routes below the service's prefix."""
        return [*api_routes, *work_routes, *live_routes]

    async def start_parts(self) -> None:
        """Read the courses, open the store, start the engine."""
        catalogue = await asyncio.to_thread(Catalogue.read, Path(self.courses))
        self.store = self.metrics.measure(open_store(self.store_url))
        await self.store.start()
        self.runner = Runner(self.engine, self.kernels)
        await self.runner.start()
        attempts = Limits(
            self.attempts_per_hour / 3600, self.attempts_per_hour, refused=self.metrics.refusal("attempts")
        )
        self.grading = Grading(catalogue, self.runner, self.store, attempts)
        self.notices = Notices(self.store, lambda: self.grading.catalogue)
        often = Limits(
            self.submissions_per_hour / 3600, self.submissions_per_hour, refused=self.metrics.refusal("submissions")
        )
        self.submissions = Submissions(self.grading, self.store, self.notices, often)
        roster = Roster(self.hub_api_url, lambda: os.environ.get("JUPYTERHUB_API_TOKEN", ""))
        self.releases = Releases(Path(self.courses), self.grading, self.store, self.notices, roster)
        self.seen = GraderMetrics(self.metrics.registry, self.engine)
        self._announcing = asyncio.create_task(self.releases.announce_all())
        self._warming = [asyncio.create_task(self._warm(course.imports)) for course in catalogue]

    def wake(self) -> None:
        """Answer those who wait for the log to grow."""
        self.grading.wake()

    async def stop_parts(self) -> None:
        """Stop the engine and what reads style, then the store."""
        begun = [self._announcing, *self._warming]
        for task in begun:
            task.cancel()
        await asyncio.gather(*begun, return_exceptions=True)
        await self.runner.stop()
        await self.grading.close()
        await self.store.close()

    async def readiness(self) -> dict[str, str]:
        """Tell whether store and engine can be used."""
        try:
            await self.store.ping()
        except NbcoachError as err:
            return {"store": err.message, "engine": "ok"}
        return {"store": "ok", "engine": "ok" if self.engine.running else "not running"}

    def details(self) -> dict[str, Any]:
        """Return the store's kind, and the engine's state."""
        return {"store": self.store_url.partition(":")[0], **self.seen.details()}

    async def _warm(self, imports: tuple[str, ...]) -> None:
        try:
            await self.engine.warm(imports)
        except NbcoachError as err:
            self.log.warning("A course's environment is not ready yet: %s", err.message)
