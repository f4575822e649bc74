"""The recommender service.

Theory of operation: the hub starts this process with a token that may read the attempt log. The
process keeps no store: it replays the log from the grader at its start, follows it from then on,
and holds the state of every course in memory, so any number of recommenders can stand side by
side and each can be killed at any time. It answers about learners only once the log was read to
its end. While the grader is away it answers from what it knows, and its health says so.
"""

from __future__ import annotations

import os
from typing import Any, ClassVar, cast

from prometheus_client import Gauge
from tornado.web import RequestHandler
from traitlets import Float, Type, Unicode, default

from nbcoach_hub.service import Service, ServiceMisconfigured

from .coach import Coach
from .courses import Courses
from .feed import Follower
from .grader import GraderClient
from .graph import Graph
from .models.abc import Model, Ranker
from .models.baselines import LowestMastery
from .models.mastery import MultiSkillElo
from .models.ranking import KNOWN_AT
from .outline import Outlines
from .routes import ROUTES


class Recommender(Service):
    """Choose the next notebook for each learner, and say why."""

    name: ClassVar[str] = "recommender"  # type: ignore[misc]  # as the base does

    grader_url = Unicode(help="URL of the grader service's prefix; by default NBCOACH_GRADER_URL.").tag(config=True)
    model_class = Type(MultiSkillElo, klass=Model, help="Estimates what learners can do; MultiSkillElo.").tag(
        config=True
    )
    ranker_class = Type(
        LowestMastery, klass=Ranker, help="Orders what may come next; LowestMastery, or AuthorOrder."
    ).tag(config=True)
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

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._grader: GraderClient | None = None
        self.follower: Follower
        self.courses: Courses
        self._cursor = Gauge("nbcoach_log_cursor", "Place in the attempt log.", registry=self.metrics.registry)
        self._skipped = Gauge("nbcoach_log_skipped_entries", "Entries not taken.", registry=self.metrics.registry)

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
        self._grader = GraderClient(self.grader_url, os.environ.get("JUPYTERHUB_API_TOKEN", ""))
        self.courses = Courses(Outlines(self._grader, keep_seconds=self.outline_seconds), self._coach)
        self.follower = Follower(self._grader, self.courses.announce, self.courses.take, wait_seconds=self.wait_seconds)
        self._cursor.set_function(lambda: self.follower.cursor)
        self._skipped.set_function(lambda: self.follower.skipped)
        self.follower.start()

    async def stop_parts(self) -> None:
        """Stop following the log; idempotent."""
        grader, self._grader = self._grader, None
        if grader is not None:
            await self.follower.stop()
            grader.close()

    async def readiness(self) -> dict[str, str]:
        """Return whether the log is followed and known to its end."""
        return {"log": self.follower.state()}

    def _coach(self, graph: Graph) -> Coach:
        model, ranker = (
            cast("type[MultiSkillElo]", self.model_class)(),
            cast("type[LowestMastery]", self.ranker_class)(),
        )
        return Coach(graph, model, ranker, self.known_at)
