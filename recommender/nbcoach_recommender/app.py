"""The recommender service.

Theory of operation: the hub starts this process with a token that may read the attempt log. The
process follows the log from where its own state file ends, or replays all of it, and holds the
state of every course in memory; so each recommender can be killed at any time, and several can
stand side by side, each with a folder of its own. It answers about learners only once the log was
read to its end. While the grader is away it answers from what it knows, and its health says so.

Five loops run beside it: the follower of the log, one that writes the state, one that writes it at once
when somebody was erased, one that lets a worker fit the model anew, course by course, while the old
one serves (see `refit`), and one that hides from Python's garbage collector what stays, courses and
learners: it would walk all of them time and again while somebody waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, ClassVar, cast

from tornado.web import RequestHandler
from traitlets import Float, Int, Type, Unicode, default

from nbcoach_exercises.events import Erasure, Logged
from nbcoach_hub.service import Service, ServiceClient, ServiceMisconfigured

from .coach import Coach
from .courses import Courses
from .feed import Follower
from .graph import Graph
from .metrics import RecommenderMetrics
from .models.abc import Model, Ranker
from .models.policy import ExpectedGain
from .models.ranking import KNOWN_AT
from .models.stacked import StackedMastery
from .outline import Outlines
from .refit import refit
from .routes import ROUTES
from .state import State, StateFolder

log = logging.getLogger(__name__)
_HOUR = 3600.0
_FORGET_SECONDS = 1.0
_SETTLE_SECONDS = 5.0


class Recommender(Service):
    """Choose the next notebook for each learner, and say why."""

    name: ClassVar[str] = "recommender"  # type: ignore[misc]  # as the base does

    grader_url = Unicode(help="URL of the grader service's prefix; by default NBCOACH_GRADER_URL.").tag(config=True)
    model_class = Type(
        StackedMastery, klass=Model, help="Estimates what learners can do; StackedMastery, or MultiSkillElo."
    ).tag(config=True)
    ranker_class = Type(
        ExpectedGain, klass=Ranker, help="Orders what may come next; ExpectedGain, or LowestMastery, or AuthorOrder."
    ).tag(config=True)
    state_folder = Unicode(
        help="Folder for the recommender's own state; by default NBCOACH_RECOMMENDER_STATE, without it nothing is kept."
    ).tag(config=True)
    state_seconds = Float(600.0, help="Seconds between two writings of the state; 600.").tag(config=True)
    state_days = Float(7.0, help="Days after which the log is read anew from its start; 7.").tag(config=True)
    refit_seconds = Float(86400.0, help="Seconds between two fits of the models; a day. 0 never fits.").tag(config=True)
    refit_least = Int(3000, help="New entries of a course below which its model is not fitted anew; 3000.").tag(
        config=True
    )
    known_at = Float(KNOWN_AT, help="Mastery (0 to 1) from which a skill counts as known; 0.45 by default.").tag(
        config=True
    )
    wait_seconds = Float(20.0, help="Seconds that one request for new log entries may wait; 20, at most 30.").tag(
        config=True
    )
    outline_seconds = Float(60.0, help="Seconds after which a course's outline is asked for again; 60.").tag(
        config=True
    )

    @default("grader_url")
    def _default_grader_url(self) -> str:
        return os.environ.get("NBCOACH_GRADER_URL", "")

    @default("state_folder")
    def _default_state_folder(self) -> str:
        return os.environ.get("NBCOACH_RECOMMENDER_STATE", "")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._folder = StateFolder(None)
        self._begun = 0.0
        self._look_at_all = time.monotonic() + _HOUR
        self._fitted: dict[str, int] = {}
        self._keeping = asyncio.Lock()
        self._erased = asyncio.Event()
        self._loops: set[asyncio.Task[None]] = set()
        self._grader: ServiceClient | None = None
        self.follower: Follower
        self.courses: Courses
        self.seen = RecommenderMetrics(self.metrics.registry, self._fits)

    @property
    def model_name(self) -> str:
        """The name of what decides, as answers and logs carry it."""
        return f"{self.ranker_class.name}/{self.model_class.name}"

    def routes(self) -> list[tuple[str, type[RequestHandler]]]:
        """Return the routes of the recommender."""
        return list(ROUTES)

    async def start_parts(self) -> None:
        """Begin to follow the log; idempotent.

        Raises:
            ServiceMisconfigured: the grader's URL is not known.

        """
        if self._grader is not None:
            return
        if not self.grader_url:
            raise ServiceMisconfigured("Set NBCOACH_GRADER_URL, or Recommender.grader_url, to the grader's prefix.")
        self._grader = ServiceClient("grader", self.grader_url, os.environ.get("JUPYTERHUB_API_TOKEN", ""))
        self._folder = StateFolder(Path(self.state_folder) if self.state_folder else None, self.state_days)
        state = self._folder.read()
        self._begun = time.time() if state is None else state.begun
        self.courses = Courses(
            Outlines(self._grader, keep_seconds=self.outline_seconds),
            self._coach,
            {} if state is None else state.courses,
        )
        self.follower = Follower(
            self._grader,
            self.courses.announce,
            self._take,
            after=0 if state is None else state.cursor,
            wait_seconds=self.wait_seconds,
        )
        self.seen.cursor.set_function(lambda: self.follower.cursor)
        self.seen.skipped.set_function(lambda: self.follower.skipped)
        self.seen.caught_up.set_function(lambda: self.follower.caught_up)
        self.seen.silence.set_function(lambda: self.follower.silence)
        self._settle()
        self.follower.start()
        self._loop("settle", _SETTLE_SECONDS, self._settle_again)
        if self.state_folder:
            self._loop("write-state", self.state_seconds, self.write_state)
            self._loop("forget", _FORGET_SECONDS, self._forget)
            if self.refit_seconds:
                self._loop("refit", min(self.refit_seconds, _HOUR), self.refit)

    async def stop_parts(self) -> None:
        """Stop following the log, and keep the state; idempotent."""
        grader, self._grader = self._grader, None
        if grader is not None:
            await self.follower.stop()
            for task in self._loops:
                task.cancel()
            await asyncio.gather(*self._loops, return_exceptions=True)
            await self.write_state()
            grader.close()

    async def write_state(self) -> None:
        """Keep where the log was read to, and what followed from it; nothing before its end was reached once."""
        if self.state_folder and self.follower.caught_up:
            with contextlib.suppress(OSError):
                await self._write()

    async def write_preferences(self) -> None:
        """Keep what learners asked for; one writing after the other.

        Raises:
            OSError: the disk does not take it.

        """
        async with self._keeping:
            await asyncio.to_thread(self._folder.write_preferences, self.courses.preferences(self._begun))

    async def _write(self) -> None:
        # The snapshot is taken here, between two entries of the log; only the writing happens elsewhere.
        state = State(self.follower.cursor, self._begun, self.courses.frozen())
        await asyncio.to_thread(self._folder.write, state)
        await self.write_preferences()

    async def _forget(self) -> None:
        """Wait until somebody was erased, and write the state without him."""
        await self._erased.wait()
        if not self.follower.caught_up:
            return
        self._erased.clear()
        try:
            await self._write()
            await asyncio.to_thread(self._folder.drop_last)
        except OSError:
            self._erased.set()
            raise

    async def refit(self) -> None:
        """Let a worker fit the models that are old enough, of courses in which enough has happened."""
        for coach in self.courses.all():
            course, path = coach.graph.course, self._folder.model_path(coach.graph.course)
            if path is None or not isinstance(coach.model, StackedMastery):
                continue
            if path.exists() and time.time() - path.stat().st_mtime < self.refit_seconds:
                continue
            length = coach.journal.length
            if length - self._fitted.get(course, 0) >= self.refit_least and await refit(coach, path):
                self._fitted[course] = length

    async def readiness(self) -> dict[str, str]:
        """Return whether the log is followed and known to its end."""
        return {"log": self.follower.state()}

    def details(self) -> dict[str, Any]:
        """Return the place in the log, what decides, and how old each course's fitted model is in seconds."""
        return {
            "log": {"cursor": self.follower.cursor, "caught_up": self.follower.caught_up},
            "model": self.model_name,
            "model_ages": {course: round(time.time() - at) for course, at in self._fits().items()},
        }

    def _take(self, entry: Logged) -> None:
        self.courses.take(entry)
        if isinstance(entry.entry, Erasure):
            self._erased.set()
        if self.follower.caught_up:
            self.seen.followed(entry.entry.at.timestamp())
            log.info("followed", extra={"fields": {"entry": entry.entry.id, "cursor": entry.cursor}})

    def _fits(self) -> dict[str, float]:
        paths = {course: self._folder.model_path(course) for course in self._fitted}
        return {course: path.stat().st_mtime for course, path in paths.items() if path is not None and path.exists()}

    def _coach(self, graph: Graph) -> Coach:
        model, ranker = (
            cast("type[StackedMastery]", self.model_class)(),
            cast("type[ExpectedGain]", self.ranker_class)(),
        )
        # Once all of the course is read, before many ask.
        asyncio.get_running_loop().call_soon(self._settle)
        coach = Coach(graph, model, ranker, self.known_at)
        fitted = self._folder.read_model(graph.course) if isinstance(model, StackedMastery) else None
        if fitted is not None:
            coach.replace_model(*fitted)
            self._fitted[graph.course] = fitted[1]
        return coach

    def _settle(self) -> None:
        """Collect the garbage among what is new, and pass over what is left from now on.

        What dies later is freed by its count of references, as ever. Only a cycle that dies later would stay, so
        everything is looked at once in an hour.
        """
        if time.monotonic() > self._look_at_all:
            gc.unfreeze()
            self._look_at_all = time.monotonic() + _HOUR
        gc.collect()
        gc.freeze()

    async def _settle_again(self) -> None:
        self._settle()

    def _loop(self, name: str, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        async def run() -> None:
            while True:
                await asyncio.sleep(seconds)
                try:
                    await work()
                except Exception:
                    log.exception("%s failed; it is tried again in %.0f s.", name, seconds)

        task = asyncio.create_task(run(), name=name)
        self._loops.add(task)
        task.add_done_callback(self._loops.discard)
