"""The grader service: catalogue, checks and the attempt log, behind the hub's authentication."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from prometheus_client import Counter, Gauge, Histogram
from tornado.web import RequestHandler
from traitlets import Instance, Integer, Unicode, default

from nbcoach_exercises.catalogue import Catalogue
from nbcoach_exercises.errors import NbcoachError
from nbcoach_exercises.verdicts import Verdict
from nbcoach_hub.service import Limits, Service
from nbcoach_hub.storage import Store, open_store

from .engine.engine import Engine
from .grading import Grading
from .kernels.engine import KernelEngine
from .live import live_routes
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
        return os.environ.get("NBCOACH_STORE_URL", "sqlite:///nbcoach.sqlite")

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
        self.store = open_store(self.store_url)
        await self.store.start()
        self.runner = Runner(self.engine, self.kernels)
        await self.runner.start()
        attempts = Limits(self.attempts_per_hour / 3600, self.attempts_per_hour)
        self.grading = Grading(catalogue, self.runner, self.store, attempts)
        self.notices = Notices(self.store, lambda: self.grading.catalogue)
        often = Limits(self.submissions_per_hour / 3600, self.submissions_per_hour)
        self.submissions = Submissions(self.grading, self.store, self.notices, often)
        roster = Roster(self.hub_api_url, lambda: os.environ.get("JUPYTERHUB_API_TOKEN", ""))
        self.releases = Releases(Path(self.courses), self.grading, self.store, self.notices, roster)
        self.checks = Counter("nbcoach_checks_total", "Questions judged.", ["verdict"], registry=self.metrics.registry)
        for verdict in Verdict:
            self.checks.labels(verdict)
        self.check_seconds = Histogram(
            "nbcoach_check_seconds",
            "Time from a request to its feedback.",
            buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
            registry=self.metrics.registry,
        )
        warm = Gauge("nbcoach_warm_notebooks", "Learners' notebooks kept warm.", registry=self.metrics.registry)
        warm.set_function(lambda: self.engine.statistics()["lines"])
        self._announcing = asyncio.create_task(self.releases.announce_all())
        self._warming = [asyncio.create_task(self._warm(course.imports)) for course in catalogue]

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

    async def _warm(self, imports: tuple[str, ...]) -> None:
        try:
            await self.engine.warm(imports)
        except NbcoachError as err:
            self.log.warning("A course's environment is not ready yet: %s", err.message)
