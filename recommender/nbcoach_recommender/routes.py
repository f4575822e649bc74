"""The recommender's API: what comes next for the caller, and what the caller masters."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, cast

from nbcoach_exercises.errors import Unavailable
from nbcoach_hub.service import LEARN, TEACH, Handler, scoped

from .coach import Coach
from .models.ranking import Recommendation

if TYPE_CHECKING:
    from .app import Recommender

log = logging.getLogger(__name__)
MOST = 20
SEEN_SECONDS = 3.0
_LAST_CURSOR = 10**18 - 1


class CourseHandler(Handler):
    """Answer about the caller in one course."""

    async def coach_of(self, course: str) -> Coach:
        """Return the coach of a course that the caller belongs to.

        Raises:
            UnknownCourse: no such course, or not for the caller.
            Unavailable: the log is not read to its end yet; an answer could offer what is long solved.

        """
        self.require_member(course)
        if not self.recommender.follower.caught_up:
            raise Unavailable("The recommender is still reading the attempt log; try again in a moment.")
        return await self.recommender.courses.coach(course)

    @property
    def recommender(self) -> Recommender:
        """The service, as what it is."""
        return cast("Recommender", self.service)


class NextHandler(CourseHandler):
    """Serve what the caller should do next."""

    @scoped(LEARN, TEACH)
    async def get(self, course: str) -> None:
        """Answer with up to `k` exercises, after the log was followed to `seen` or 3 s have passed."""
        k = self.whole("k", 1, 1, MOST)
        seen = self.whole("seen", 0, 0, _LAST_CURSOR)
        coach = await self.coach_of(course)
        if seen:
            await self.recommender.follower.wait_for(seen, SEEN_SECONDS)
        # From here on nothing waits, so the cursor is that of the answer.
        learner = self.identity.name
        cursor = self.recommender.follower.cursor
        items = [_item(found) for found in coach.recommend(learner, k)]
        # Both rankers are deterministic: what is shown had the probability 1 of being shown.
        shown = {"course": course, "cursor": cursor, "model": self.recommender.model_name, "propensity": 1.0}
        log.info("recommended", extra={"fields": shown | {"items": [item["exercise"] for item in items]}})
        self.reply(
            {
                "course": course,
                "model": self.recommender.model_name,
                "cursor": cursor,
                "items": items,
                "done": coach.done(learner),
            }
        )


class MasteryHandler(CourseHandler):
    """Serve what the caller masters."""

    @scoped(LEARN, TEACH)
    async def get(self, course: str) -> None:
        """Answer with an estimate for each skill of the course, in its order."""
        coach = await self.coach_of(course)
        estimates = coach.mastery(self.identity.name)
        self.reply(
            {
                "course": course,
                "cursor": self.recommender.follower.cursor,
                "skills": [
                    {
                        "id": skill,
                        "title": coach.graph.skills[skill].title,
                        "mastery": estimate.mastery,
                        "attempts": estimate.attempts,
                    }
                    for skill, estimate in estimates.items()
                ],
            }
        )


def _item(found: Recommendation) -> dict[str, Any]:
    exercise = found.candidate.exercise
    return {
        "exercise": exercise.task.id,
        "title": exercise.title,
        "p": found.p,
        "minutes": exercise.minutes,
        "difficulty": exercise.task.difficulty,
        "skills": list(exercise.task.skills),
        "why": {"code": found.why.code, "params": dict(found.why.params), "text": found.why.text},
    }


ROUTES = [
    (r"api/courses/([^/]+)/next", NextHandler),
    (r"api/courses/([^/]+)/mastery", MasteryHandler),
]
